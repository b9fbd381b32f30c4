//! The old database that a restore replaces: refuses it while it is in use, holds it and dumps it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rustix::fs::Stat;

use super::dumper::Sqlite;
use super::image::read_shape;
use super::lock_deadline::{LockDeadline, NAP};
use super::target_path::TargetPath;
use super::{guard, watch};
use crate::engine::load::{Save, explain_not_saved};
use crate::human;
use crate::stop::Stop;

/// Refuses a database that another process has open, as far as `/proc` shows. Returns the number of
/// processes whose open files `/proc` does not show.
///
/// A process that starts a program has, for a moment, a child process with all its open files. So a
/// database counts as open only if it is open for a second.
pub(super) fn refuse_if_open(place: &TargetPath) -> Result<usize> {
    const LOOKS: u32 = 20;
    const NAP: Duration = Duration::from_millis(50);
    for _ in 1..LOOKS {
        if let Ok(hidden) = find_open(place) {
            return Ok(hidden);
        }
        std::thread::sleep(NAP);
    }
    find_open(place)
}

fn find_open(place: &TargetPath) -> Result<usize> {
    let names = std::iter::once(place.name().to_owned()).chain(place.list_sides());
    let wanted: Vec<_> = names
        .filter_map(|name| place.stat(&name).ok())
        .map(|found| (found.st_dev, found.st_ino))
        .collect();
    let mut hidden = 0;
    let own = std::process::id();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else {
            hidden += usize::from(process.path().exists());
            continue;
        };
        let mut open = descriptors
            .flatten()
            .filter_map(|fd| fs::metadata(fd.path()).ok());
        if pid != own && open.any(|meta| wanted.contains(&(meta.dev(), meta.ino()))) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            bail!(
                "{} is open in process {pid} ({}); stop that program first",
                place.path().display(),
                human::escape(name.trim())
            );
        }
    }
    Ok(hidden)
}

/// The old database, held so that no other program can use it. Dropping the value without
/// [`HeldDatabase::release_replaced`] releases the database in the journal mode that it had.
pub(super) struct HeldDatabase {
    connection: Option<Connection>,
    path: PathBuf,
    old: Stat,
    was_wal: bool,
}

impl HeldDatabase {
    /// Opens the database and holds it. Reading rolls back a hot journal, the checkpoint writes a
    /// log into the database, and the switch to DELETE by way of PERSIST removes a journal file
    /// that any mode left.
    ///
    /// # Errors
    /// When the database is damaged, or other programs use it.
    pub(super) fn take(place: &TargetPath, busy_timeout: Duration, stop: Stop) -> Result<Self> {
        let path = place.path();
        let old = place.old.as_ref().context("no database is there")?;
        guard::admit(path, old);
        let lock_deadline = LockDeadline::new(path.to_owned(), busy_timeout, stop);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || Connection::open_with_flags(path, flags);
        let mut held = HeldDatabase {
            connection: Some(lock_deadline.retry(open)?),
            path: path.to_owned(),
            old: *old,
            was_wal: false,
        };
        if let Some(connection) = &held.connection {
            watch::restrict(connection, u64::try_from(old.st_size).unwrap_or(0))?;
        }
        let mode = lock_deadline.retry(|| held.lock_exclusively())?;
        if let Some(side) = place.list_sides().first() {
            bail!(
                "{} is in use by another program, or {} cannot be removed; stop that program first",
                path.display(),
                place.path_of(side).display()
            );
        }
        ensure!(
            mode == "delete",
            "{} is in use by another program; stop that program first",
            path.display()
        );
        if let Some(connection) = &mut held.connection {
            connection.progress_handler(10_000, Some(move || stop.reason().is_some()))?;
        }
        Ok(held)
    }

    /// Takes the exclusive lock and returns the journal mode. May be called again after an error:
    /// what an earlier call did is not undone.
    fn lock_exclusively(&mut self) -> rusqlite::Result<String> {
        let Some(connection) = &self.connection else {
            return Ok(String::new());
        };
        connection.busy_timeout(NAP)?;
        // If the database is damaged, closing it must not write its log into it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let pragma = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0));
        let is_wal = pragma("PRAGMA journal_mode")? == "wal";
        self.was_wal |= is_wal;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        if is_wal {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        } else {
            pragma("PRAGMA journal_mode = PERSIST")?;
        }
        pragma("PRAGMA journal_mode = DELETE")?;
        // In this mode the lock outlives the transaction that took it. So the transaction that
        // reads afterwards is not a writing one, from which SQLite's backup would not copy.
        pragma("PRAGMA locking_mode = EXCLUSIVE")?;
        connection.execute_batch("BEGIN EXCLUSIVE; COMMIT; BEGIN")?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        pragma("PRAGMA journal_mode")
    }

    /// Dumps the database through the connection that holds it. Returns the dump's path.
    pub(super) fn dump(&mut self, save: &mut dyn Save, stop: Stop) -> Result<PathBuf> {
        let connection = self.connection.as_ref().context("it was released")?;
        let shape = read_shape(connection)?;
        let connection = self.connection.take().context("it was released")?;
        let mut dumper = Sqlite::with_connection(&self.path, &self.old, connection, shape, stop);
        let saved = save.save(&mut dumper);
        let saved = saved.map_err(|error| {
            explain_not_saved(error, "--replace --without-saving moves it aside instead")
        });
        self.connection = dumper.into_source();
        saved
    }

    /// Ends the hold after another file took the database's name: its journal mode is not restored.
    pub(super) fn release_replaced(mut self) {
        self.was_wal = false;
    }

    /// Lets others use the database again, in the journal mode that it had. Returns a message if
    /// the journal mode is not restored.
    pub(super) fn release(mut self) -> Option<String> {
        self.restore_journal_mode().err().map(|error| {
            format!(
                "the content of {} is unchanged, but its journal mode is no longer WAL ({error}); when no program uses it, run: sqlite3 FILE 'PRAGMA journal_mode = WAL'",
                self.path.display()
            )
        })
    }

    fn restore_journal_mode(&mut self) -> rusqlite::Result<()> {
        let mut connection = self.connection.take();
        if let Some(connection) = &mut connection {
            // The signal or deadline that stopped the work must not stop this.
            let _ = connection.progress_handler(0, None::<fn() -> bool>);
            let _ = connection.execute_batch("ROLLBACK");
        }
        if !std::mem::take(&mut self.was_wal) {
            return Ok(());
        }
        let connection = if let Some(connection) = connection {
            connection
        } else {
            // The thread that checks the database did not end, and still has the other connection.
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(NAP)?;
            connection
        };
        connection.query_row("PRAGMA locking_mode = NORMAL", [], |_| Ok(()))?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
    }
}

impl Drop for HeldDatabase {
    fn drop(&mut self) {
        let _ = self.restore_journal_mode();
    }
}
