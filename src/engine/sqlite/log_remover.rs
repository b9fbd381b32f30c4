//! Leaves a WAL database as it was found.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::sides::add_suffix;

/// Removes the empty log and the `-shm` file that a read-only connection leaves. Such a connection
/// to a WAL database that no other program has open creates both files, and may not remove them.
/// When this value is dropped, after that connection, it opens and closes the database once as any
/// program does. SQLite itself then removes the files, unless another program uses the database. A
/// log with content is left alone.
pub(super) struct LogRemover(PathBuf);

impl LogRemover {
    /// Returns the value if no log lies beside the database, else `None`: this program must not
    /// remove a log that it did not create. Call this before the connection is made.
    pub(super) fn new(database: &Path) -> Option<Self> {
        let log = PathBuf::from(add_suffix(database.as_os_str(), "-wal"));
        log.symlink_metadata()
            .is_err()
            .then(|| LogRemover(database.to_owned()))
    }
}

impl Drop for LogRemover {
    fn drop(&mut self) {
        let log = PathBuf::from(add_suffix(self.0.as_os_str(), "-wal"));
        if log.symlink_metadata().is_ok_and(|log| log.len() == 0) {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let _ = Connection::open_with_flags(&self.0, flags).and_then(|connection| {
                connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
            });
        }
    }
}
