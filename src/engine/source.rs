//! Sources: where a database is reached, and what may be done there.

use std::fmt;
use std::fs::File;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};

use super::access::{Access, Part};
use super::dumper::Dumper;
use super::load::{Failure, LoadOptions, Loaded};
use crate::header::Header;
use crate::identity::Engine;

/// Where a database is reached: what the command line names.
pub trait Source: Loader + fmt::Debug + fmt::Display + Send + Sync {
    /// Returns its engine.
    fn engine(&self) -> Engine;

    /// Returns what it is, as the end of a sentence.
    fn kind(&self) -> &'static str;

    /// Returns the part of a server that is meant; none where the source is not a server.
    fn part(&self) -> Option<&Part> {
        None
    }

    /// Returns the database's name in bytes, as the engine has it.
    fn database(&self) -> Vec<u8>;

    /// Returns each database of a whole server, and its server-wide objects.
    ///
    /// # Errors
    /// When the source is no whole server, or the server cannot be asked.
    fn parts(&self, _access: &Access) -> Result<Vec<Arc<dyn Source>>> {
        bail!("{self} has no parts")
    }

    /// Returns a database of this server; none where the source is not a server.
    fn with_database(&self, _name: &str) -> Option<Arc<dyn Source>> {
        None
    }

    /// Checks that there is something to dump, where that can be told without connecting.
    ///
    /// # Errors
    /// One sentence for what is wrong with an SQLite file's path.
    fn find(&self) -> Result<()> {
        Ok(())
    }

    /// Finds the database; writes nothing.
    ///
    /// # Errors
    /// One sentence for whatever keeps it from being dumped.
    fn open(&self, access: &Access) -> Result<Box<dyn Dumper>>;
}

impl dyn Source + '_ {
    /// Does it stand for all of a server?
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.part() == Some(&Part::Whole)
    }

    /// Does it stand for a server's server-wide objects?
    #[must_use]
    pub fn is_globals(&self) -> bool {
        self.part() == Some(&Part::Globals)
    }

    /// Does `other` name the same database in the same words?
    #[must_use]
    pub fn is_same(&self, other: &dyn Source) -> bool {
        self.engine() == other.engine()
            && self.part() == other.part()
            && self.to_string() == other.to_string()
    }
}

/// A place that dumps are loaded into.
pub trait Loader {
    /// Loads `dump`, which was verified and has this `header`. Returns what was loaded.
    ///
    /// # Errors
    /// Whatever keeps the dump from being loaded; the old database is then as it was, unless it was
    /// to be replaced without being saved.
    fn load(
        &self,
        dump: &File,
        header: &Header,
        options: LoadOptions<'_>,
        access: &Access,
    ) -> Result<Loaded>;

    /// Runs the grants on objects that a dump of server-wide objects has ([`Loaded::grants`]).
    /// Returns those that fail.
    ///
    /// # Errors
    /// When the server cannot be reached.
    fn grant(&self, _grants: &[String], _access: &Access) -> Result<Vec<Failure>> {
        Ok(Vec::new())
    }
}

/// The error for a dump of server-wide objects and a target that is a database.
pub(super) fn needs_no_database() -> anyhow::Error {
    anyhow!("the dump holds what belongs to no database; name its server without one")
}

/// The error for a dump of a database and a target that is a whole server.
pub(super) fn needs_a_database() -> anyhow::Error {
    anyhow!("the dump holds a database; name the one to restore into, after the server")
}

/// The dump is whole and the database in it is damaged. The target was not touched; an older dump may
/// be good.
#[derive(Debug)]
pub struct DamagedInside;

impl fmt::Display for DamagedInside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the database in the dump is damaged")
    }
}
