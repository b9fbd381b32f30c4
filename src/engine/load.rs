//! The options and the result of loading a dump into a source.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Error, Result};

use super::dumper::Dumper;

/// A callback that dumps the database which a restore is about to replace.
pub trait Save {
    /// Acquires what [`Save::save`] needs, before anything is loaded.
    ///
    /// # Errors
    /// When the dump could not be written.
    fn prepare(&mut self) -> Result<()>;

    /// Dumps the database and returns the dump's path.
    ///
    /// # Errors
    /// When the database cannot be dumped whole.
    fn save(&mut self, dumper: &mut dyn Dumper) -> Result<PathBuf>;

    /// Returns true if the database may be replaced although only a part of it can be saved.
    fn accepts_a_part(&self) -> bool;
}

/// The only thing that can be done about an old database that cannot be dumped.
pub(super) const LOSING: &str = "--replace --without-saving replaces it without a dump of it";

/// Adds to `error` that the old database could not be dumped, and what the user can do.
pub(super) fn explain_not_saved(error: Error, ways: &str) -> Error {
    error.context(format!(
        "the database to be replaced could not be dumped first ({ways})"
    ))
}

/// What a restore does if the target database exists.
#[allow(missing_debug_implementations)]
pub enum ExistingDatabase<'a> {
    /// The restore is refused.
    Refuse,
    /// This callback dumps the database, then the restore replaces it.
    Save(&'a mut dyn Save),
    /// The restore replaces the database, whose content is lost.
    Lose,
    /// The restore loads the dump into the database, which must be empty.
    Fill,
}

impl ExistingDatabase<'_> {
    /// Returns true if an existing database is replaced.
    #[must_use]
    pub fn replaces(&self) -> bool {
        matches!(self, ExistingDatabase::Save(_) | ExistingDatabase::Lose)
    }
}

/// The options of loading a dump.
#[allow(missing_debug_implementations)]
pub struct LoadOptions<'a> {
    /// What to do if the target database exists.
    pub existing: ExistingDatabase<'a>,
    /// If true, objects that fail to load are listed and do not end the restore.
    pub keep_going: bool,
    /// If true, owners, definers and privileges are left out, and everything belongs to the user
    /// that restores.
    pub no_owner: bool,
}

impl LoadOptions<'_> {
    /// Returns the options of a restore into a database that does not exist.
    #[must_use]
    pub fn into_new() -> Self {
        LoadOptions {
            existing: ExistingDatabase::Refuse,
            keep_going: false,
            no_owner: false,
        }
    }
}

/// The result of loading a dump.
#[derive(Debug, Default)]
pub struct LoadResult {
    /// The path of the file that holds the replaced database, if it was saved.
    pub saved: Option<PathBuf>,
    /// The objects that could not be loaded.
    pub failed: Vec<Failure>,
    /// The grants on objects of databases that must be restored first.
    pub grants: Vec<String>,
    /// Why nothing was loaded, if the options leave out all that the dump holds.
    pub left_out: Option<&'static str>,
}

impl LoadResult {
    pub(super) fn new(saved: Option<PathBuf>, failed: Vec<Failure>) -> Self {
        LoadResult {
            saved,
            failed,
            ..LoadResult::default()
        }
    }
}

/// An object that could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind and name of the object.
    pub object: String,
    /// The server's message.
    pub error: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.error)
    }
}
