//! [`Store`] and [`Upload`], the interface that every kind of store has.

use std::io::{Read, Write};

use sha2::{Digest, Sha256};

use super::error::{Reason, StoreError};
use crate::human;
use crate::stop::Stop;

/// The beginning of the names of unfinished uploads, in stores where a file is visible before its upload is
/// complete.
pub const UNFINISHED: &str = ".dump-database-copy-";

/// A file in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its path.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// The bytes that an upload must have stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadContent {
    /// The size in bytes.
    pub bytes: u64,
    /// The SHA-256 in hexadecimal.
    pub sha256: String,
}

impl UploadContent {
    /// Reads a stored file whole and compares it.
    ///
    /// # Errors
    /// When it cannot be read, or holds other bytes.
    pub(super) fn compare(&self, stored: &mut dyn Read) -> Result<(), StoreError> {
        let mut sums = Sha256::new();
        let mut buffer = vec![0; 64 << 10];
        let mut bytes = 0;
        loop {
            match stored.read(&mut buffer).map_err(StoreError::from_io)? {
                0 => break,
                read => {
                    sums.update(&buffer[..read]);
                    bytes += read as u64;
                }
            }
        }
        if bytes == self.bytes && human::format_hexadecimal(&sums.finalize()) == self.sha256 {
            return Ok(());
        }
        Err(StoreError::new(
            Reason::Other,
            "the store holds other bytes than it was sent",
        ))
    }
}

/// The result of an upload that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadResult {
    /// The file is stored and has its final name.
    New,
    /// Another file has the name and was not replaced.
    Exists,
}

/// A place for copies.
pub trait Store: Send + Sync {
    /// Returns every file below a folder, or an empty list if the folder does not exist.
    ///
    /// # Errors
    /// When the store cannot be listed.
    fn list(&self, folder: &str, stop: Stop) -> Result<Vec<StoredFile>, StoreError>;

    /// Returns the names of the folders in a folder.
    ///
    /// # Errors
    /// As [`Store::list`].
    fn list_folders(&self, folder: &str, stop: Stop) -> Result<Vec<String>, StoreError>;

    /// Reads a file whole, from its start to its end.
    ///
    /// # Errors
    /// [`Reason::Missing`](super::error::Reason::Missing) when the file does not exist; when it cannot be read.
    fn read(&self, path: &str, stop: Stop) -> Result<Box<dyn Read + '_>, StoreError>;

    /// Reads a file of some kilobytes, as [`Store::read`], in one request.
    ///
    /// # Errors
    /// As [`Store::read`].
    fn read_small(&self, path: &str, stop: Stop) -> Result<Box<dyn Read + '_>, StoreError> {
        self.read(path, stop)
    }

    /// Starts the upload of a file of about `bytes` bytes.
    ///
    /// # Errors
    /// When the store refuses it.
    fn upload(
        &self,
        path: &str,
        bytes: u64,
        stop: Stop,
    ) -> Result<Box<dyn Upload + '_>, StoreError>;

    /// Removes a file. A file that does not exist is no error.
    ///
    /// # Errors
    /// [`Reason::Refused`](super::error::Reason::Refused) when the store does not allow it; when the store fails.
    fn remove(&self, path: &str, stop: Stop) -> Result<(), StoreError>;
}

/// An upload of a file. The file has no final name until [`Upload::publish`]. Dropping the value removes the
/// stored parts, if the store allows it.
pub trait Upload: Write {
    /// Gives the file its final name after it is stored whole and is `content`. The store itself compares
    /// checksums, or the file is read back. If `reads_back`, it is always read back.
    ///
    /// # Errors
    /// When the store has not stored `content`, or does not confirm it.
    fn publish(
        self: Box<Self>,
        content: &UploadContent,
        reads_back: bool,
    ) -> Result<UploadResult, StoreError>;
}
