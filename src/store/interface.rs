//! What a store does, and what it is given.

use std::io::{Read, Write};

use super::error::StoreError;
use crate::stop::Stop;

/// How the names of files begin that an upload has not finished, in stores that have no uploads
/// which appear at once.
pub const UNFINISHED: &str = ".dump-database-copy-";

/// A file in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its path.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What an upload must have stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadContent {
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// How an upload ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadResult {
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
    fn list(&self, folder: &str, stop: Stop) -> Result<Vec<StoredFile>, StoreError>;

    /// Returns the names of the folders in a folder.
    ///
    /// # Errors
    /// As [`Store::list`].
    fn folders(&self, folder: &str, stop: Stop) -> Result<Vec<String>, StoreError>;

    /// Reads a file whole, from its start to its end.
    ///
    /// # Errors
    /// [`Reason::Missing`](super::error::Reason::Missing) where there is none; whatever keeps it from being read.
    fn read(&self, path: &str, stop: Stop) -> Result<Box<dyn Read + '_>, StoreError>;

    /// As [`Store::read`], for a file of some kilobytes: in one request.
    ///
    /// # Errors
    /// As [`Store::read`].
    fn read_small(&self, path: &str, stop: Stop) -> Result<Box<dyn Read + '_>, StoreError> {
        self.read(path, stop)
    }

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
    /// [`Reason::Refused`](super::error::Reason::Refused) where the store does not allow it; whatever else keeps it there.
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
        content: &UploadContent,
        reads_back: bool,
    ) -> Result<UploadResult, StoreError>;
}
