//! Dumps an SQLite database.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use rustix::fs::Stat;

use super::find::{find, name_database};
use super::image::{self, read_shape};
use super::lock_deadline::{LockDeadline, NAP};
use super::log_remover::LogRemover;
use super::sides::add_suffix;
use super::{check, facts, guard, lock_free, other_journals, other_processes, room, watch};
use crate::content::image::Shape;
use crate::engine::dumper::{Dumper, ScratchFile};
use crate::header::Facts;
use crate::identity::Identity;
use crate::name::Format;
use crate::stop::Stop;

/// The number of bytes that are copied between two checks of the deadline. The read transaction
/// around the copy keeps writers out, so the copy never restarts, however small the steps are.
const STEP: u32 = 16 << 20;

/// The size in bytes up to which every check is thorough: such a check takes well under a second.
const SMALL: u64 = 64 << 20;

/// The dumper of an SQLite database.
pub(super) struct Sqlite {
    path: PathBuf,
    file_name: Vec<u8>,
    identity: Identity,
    source: Option<Connection>,
    /// The connection that is streamed and checked: the source itself within its snapshot, or the
    /// copy.
    snapshot: Option<Connection>,
    copy: Option<File>,
    needs_copy: bool,
    is_wal: bool,
    /// True if a log with content, or in a rollback mode a journal, lay beside the database before it
    /// was opened.
    has_log: bool,
    found: Stat,
    shape: Shape,
    lock_deadline: LockDeadline,
    stop: Stop,
    /// This field is dropped last, after the connections.
    _log_remover: Option<LogRemover>,
}

/// Returns true if the `sqlite_dbpage` table is compiled in. If it is not, every database is copied
/// first.
#[must_use]
pub fn has_dbpage() -> bool {
    Connection::open_in_memory()
        .and_then(|memory| {
            memory.query_row(
                "SELECT count(*) FROM pragma_module_list WHERE name = 'sqlite_dbpage'",
                [],
                |row| row.get::<_, i64>(0),
            )
        })
        .is_ok_and(|count| count > 0)
}

impl Sqlite {
    /// Finds the database and reads its first page. Creates no database.
    ///
    /// # Errors
    /// Returns one sentence that says why the database cannot be dumped.
    pub(super) fn open(path: &Path, busy_timeout: Duration, stop: Stop) -> Result<Self> {
        room::refuse_if_full()?;
        let file_name = find_file_name(path);
        let (path, found) = find(path)?;
        let journal = add_suffix(path.as_os_str(), "-journal");
        let has_journal = Path::new(&journal).symlink_metadata().is_ok();
        let log = add_suffix(path.as_os_str(), "-wal");
        let has_log = Path::new(&log)
            .symlink_metadata()
            .is_ok_and(|log| log.len() > 0);
        let lock_deadline = LockDeadline::new(path.clone(), busy_timeout, stop);
        let log_remover = LogRemover::new(&path);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut source = lock_deadline.retry(|| Connection::open_with_flags(&path, flags))?;
        source.busy_timeout(NAP)?;
        let bytes = u64::try_from(found.st_size).unwrap_or(0);
        watch::restrict(&source, bytes)?;
        source.progress_handler(10_000, Some(move || stop.reason().is_some()))?;
        let mode: String = lock_deadline
            .retry(|| source.query_row("PRAGMA journal_mode", [], |row| row.get(0)))?;
        Ok(Sqlite {
            identity: Identity::from_path(&path),
            shape: lock_deadline.retry(|| read_shape(&source))?,
            _log_remover: log_remover,
            path,
            file_name,
            source: Some(source),
            snapshot: None,
            copy: None,
            needs_copy: mode != "wal" || !has_dbpage(),
            is_wal: mode == "wal",
            has_log: if mode == "wal" { has_log } else { has_journal },
            found,
            lock_deadline,
            stop,
        })
    }

    /// Returns a dumper that reads through `source`, a connection that already keeps all other
    /// programs out.
    pub(super) fn with_connection(
        path: &Path,
        found: &Stat,
        source: Connection,
        shape: Shape,
        stop: Stop,
    ) -> Self {
        Sqlite {
            path: path.to_owned(),
            file_name: find_file_name(path),
            identity: Identity::from_path(path),
            source: Some(source),
            snapshot: None,
            copy: None,
            needs_copy: !has_dbpage(),
            is_wal: false,
            has_log: false,
            found: *found,
            shape,
            lock_deadline: LockDeadline::new(path.to_owned(), Duration::ZERO, stop),
            stop,
            _log_remover: None,
        }
    }

    /// Returns the connection that was given to [`Sqlite::with_connection`].
    pub(super) fn into_source(self) -> Option<Connection> {
        self.source.or(self.snapshot)
    }

    /// Checks that a WAL database is used under this name only.
    ///
    /// # Errors
    /// When the database is used, or may have been used, under another name too.
    fn refuse_second_name(&self) -> Result<()> {
        if self.is_wal {
            other_processes::refuse(&self.path, &self.found, self.has_log, self.stop)?;
        }
        Ok(())
    }

    fn copy(&self, source: &Connection, scratch: &Path) -> Result<()> {
        let mut copy = Connection::open(scratch)?;
        copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
        let pages = i32::try_from(STEP / self.shape.page_size.max(512))?;
        let backup = Backup::new(source, &mut copy)?;
        loop {
            match self.lock_deadline.retry(|| backup.step(pages))? {
                StepResult::Done => return Ok(()),
                StepResult::More => self.stop.check()?,
                // The read transaction rules out any other result, so waiting would last forever.
                other => bail!("SQLite's backup stopped: {other:?}"),
            }
        }
    }
}

impl Dumper for Sqlite {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn file_name(&self) -> Vec<u8> {
        self.file_name.clone()
    }

    fn database(&self) -> Vec<u8> {
        name_database(&self.path)
    }

    fn format(&self) -> Format {
        Format::Sqlite
    }

    fn engine_version(&self) -> String {
        rusqlite::version().to_owned()
    }

    fn scratch_bytes(&self) -> u64 {
        if self.needs_copy {
            self.shape.bytes()
        } else {
            0
        }
    }

    fn owner(&self) -> Option<u32> {
        Some(self.found.st_uid)
    }

    fn take_snapshot(&mut self, scratch: Option<ScratchFile<'_>>) -> Result<()> {
        // Keep the connection in `self.source` until nothing can fail: the holder of a held
        // database gets it back.
        let source = self.source.as_ref();
        let source = source.context("the snapshot was taken already")?;
        let held = !source.is_autocommit();
        if !held {
            self.lock_deadline.retry(|| source.execute_batch("BEGIN"))?;
        }
        self.shape = self.lock_deadline.retry(|| read_shape(source))?;
        self.refuse_second_name()?;
        if !self.is_wal && !self.has_log {
            other_journals::refuse(&self.path, &self.found, self.stop)?;
        }
        let Some(scratch) = scratch.filter(|_| self.needs_copy) else {
            self.snapshot = self.source.take();
            return Ok(());
        };
        let path = guard::admit_own(&scratch.path, scratch.file)?;
        self.copy(source, &path)
            .with_context(|| format!("cannot copy {}", self.path.display()))?;
        if !held {
            self.source = None;
        }
        let unreadable = || format!("cannot read {}", path.display());
        let file = scratch.file.try_clone().with_context(unreadable)?;
        let copy = lock_free::open(&path, &file, self.stop).with_context(unreadable)?;
        self.shape = read_shape(&copy).with_context(unreadable)?;
        self.snapshot = Some(copy);
        self.copy = Some(file);
        Ok(())
    }

    fn tables(&self) -> Vec<String> {
        // If the tables cannot be read, `check` says why.
        let snapshot = self.snapshot.as_ref();
        let tables = snapshot.and_then(|snapshot| facts::list_tables(snapshot).ok());
        tables.unwrap_or_default()
    }

    fn stream(&mut self, out: &mut dyn Write) -> Result<()> {
        let snapshot = self.snapshot.as_ref().context("no snapshot was taken")?;
        let streamed = match &self.copy {
            Some(file) => image::stream_file(file, self.shape, out),
            None => image::stream_table(snapshot, self.shape, out),
        };
        if streamed.is_err() {
            self.stop.check()?;
        }
        streamed.with_context(|| format!("cannot read {} whole", self.path.display()))
    }

    fn check(&mut self, thorough: bool) -> Result<Facts> {
        let snapshot = self.snapshot.take().context("no snapshot was taken")?;
        let thorough = thorough || self.shape.bytes() <= SMALL;
        let (path, shape) = (self.path.clone(), self.shape);
        let (snapshot, facts) = watch::run(snapshot, self.stop, move |snapshot| {
            check::check_integrity(snapshot, &path, thorough)?;
            facts::read_facts(snapshot, shape)
                .with_context(|| format!("cannot count the tables of {}", path.display()))
        })?;
        self.snapshot = Some(snapshot);
        if facts.is_err() {
            self.stop.check()?;
        }
        // A program that opened the database meanwhile may have changed the file while it was read.
        self.refuse_second_name()?;
        facts
    }
}

fn find_file_name(path: &Path) -> Vec<u8> {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().to_vec()
}
