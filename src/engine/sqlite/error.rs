//! Explains errors of SQLite to the user who runs a dump or a restore.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use rusqlite::{ErrorCode, ffi};

use super::locks;
use super::sides::{SIDES, add_suffix};
use crate::human;

/// The codes by which SQLite reports a damaged database. Any other code means that the database
/// could not be read.
pub(super) const DAMAGE: [ErrorCode; 2] = [ErrorCode::NotADatabase, ErrorCode::DatabaseCorrupt];

/// The error of a database that is itself damaged.
#[derive(Debug)]
pub(super) struct Corrupt(pub(super) String);

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Corrupt {}

/// An error of SQLite that is printed once. `rusqlite`'s own error prints the message and then, as
/// the cause of the message, its number and the message again.
#[derive(Debug)]
struct SqliteError(rusqlite::Error);

impl std::fmt::Display for SqliteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SqliteError {}

/// Returns SQLite's code of an error, or `None` if SQLite did not cause the error.
pub(super) fn find_code(error: &anyhow::Error) -> Option<ErrorCode> {
    error.chain().find_map(|cause| {
        let explained = cause.downcast_ref().map(|SqliteError(error)| error);
        explained
            .or_else(|| cause.downcast_ref())
            .and_then(rusqlite::Error::sqlite_error_code)
    })
}

/// Returns true if damage of the database caused the error.
pub(super) fn is_corruption(error: &anyhow::Error) -> bool {
    error.chain().any(<dyn std::error::Error>::is::<Corrupt>)
        || find_code(error).is_some_and(|code| DAMAGE.contains(&code))
}

/// Returns true if another program's lock caused the error.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
        )
    )
}

/// Returns why SQLite was not allowed to open a side file, or `None` if no side file is the reason.
fn find_unusable_side(database: &Path) -> Option<String> {
    let owner = database.metadata().ok()?.uid();
    SIDES.iter().find_map(|suffix| {
        let side = PathBuf::from(add_suffix(database.as_os_str(), suffix));
        let found = side.symlink_metadata().ok()?;
        let shown = side.display();
        if !found.is_file() {
            return Some(format!("{shown} is not a regular file; remove it"));
        }
        let is_foreign = rustix::process::geteuid().is_root() && found.uid() != owner;
        is_foreign.then(|| {
            format!("{shown} belongs to user {} and the database to user {owner}; give it to that user, or run as that user", found.uid())
        })
    })
}

/// Returns the error with one sentence in front of SQLite's own message. `waited` is how long the
/// program waited for a lock.
pub(super) fn explain(path: &Path, waited: Duration, error: rusqlite::Error) -> anyhow::Error {
    let shown = path.display();
    let extended = error.sqlite_error().map_or(0, |error| error.extended_code);
    let meaning = match error.sqlite_error_code() {
        _ if is_busy(&error) => {
            return anyhow!(
                "{shown} was locked by {} for {}; see --busy-timeout",
                locks::name_holder(path),
                human::format_duration(waited)
            );
        }
        Some(ErrorCode::NotADatabase) => {
            format!("{shown} is not an SQLite database, or it is encrypted or damaged")
        }
        Some(ErrorCode::DatabaseCorrupt) => format!("{shown} is corrupt"),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied)
            if find_unusable_side(path).is_some() =>
        {
            find_unusable_side(path).unwrap_or_default()
        }
        Some(ErrorCode::ReadOnly)
            if [ffi::SQLITE_READONLY_ROLLBACK, ffi::SQLITE_READONLY_RECOVERY]
                .contains(&extended) =>
        {
            format!(
                "{shown} was left by a program that crashed and must be opened for writing once (by that program, or sqlite3) before it can be read"
            )
        }
        Some(ErrorCode::TooBig) => format!(
            "an expression in the schema of {shown} makes a value that is far larger than the database; it cannot be checked"
        ),
        // In WAL mode even a reader takes its locks in a file that it may have to create.
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => format!(
            "cannot open {shown}, or the -wal and -shm files beside it; run as the file's owner, with its directory writable"
        ),
        _ => format!("cannot read {shown}"),
    };
    anyhow::Error::new(SqliteError(error)).context(meaning)
}
