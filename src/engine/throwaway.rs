//! Throwaway databases, which a drill restores dumps into.

pub(crate) mod process;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;

use super::source::Source;
use crate::header::Header;
use crate::secret::Secret;

/// Where a throwaway server works.
#[derive(Debug)]
pub struct Workshop<'a> {
    /// The directory for all of its files.
    pub work: &'a Path,
    /// The directory for its socket, which has a short path.
    pub sockets: PathBuf,
    /// The password of its superuser.
    pub password: Secret,
}

/// A throwaway database, or a throwaway server, of one engine. It ends when it is dropped.
pub trait Throwaway {
    /// Makes what the dump needs and does not contain, such as users. Returns the source to restore
    /// the dump into.
    ///
    /// # Errors
    /// When the dump cannot be read, or the server refuses a statement.
    fn prepare(&mut self, header: &Header, dump: &File) -> Result<Arc<dyn Source>>;

    /// Adds what the restore that failed with `error` lacked. Returns false when it can add nothing,
    /// so another attempt would fail as well.
    ///
    /// # Errors
    /// When the server refuses it.
    fn add_missing(&mut self, _error: &anyhow::Error) -> Result<bool> {
        Ok(false)
    }

    /// Returns what no throwaway server has and the dump needs, when the message `error` of this
    /// engine's server says so. Only the server's own words count: names and rows, which the details
    /// of an error quote, may hold the same words.
    fn missing(&self, _header: &Header, _error: &str) -> Option<&'static str> {
        None
    }

    /// Returns what the restored database contains, or nothing where the dump holds no database.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn contents(&self, header: &Header) -> Result<Option<Contents>>;
}

/// What a restored database contains.
#[derive(Debug, Default)]
pub struct Contents {
    /// The rows of each table; none for a table that cannot be counted.
    pub rows: BTreeMap<String, Option<u64>>,
    /// The server's version; none where the engine has no server.
    pub version: Option<String>,
    /// Objects other than tables that the dump had and the database lacks.
    pub problems: Vec<String>,
}
