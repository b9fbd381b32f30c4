//! Where copies are stored, behind one interface: object stores, SFTP servers, other directories.
//!
//! Nothing outside this module knows `OpenDAL`, its runtime, or how a store is reached. Paths are
//! relative to the destination and have no leading slash. Every call ends when its [`Stop`] says so.

mod config;
mod destination;
mod error;
mod local;
mod remote;
mod s3;
mod sftp;
mod upload;

use std::io::{Read, Write};

use anyhow::Result;

use crate::stop::Stop;

pub use config::Config;
pub use destination::{Destination, is_url};
pub use error::{Reason, StoreError};

/// How the names of files begin that an upload has not finished, in stores that have no uploads
/// which appear at once.
pub const UNFINISHED: &str = ".dump-database-copy-";

/// A file in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its path.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What an upload must have stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// How an upload ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The file has its name.
    New,
    /// Another file has the name; nothing was replaced.
    Exists,
}

/// A place for copies.
pub trait Store: Send + Sync {
    /// Returns every file below a folder; none where there is no such folder.
    ///
    /// # Errors
    /// When the store cannot be listed.
    fn list(&self, folder: &str, stop: Stop) -> Result<Vec<Object>, StoreError>;

    /// Returns the names of the folders in a folder.
    ///
    /// # Errors
    /// As [`Store::list`].
    fn folders(&self, folder: &str, stop: Stop) -> Result<Vec<String>, StoreError>;

    /// Reads a file whole, from its start to its end.
    ///
    /// # Errors
    /// [`Reason::Missing`] where there is none; whatever keeps it from being read.
    fn read(&self, path: &str, stop: Stop) -> Result<Box<dyn Read + '_>, StoreError>;

    /// Begins to upload a file of about so many bytes.
    ///
    /// # Errors
    /// When the store refuses it.
    fn upload(
        &self,
        path: &str,
        bytes: u64,
        stop: Stop,
    ) -> Result<Box<dyn Upload + '_>, StoreError>;

    /// Removes a file; one that is already gone is no error.
    ///
    /// # Errors
    /// [`Reason::Refused`] where the store does not allow it; whatever else keeps it there.
    fn remove(&self, path: &str, stop: Stop) -> Result<(), StoreError>;
}

/// A file on its way into a store. It has no name there until it is published; dropped, it is
/// removed as far as the store lets it.
pub trait Upload: Write {
    /// Gives the file its name when all of it is stored and is `content`. The store itself compares
    /// sums, or the file is read back: always where `reads_back`.
    ///
    /// # Errors
    /// When the store has not stored `content`, or does not say so.
    fn publish(
        self: Box<Self>,
        content: &Content,
        reads_back: bool,
    ) -> Result<Published, StoreError>;
}

/// Opens a destination. `owner` names the machine in the names of unfinished uploads. With `creates`
/// the last component of a directory is created where it is missing.
///
/// # Errors
/// When the destination cannot be reached or `config` makes no sense for it.
pub fn open(
    destination: &Destination,
    config: &Config,
    owner: &str,
    creates: bool,
) -> Result<Box<dyn Store>> {
    match destination {
        Destination::Directory(path) => Ok(Box::new(local::Local::open(path, owner, creates)?)),
        Destination::S3 { bucket, prefix } => Ok(Box::new(s3::open(bucket, prefix, config)?)),
        Destination::Sftp(server) => Ok(Box::new(sftp::open(server, config, owner)?)),
    }
}
