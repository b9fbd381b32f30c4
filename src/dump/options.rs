//! How to dump.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::keep::Keep;
use crate::compress::Method;
use crate::engine::access::Access;
use crate::name::Format;
use crate::secret::Secret;
use crate::stop::Stop;

/// How to dump.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory.
    pub to: PathBuf,
    /// Take over a NAME whose newest dump is of another source.
    pub adopt: bool,
    /// What stays of older dumps.
    pub keep: Keep,
    /// How to compress.
    pub method: Method,
    /// The compressor's threads.
    pub threads: NonZeroUsize,
    /// The time one database may take.
    pub timeout: Duration,
    /// How often the check is thorough.
    pub full_check: Duration,
    /// How long to wait for a locked database.
    pub busy_timeout: Duration,
    /// Publish nothing where a database did not change since its newest dump.
    pub skip_unchanged: bool,
    /// Where to write metrics after the run.
    pub metrics: Option<PathBuf>,
    /// What a PostgreSQL database is dumped as: SQL or `pg_dump`'s custom format.
    pub format: Format,
    /// The servers' password; goes before one in a URL.
    pub password: Option<Secret>,
}

impl Options {
    /// Returns how an engine may use one database, with a deadline that begins now.
    #[must_use]
    pub fn access(&self) -> Access {
        Access {
            password: self.password.clone(),
            deadline: Stop::after(self.timeout),
            lock_timeout: self.busy_timeout,
            threads: self.threads,
            format: self.format,
        }
    }
}

/// Returns the number of cores, at most 4.
#[must_use]
pub fn default_threads() -> NonZeroUsize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores.min(4)).unwrap_or(NonZeroUsize::MIN)
}
