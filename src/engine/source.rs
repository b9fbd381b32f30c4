//! Sources: where databases are reached, dumped and restored.

use std::fmt;
use std::fs::File;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};

use super::access::{Access, Part};
use super::dumper::Dumper;
use super::load::{Failure, LoadOptions, LoadResult};
use crate::header::Header;
use crate::identity::Engine;

/// A source: where a database is reached. The command line names it.
pub trait Source: Loader + fmt::Debug + fmt::Display + Send + Sync {
    /// Returns the engine of the source.
    fn engine(&self) -> Engine;

    /// Returns the kind of the source in words that end a sentence, such as `a program`.
    fn kind(&self) -> &'static str;

    /// Returns the part of a server that the source stands for, or `None` if it is not a server.
    fn part(&self) -> Option<&Part> {
        None
    }

    /// Returns the database's name in bytes, exactly as the engine has it.
    fn database(&self) -> Vec<u8>;

    /// Returns true if tables of the source, or their rows, can be left out of a dump.
    fn can_leave_out(&self) -> bool {
        false
    }

    /// Returns a source for each database of a whole server and one for its server-wide objects.
    ///
    /// # Errors
    /// When the source is not a whole server, or the server cannot be asked.
    fn list_parts(&self, _access: &Access) -> Result<Vec<Arc<dyn Source>>> {
        bail!("{self} has no parts")
    }

    /// Returns the source for the database `name` of this server, or `None` if the source is not a
    /// server.
    fn with_database(&self, _name: &str) -> Option<Arc<dyn Source>> {
        None
    }

    /// Returns true if this error of [`Source::open`] or of a dump says that there is no such database.
    fn is_missing(&self, error: &anyhow::Error) -> bool {
        error.downcast_ref::<NoSuchSource>().is_some() || self.find().is_err()
    }

    /// Checks that there is a database to dump, if that is possible without connecting to a server.
    ///
    /// # Errors
    /// Returns one sentence that says what is wrong with an SQLite file's path.
    fn find(&self) -> Result<()> {
        Ok(())
    }

    /// Finds the database and returns its dumper. Writes nothing.
    ///
    /// # Errors
    /// Returns one sentence that says why the database cannot be dumped.
    fn open(&self, access: &Access) -> Result<Box<dyn Dumper>>;
}

impl dyn Source + '_ {
    /// Returns true if the source stands for a whole server.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.part() == Some(&Part::Whole)
    }

    /// Returns true if the source stands for the server-wide objects of a server.
    #[must_use]
    pub fn is_globals(&self) -> bool {
        self.part() == Some(&Part::Globals)
    }

    /// Returns true if `other` names the same database in the same words.
    #[must_use]
    pub fn is_same(&self, other: &dyn Source) -> bool {
        self.engine() == other.engine()
            && self.part() == other.part()
            && self.to_string() == other.to_string()
    }
}

/// A target into which dumps are loaded.
pub trait Loader {
    /// Loads `dump`, which was verified and has this `header`. Returns what was loaded.
    ///
    /// # Errors
    /// When the dump cannot be loaded. The old database is then unchanged, unless the options
    /// replace it without saving it.
    fn load(
        &self,
        dump: &File,
        header: &Header,
        options: LoadOptions<'_>,
        access: &Access,
    ) -> Result<LoadResult>;

    /// Runs the grants on objects that a dump of server-wide objects contains ([`LoadResult::grants`]).
    /// Returns the grants that failed.
    ///
    /// # Errors
    /// When the server cannot be reached.
    fn grant(&self, _grants: &[String], _access: &Access) -> Result<Vec<Failure>> {
        Ok(Vec::new())
    }
}

/// Returns the error for a dump of server-wide objects whose target is a database.
pub(super) fn needs_no_database() -> anyhow::Error {
    anyhow!("the dump holds server-wide objects; give the server's URL without a database")
}

/// Returns the error for a dump of a database whose target is a whole server.
pub(super) fn needs_a_database() -> anyhow::Error {
    anyhow!("the dump holds one database; add the target database to the server's URL")
}

/// The error of a source that names a database or a program which does not exist, as one sentence.
#[derive(Debug)]
pub(super) struct NoSuchSource(pub(super) String);

impl fmt::Display for NoSuchSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoSuchSource {}

/// The error of a dump that is complete but contains a damaged database. The restore did not change
/// the target. An older dump may be good.
#[derive(Debug)]
pub struct DamagedInside;

impl fmt::Display for DamagedInside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the database in the dump is damaged")
    }
}
