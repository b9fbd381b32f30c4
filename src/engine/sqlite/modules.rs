//! Doing without virtual tables.

#![allow(unsafe_code)]

use rusqlite::{Connection, ffi};

/// Makes the connection forget every virtual table module. A table whose module is missing is
/// passed over by `PRAGMA integrity_check`; one that its module cannot open makes it fail.
pub(super) fn forget(db: &Connection) -> rusqlite::Result<()> {
    // SAFETY: the handle is that of a live connection, which this call does not close, and a null
    // list means that no module is kept.
    unsafe {
        ffi::sqlite3_drop_modules(db.handle(), std::ptr::null_mut());
    }
    // Reads the schema again, which lets go of the tables that are already open.
    db.execute_batch("PRAGMA writable_schema = RESET")
}
