//! Throwaway databases, into which a drill restores dumps.

pub(crate) mod process;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;

use super::source::Source;
use crate::header::Header;
use crate::secret::Secret;

/// The directories and the password of a throwaway server.
#[derive(Debug)]
pub struct ThrowawayResources<'a> {
    /// The directory for all files of the server.
    pub work: &'a Path,
    /// The directory for the server's socket; its path is short.
    pub sockets: PathBuf,
    /// The password of the server's superuser.
    pub password: Secret,
}

/// A throwaway database or a throwaway server of one engine. Dropping the value ends it.
pub trait Throwaway {
    /// Creates what the dump needs and does not contain, such as users. Returns the source to
    /// restore the dump into.
    ///
    /// # Errors
    /// When the dump cannot be read, or the server refuses a statement.
    fn prepare(&mut self, header: &Header, dump: &File) -> Result<Arc<dyn Source>>;

    /// Adds what the server lacked when the restore failed with `error`. Returns false if it can
    /// add nothing; another attempt would then fail as well.
    ///
    /// # Errors
    /// When the server refuses a statement.
    fn add_missing(&mut self, _error: &anyhow::Error) -> Result<bool> {
        Ok(false)
    }

    /// Returns what the dump needs and no throwaway server has, if `error` of this engine's server
    /// says so. Implementations compare only the server's own words: the details of
    /// an error quote names and rows, which may contain the same words.
    fn find_missing(&self, _header: &Header, _error: &anyhow::Error) -> Option<&'static str> {
        None
    }

    /// Returns what the restored database contains, or `None` if the dump holds no database.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn read_contents(&self, header: &Header) -> Result<Option<RestoredContent>>;
}

/// What a restored database contains.
#[derive(Debug, Default)]
pub struct RestoredContent {
    /// The number of rows of each table, or `None` for a table that cannot be counted.
    pub rows: BTreeMap<String, Option<u64>>,
    /// The server's version, or `None` if the engine has no server.
    pub version: Option<String>,
    /// The objects other than tables that the dump has and the database lacks.
    pub problems: Vec<String>,
}
