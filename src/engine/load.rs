//! How a dump is loaded into a source, and what comes of it.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Error, Result};

use super::dumper::Dumper;

/// Dumps the database that a restore is about to replace.
pub trait Save {
    /// Takes what [`Save::save`] needs, before anything is loaded.
    ///
    /// # Errors
    /// When the dump could not be written.
    fn prepare(&mut self) -> Result<()>;

    /// Dumps the database and returns the dump's path.
    ///
    /// # Errors
    /// When the database cannot be dumped whole.
    fn save(&mut self, dumper: &mut dyn Dumper) -> Result<PathBuf>;
}

/// Says of an error that it kept the old database from being dumped, and what can be done.
pub(super) fn not_saved(error: Error) -> Error {
    error.context(
        "the database to be replaced could not be dumped first (--replace --without-saving replaces it without a dump of it)",
    )
}

/// What happens to a database that exists where a dump is to be loaded.
#[allow(missing_debug_implementations)]
pub enum Existing<'a> {
    /// The restore is refused.
    Refuse,
    /// The database is dumped by this callback, then replaced.
    Save(&'a mut dyn Save),
    /// The database is replaced and lost.
    Lose,
    /// The dump is loaded into the database, which must be empty.
    Fill,
}

impl Existing<'_> {
    /// Returns true if a database that exists is replaced.
    #[must_use]
    pub fn replaces(&self) -> bool {
        matches!(self, Existing::Save(_) | Existing::Lose)
    }
}

/// How to load a dump.
#[allow(missing_debug_implementations)]
pub struct LoadOptions<'a> {
    /// What happens to a database that exists.
    pub existing: Existing<'a>,
    /// Load what can be loaded; objects that fail are listed and do not end the restore.
    pub keep_going: bool,
    /// Everything belongs to the user that restores; owners, definers and privileges are left out.
    pub no_owner: bool,
}

impl LoadOptions<'_> {
    /// Returns the options of a restore into a database that does not exist.
    #[must_use]
    pub fn into_new() -> Self {
        LoadOptions {
            existing: Existing::Refuse,
            keep_going: false,
            no_owner: false,
        }
    }
}

/// What was loaded.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The path of what was replaced, if something was saved.
    pub saved: Option<PathBuf>,
    /// What could not be loaded.
    pub failed: Vec<Failure>,
    /// Grants on objects of databases that are to be restored first.
    pub grants: Vec<String>,
}

impl Loaded {
    pub(super) fn new(saved: Option<PathBuf>, failed: Vec<Failure>) -> Self {
        Loaded {
            saved,
            failed,
            grants: Vec::new(),
        }
    }
}

/// An object that could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its kind and name.
    pub object: String,
    /// The server's words.
    pub error: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.error)
    }
}
