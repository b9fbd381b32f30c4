//! The names of the files that SQLite keeps beside a database.

use std::ffi::{OsStr, OsString};

/// The suffixes of the side files. SQLite applies the content of a side file to any database that
/// has the matching name.
pub(super) const SIDES: [&str; 3] = ["-journal", "-wal", "-shm"];

/// Returns `name` with `suffix` at its end.
pub(super) fn add_suffix(name: &OsStr, suffix: &str) -> OsString {
    let mut name = name.to_owned();
    name.push(suffix);
    name
}
