//! SQLite, without an outside program.
//!
//! One read transaction gives the snapshot. In WAL mode readers do not block writers, so the pages
//! are streamed from within it (the `sqlite_dbpage` table) and checked there. In the rollback
//! modes a reader does block writers, so the database is first copied under the transaction (the
//! online backup API), the transaction ends, and the copy is streamed and checked.

mod check;
mod image;
pub mod load;
mod lock_free;
mod target;

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::Dumper;
use crate::header::Facts;
use crate::identity::Identity;
use crate::name::Format;
use crate::stop::Stop;

pub use image::{MAGIC, Shape};

/// Pages copied between two looks at the clock: the read transaction around the copy keeps
/// writers out, so it never restarts however small the steps are.
const STEP: i32 = 4096;

/// Up to this size in bytes every check is thorough: it takes well under a second.
const SMALL: u64 = 64 << 20;

/// An SQLite database to be dumped.
#[allow(missing_debug_implementations)]
pub struct Sqlite {
    path: PathBuf,
    file_name: Vec<u8>,
    identity: Identity,
    source: Option<Connection>,
    /// What is streamed and checked: the source itself within its snapshot, or the copy.
    snapshot: Option<Connection>,
    copy: Option<File>,
    needs_copy: bool,
    shape: Shape,
    busy_timeout: Duration,
    stop: Stop,
}

/// Is the `sqlite_dbpage` table compiled in? Where it is not, every database is copied first.
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
    /// Finds the database and reads its first page; creates nothing.
    ///
    /// # Errors
    /// One sentence for whatever keeps it from being dumped.
    pub fn open(path: &Path, busy_timeout: Duration, stop: Stop) -> Result<Self> {
        let file_name = file_name(path);
        let path = find(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut source = Connection::open_with_flags(&path, flags)
            .map_err(|error| explain(&path, busy_timeout, error))?;
        source.busy_timeout(Duration::from_millis(100))?;
        source.progress_handler(10_000, Some(move || stop.reason().is_some()))?;
        let mut this = Sqlite {
            identity: Identity::of_file(&path),
            path,
            file_name,
            source: None,
            snapshot: None,
            copy: None,
            needs_copy: true,
            shape: Shape::default(),
            busy_timeout,
            stop,
        };
        let mode: String =
            this.retry(|| source.query_row("PRAGMA journal_mode", [], |row| row.get(0)))?;
        this.needs_copy = mode != "wal" || !has_dbpage();
        this.shape = this.retry(|| Shape::of(&source))?;
        this.source = Some(source);
        Ok(this)
    }

    /// Dumps through `source`, a connection that already keeps everyone else out.
    pub(crate) fn within(path: &Path, source: Connection, stop: Stop) -> Result<Self> {
        let shape = Shape::of(&source)?;
        Ok(Sqlite {
            path: path.to_owned(),
            file_name: file_name(path),
            identity: Identity::of_file(path),
            source: Some(source),
            snapshot: None,
            copy: None,
            needs_copy: !has_dbpage(),
            shape,
            busy_timeout: Duration::ZERO,
            stop,
        })
    }

    /// The connection given to [`Sqlite::within`].
    pub(crate) fn into_source(self) -> Option<Connection> {
        self.source.or(self.snapshot)
    }

    /// Tries until the database is no longer locked by someone else, or the time is up.
    fn retry<T>(&self, mut attempt: impl FnMut() -> rusqlite::Result<T>) -> Result<T> {
        let give_up = Instant::now() + self.busy_timeout;
        loop {
            match attempt() {
                Err(error) if is_busy(&error) && Instant::now() < give_up => {
                    self.stop.check()?;
                    // Some locks are refused at once, without the wait of the connection's own.
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => {
                    self.stop.check()?;
                    return Err(explain(&self.path, self.busy_timeout, error));
                }
                Ok(value) => return Ok(value),
            }
        }
    }

    fn copy(&self, source: &Connection, scratch: &Path) -> Result<()> {
        let mut copy = Connection::open(scratch)?;
        copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
        let backup = Backup::new(source, &mut copy)?;
        loop {
            match self.retry(|| backup.step(STEP))? {
                StepResult::Done => return Ok(()),
                _ => self.stop.check()?,
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

    fn snapshot(&mut self, scratch: Option<&Path>) -> Result<()> {
        let source = self
            .source
            .take()
            .context("the snapshot was taken already")?;
        let held = !source.is_autocommit();
        if !held {
            self.retry(|| source.execute_batch("BEGIN"))?;
        }
        self.shape = self.retry(|| Shape::of(&source))?;
        let Some(scratch) = scratch.filter(|_| self.needs_copy) else {
            self.snapshot = Some(source);
            return Ok(());
        };
        self.copy(&source, scratch)
            .with_context(|| format!("cannot copy {}", self.path.display()))?;
        if held {
            self.source = Some(source);
        }
        let file = File::open(scratch)?;
        let stop = self.stop;
        let mut copy = lock_free::open(scratch)?;
        copy.progress_handler(10_000, Some(move || stop.reason().is_some()))?;
        self.shape = Shape::of(&copy)?;
        self.snapshot = Some(copy);
        self.copy = Some(file);
        Ok(())
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
        let snapshot = self.snapshot.as_ref().context("no snapshot was taken")?;
        let thorough = thorough || self.shape.bytes() <= SMALL;
        let checked = check::integrity(snapshot, &self.path, thorough);
        if checked.is_err() {
            self.stop.check()?;
        }
        checked?;
        check::facts(snapshot, self.shape)
            .with_context(|| format!("cannot count the tables of {}", self.path.display()))
    }
}

/// The database's name: the file's, without its extension.
#[must_use]
pub fn database_of(path: &Path) -> Vec<u8> {
    let stem = path.file_stem().unwrap_or_default();
    stem.as_encoded_bytes().to_vec()
}

fn file_name(path: &Path) -> Vec<u8> {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().to_vec()
}

fn find(path: &Path) -> Result<PathBuf> {
    let shown = path.display();
    let real = path.canonicalize().map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!("{shown} does not exist; nothing was created"),
        _ => anyhow::anyhow!("cannot reach {shown}: {error}"),
    })?;
    let meta = real
        .metadata()
        .with_context(|| format!("cannot read {shown}"))?;
    if meta.is_dir() {
        bail!("{shown} is a directory; name an SQLite file in it");
    }
    if !meta.is_file() {
        bail!("{shown} is not a regular file, so not an SQLite database");
    }
    if meta.len() == 0 {
        bail!("{shown} has zero bytes, so there is no database to dump");
    }
    let mut magic = [0; 16];
    // Closed before SQLite opens the file: closing any descriptor of it drops SQLite's locks.
    match File::open(&real).and_then(|mut file| file.read_exact(&mut magic)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!("{shown} may not be read by this user; run as the file's owner")
        }
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => {
            Err(error).with_context(|| format!("cannot read {shown}"))
        }
        _ if magic != *MAGIC => bail!(
            "{shown} is not an SQLite database (its first bytes say otherwise; an encrypted one cannot be read)"
        ),
        _ => Ok(real),
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// What an SQLite error means to who runs the dump.
pub(crate) fn explain(path: &Path, waited: Duration, error: rusqlite::Error) -> anyhow::Error {
    let shown = path.display();
    let meaning = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => format!(
            "{shown} stayed locked by another program for {} (--busy-timeout)",
            crate::human::duration(waited)
        ),
        Some(ErrorCode::NotADatabase) => format!("{shown} is not an SQLite database"),
        Some(ErrorCode::DatabaseCorrupt) => format!("{shown} is corrupt"),
        Some(ErrorCode::ReadOnly) => format!(
            "{shown} was left by a program that crashed and must be opened for writing once (by that program, or sqlite3) before it can be read"
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => format!(
            "cannot open {shown}, or the -wal and -shm files beside it; run as the file's owner, with its directory writable"
        ),
        _ => format!("cannot read {shown}"),
    };
    anyhow::Error::new(error).context(meaning)
}
