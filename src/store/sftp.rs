//! A directory of an SSH server, by SFTP.

use std::io::{self, Cursor, Read, SeekFrom};
use std::pin::{Pin, pin};

use bytes::BytesMut;
use futures_util::{StreamExt, TryStreamExt, stream};
use openssh_sftp_client::Error;
use openssh_sftp_client::error::SftpErrorKind;
use openssh_sftp_client::file::File;
use tokio::io::AsyncSeek;

use super::bounds::{self, Bounds, DEEPEST};
use super::connection::SILENCE;
use super::error::{Reason, StoreError};
use super::interface::{Store, StoredFile, Upload};
use super::sftp_connection::{CHUNK, IN_FLIGHT, SftpStore};
use super::sftp_upload::SftpUpload;
use super::webdav_client::PART_SILENCE;
use crate::stop::Stop;

/// The number of bytes that are read before the caller gets them.
const RANGE: usize = IN_FLIGHT * CHUNK;

impl SftpStore {
    /// Returns each entry below a folder: its path, and its size if it is a file.
    fn walk(
        &self,
        folder: &str,
        is_deep: bool,
        stop: Stop,
    ) -> Result<Vec<(String, Option<u64>)>, StoreError> {
        self.ask((stop, bounds::LONGEST), &async |session| {
            let mut counted = Bounds::begin();
            let mut found = Vec::new();
            let mut folders = vec![folder.to_owned()];
            while let Some(folder) = folders.pop() {
                let opened = session.sftp.fs().open_dir(self.build_path(&folder)).await;
                let mut entries = match opened {
                    Err(Error::SftpError(SftpErrorKind::NoSuchFile, _)) => continue,
                    opened => pin!(opened?.read_dir()),
                };
                while let Some(entry) = entries.try_next().await? {
                    if let Err(error) = counted.count() {
                        return Ok(Err(error));
                    }
                    let Some(name) = entry.filename().to_str() else {
                        continue;
                    };
                    if matches!(name, "." | "..") {
                        continue;
                    }
                    let path = format!("{folder}/{name}")
                        .trim_start_matches('/')
                        .to_owned();
                    let about = entry.metadata();
                    match about.file_type() {
                        Some(kind) if kind.is_file() => found.push((path, about.len())),
                        Some(kind) if kind.is_dir() => {
                            if is_deep && path.split('/').count() <= DEEPEST {
                                folders.push(path.clone());
                            }
                            found.push((path, None));
                        }
                        _ => {}
                    }
                }
            }
            Ok(Ok(found))
        })?
    }

    /// Returns the bytes of a file from `offset` on; fewer than [`RANGE`] only at its end.
    fn read_range(&self, path: &str, offset: u64, stop: Stop) -> Result<Vec<u8>, StoreError> {
        self.ask((stop, PART_SILENCE), &async |session| {
            let file = session.sftp.open(self.build_path(path)).await?;
            let chunks = (0..RANGE).step_by(CHUNK).map(|at| {
                let file = file.clone();
                read_chunk(file, offset + at as u64)
            });
            let mut chunks = pin!(stream::iter(chunks).buffered(IN_FLIGHT));
            let mut data = Vec::with_capacity(RANGE);
            while let Some(chunk) = chunks.try_next().await? {
                data.extend_from_slice(&chunk);
                if chunk.len() < CHUNK {
                    break;
                }
            }
            Ok(data)
        })
    }
}

/// Reads [`CHUNK`] bytes; fewer only at the end of the file.
async fn read_chunk(mut file: File, from: u64) -> Result<BytesMut, Error> {
    let mut data = BytesMut::with_capacity(CHUNK);
    while data.len() < CHUNK {
        // After a read the file is where the read was asked to end, even if less came.
        Pin::new(&mut file).start_seek(SeekFrom::Start(from + data.len() as u64))?;
        let wanted = u32::try_from(CHUNK - data.len()).unwrap_or(u32::MAX);
        let room = data.split_off(data.len());
        match file.read(wanted, room).await? {
            Some(part) if !part.is_empty() => data.unsplit(part),
            _ => break,
        }
    }
    Ok(data)
}

impl Store for SftpStore {
    fn list(&self, folder: &str, stop: Stop) -> Result<Vec<StoredFile>, StoreError> {
        let found = self.walk(folder, true, stop)?.into_iter();
        let files = found.filter_map(|(path, bytes)| bytes.map(|bytes| StoredFile { path, bytes }));
        Ok(files.collect())
    }

    fn list_folders(&self, folder: &str, stop: Stop) -> Result<Vec<String>, StoreError> {
        let found = self.walk(folder, false, stop)?.into_iter();
        let folders = found.filter(|(_, bytes)| bytes.is_none());
        let names = folders.filter_map(|(path, _)| path.rsplit('/').next().map(str::to_owned));
        Ok(names.collect())
    }

    fn read(&self, path: &str, stop: Stop) -> Result<Box<dyn Read + '_>, StoreError> {
        let data = self.read_range(path, 0, stop)?;
        let is_last = data.len() < RANGE;
        Ok(Box::new(Download {
            store: self,
            path: path.to_owned(),
            offset: data.len() as u64,
            data: Cursor::new(data),
            is_last,
            stop,
        }))
    }

    fn upload(
        &self,
        path: &str,
        _bytes: u64,
        stop: Stop,
    ) -> Result<Box<dyn Upload + '_>, StoreError> {
        Ok(Box::new(SftpUpload::begin(self, path, stop)?))
    }

    fn remove(&self, path: &str, stop: Stop) -> Result<(), StoreError> {
        let removed = self.ask((stop, SILENCE), &async |session| {
            session.sftp.fs().remove_file(self.build_path(path)).await
        });
        match removed {
            Err(error) if error.reason == Reason::Missing => Ok(()),
            removed => removed,
        }
    }
}

/// A reader of a stored file.
struct Download<'a> {
    store: &'a SftpStore,
    path: String,
    /// Where the next range begins.
    offset: u64,
    data: Cursor<Vec<u8>>,
    is_last: bool,
    stop: Stop,
}

impl Read for Download<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.data.read(into)?;
        if read > 0 || self.is_last || into.is_empty() {
            return Ok(read);
        }
        let data = self.store.read_range(&self.path, self.offset, self.stop)?;
        self.offset += data.len() as u64;
        self.is_last = data.len() < RANGE;
        self.data = Cursor::new(data);
        self.data.read(into)
    }
}
