//! Opens a file that only this process knows, without locks.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use anyhow::Result;
use rusqlite::{Connection, OpenFlags};

use super::{guard, watch};
use crate::stop::Stop;

/// Opens a private, finished file read-only without locks or side files, and restricts its schema.
/// `immutable` is safe only because no other process writes the file.
pub(crate) fn open(path: &Path, file: &File, stop: Stop) -> Result<Connection> {
    let path = guard::admit_own(path, file)?;
    let mut db = open_immutable(&path)?;
    watch::restrict(&db, file.metadata()?.len())?;
    db.progress_handler(10_000, Some(move || stop.reason().is_some()))?;
    Ok(db)
}

fn open_immutable(path: &Path) -> rusqlite::Result<Connection> {
    // The empty authority keeps SQLite from reading the beginning of a path with two slashes as an
    // authority.
    let mut uri = "file://".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri += "?immutable=1";
    Connection::open_with_flags(
        uri,
        OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
}
