//! The options of dumps.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::keep::RetentionChoice;
use crate::compress::Method;
use crate::engine::access::{Access, Sessions};
use crate::header::LeftOut;
use crate::name::Format;
use crate::secret::Secret;
use crate::stop::Stop;

/// How and where a dump is written, whether the user asked for it or a restore saves what it replaces.
#[derive(Debug, Clone)]
pub struct OutputOptions {
    /// The dump directory.
    pub to: PathBuf,
    /// The compression method.
    pub method: Method,
    /// The number of threads of the compressor, and of threads or sessions of an engine.
    pub threads: NonZeroUsize,
    /// The longest time that the dump of one database may take.
    pub timeout: Duration,
    /// The time after which another thorough check of a database is due.
    pub full_check: Duration,
    /// The longest time to wait for a locked database.
    pub busy_timeout: Duration,
    /// The format of a PostgreSQL dump: SQL or `pg_dump`'s custom format.
    pub format: Format,
    /// The sessions that read the rows of a PostgreSQL database.
    pub sessions: Sessions,
    /// The servers' password. It takes precedence over a password in a URL.
    pub password: Option<Secret>,
}

/// What a dump means for the dumps that the directory already holds.
#[derive(Debug, Clone)]
pub struct SeriesOptions {
    /// True to take over a NAME whose newest dump is of another source.
    pub adopt: bool,
    /// Which older dumps to keep.
    pub keep: RetentionChoice,
    /// True to publish no dump of a database that did not change since its newest dump.
    pub skip_unchanged: bool,
}

/// The options of the command `dump`.
#[derive(Debug, Clone)]
pub struct DumpOptions {
    /// How and where the dumps are written.
    pub output: OutputOptions,
    /// What becomes of older dumps.
    pub series: SeriesOptions,
    /// The tables and rows to leave out of the dumps.
    pub left_out: LeftOut,
    /// The file to write metrics to after the run.
    pub metrics: Option<PathBuf>,
}

impl DumpOptions {
    /// Returns how an engine may use one database. The deadline is `timeout` after this call.
    #[must_use]
    pub fn begin_access(&self) -> Access {
        Access {
            left_out: self.left_out.clone(),
            ..self.output.begin_access()
        }
    }
}

impl OutputOptions {
    /// Returns how an engine may use one database, of which nothing is left out. The deadline is
    /// `timeout` after this call.
    #[must_use]
    pub fn begin_access(&self) -> Access {
        Access {
            password: self.password.clone(),
            deadline: Stop::with_limit(self.timeout),
            lock_timeout: self.busy_timeout,
            threads: self.threads,
            format: self.format,
            left_out: LeftOut::default(),
            sessions: self.sessions,
        }
    }
}

/// Returns the default number of threads: the number of cores, at most 4.
#[must_use]
pub fn default_threads() -> NonZeroUsize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores.min(4)).unwrap_or(NonZeroUsize::MIN)
}
