//! Leaving a WAL database as it was found.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::sides::with_suffix;

/// A read-only connection to a WAL database that no one else has open creates an empty log and a
/// `-shm` file, and may not remove them. When this is dropped, after that connection, the database
/// is opened and closed once as any program does: SQLite itself then removes them, unless someone
/// uses the database. A log with content is left alone.
pub(super) struct LastOut(PathBuf);

impl LastOut {
    /// Before the connection is made: a log that is there already is not ours to remove.
    pub(super) fn if_at_rest(database: &Path) -> Option<Self> {
        let log = PathBuf::from(with_suffix(database.as_os_str(), "-wal"));
        log.symlink_metadata()
            .is_err()
            .then(|| LastOut(database.to_owned()))
    }
}

impl Drop for LastOut {
    fn drop(&mut self) {
        let log = PathBuf::from(with_suffix(self.0.as_os_str(), "-wal"));
        if log.symlink_metadata().is_ok_and(|log| log.len() == 0) {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let _ = Connection::open_with_flags(&self.0, flags).and_then(|connection| {
                connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
            });
        }
    }
}
