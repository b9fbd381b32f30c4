//! Writes the blocks of a file to a store.

use opendal::ErrorKind;

use super::error::StoreError;
use super::webdav_client::Put;

/// The writer of a file that is not complete yet.
pub(super) enum UploadWriter {
    /// The writer of `OpenDAL`.
    Library(opendal::Writer),
    /// One request to a WebDAV server.
    Streamed(Put),
}

impl UploadWriter {
    /// Sends a block.
    ///
    /// # Errors
    /// When the store refuses the block.
    pub(super) async fn write(&mut self, block: Vec<u8>) -> Result<(), StoreError> {
        match self {
            UploadWriter::Library(writer) => Ok(writer.write(block).await?),
            UploadWriter::Streamed(put) => put.write(block.into()).await,
        }
    }

    /// Completes the file. Returns false where another one has its name.
    ///
    /// # Errors
    /// When the store does not.
    pub(super) async fn close(&mut self) -> Result<bool, StoreError> {
        match self {
            UploadWriter::Library(writer) => match writer.close().await {
                Ok(_) => Ok(true),
                Err(error) if error.kind() == ErrorKind::ConditionNotMatch => Ok(false),
                Err(error) => Err(error.into()),
            },
            UploadWriter::Streamed(put) => put.close().await.map(|()| true),
        }
    }

    /// Removes the stored parts of a file that is not completed and has no name yet.
    ///
    /// # Errors
    /// When the store cannot be reached or refuses.
    pub(super) async fn abort(&mut self) -> Result<(), StoreError> {
        match self {
            UploadWriter::Library(writer) => Ok(writer.abort().await?),
            UploadWriter::Streamed(_) => Ok(()),
        }
    }
}
