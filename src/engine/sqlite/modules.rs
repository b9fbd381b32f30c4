//! Removes virtual table modules from a connection.

#![allow(unsafe_code)]

use rusqlite::{Connection, ffi};

/// Makes the connection forget every virtual table module. `PRAGMA integrity_check` skips a table
/// whose module is missing, and fails on a table that its module cannot open.
pub(super) fn forget(db: &Connection) -> rusqlite::Result<()> {
    // SAFETY: the handle is that of a live connection, which this call does not close, and a null
    // list means that no module is kept.
    unsafe {
        ffi::sqlite3_drop_modules(db.handle(), std::ptr::null_mut());
    }
    // Reads the schema again. This closes the virtual tables that are already open.
    db.execute_batch("PRAGMA writable_schema = RESET")
}
