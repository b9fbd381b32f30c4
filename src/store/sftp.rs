//! A directory of an SSH server, by SFTP.

use std::io::{self, Cursor, Read, SeekFrom};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::BytesMut;
use futures_util::{StreamExt, TryStreamExt, stream};
use openssh_sftp_client::Error;
use openssh_sftp_client::error::SftpErrorKind;
use openssh_sftp_client::file::File;
use tokio::io::AsyncSeek;
use tokio::sync::Mutex;

use super::bounds::{self, Bounds, DEEPEST};
use super::config::Config;
use super::connection::{ATTEMPTS, LONGEST_PAUSE, SHORTEST_PAUSE, SILENCE};
use super::destination::SftpDirectory;
use super::error::{Reason, StoreError};
use super::interface::{Store, StoredFile, Upload};
use super::runtime::StoreRuntime;
use super::sftp_upload::SftpUpload;
use super::ssh::Session;
use super::webdav_client::PART_SILENCE;
use crate::stop::Stop;

/// The number of bytes of one request: as many as OpenSSH takes. For other servers the library makes several
/// requests of it.
pub(super) const CHUNK: usize = 255 << 10;
/// The number of requests that wait for their answers at the same time.
pub(super) const IN_FLIGHT: usize = 16;
/// The number of bytes that are read before the caller gets them.
const RANGE: usize = IN_FLIGHT * CHUNK;

pub(super) struct SftpStore {
    server: SftpDirectory,
    key: Option<String>,
    pub(super) owner: String,
    /// The present session; `None` before the first request, and after one was lost.
    session: Mutex<Option<Arc<Session>>>,
    pub(super) runtime: StoreRuntime,
}

/// Why a request has no result.
enum Failure {
    /// The server answered, or there is no way to it.
    Final(StoreError),
    /// The connection was lost, so the request can be repeated over another one.
    Lost(StoreError),
}

impl SftpStore {
    /// Opens a directory of a server.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn open(server: &SftpDirectory, config: &Config, owner: &str) -> io::Result<Self> {
        Ok(SftpStore {
            server: server.clone(),
            key: config.get("SFTP_KEY_FILE"),
            owner: owner.to_owned(),
            session: Mutex::new(None),
            runtime: StoreRuntime::start()?,
        })
    }

    /// Returns a path as the server has it.
    pub(super) fn full(&self, path: &str) -> String {
        format!("{}/{path}", self.server.path.trim_end_matches('/'))
    }

    async fn session(&self) -> Result<Arc<Session>, StoreError> {
        let mut present = self.session.lock().await;
        if let Some(session) = &*present {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(Session::begin(&self.server, self.key.as_deref()).await?);
        *present = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Asks the server, over a new connection where one is lost.
    ///
    /// # Errors
    /// When the server refuses, is not reached, or does not answer within `limit`.
    pub(super) fn ask<T>(
        &self,
        (stop, limit): (Stop, Duration),
        ask: &impl AsyncFn(&Arc<Session>) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let attempt = async || {
            let session = self.session().await.map_err(Failure::Final)?;
            let asked = tokio::time::timeout(limit, ask(&session)).await;
            let lost = match asked {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) if is_answer(&error) => return Err(Failure::Final(said(&error))),
                Ok(Err(error)) => said(&error),
                Err(_) => StoreError::new(Reason::Other, "the SSH server does not answer"),
            };
            let mut present = self.session.lock().await;
            if present.as_ref().is_some_and(|it| Arc::ptr_eq(it, &session)) {
                *present = None;
            }
            Err(Failure::Lost(lost))
        };
        let pauses = ExponentialBuilder::new()
            .with_max_times(ATTEMPTS)
            .with_min_delay(SHORTEST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_jitter();
        let asked = attempt
            .retry(pauses)
            .when(|failure| matches!(failure, Failure::Lost(_)))
            .notify(|failure: &Failure, pause| {
                if let Failure::Lost(error) = failure {
                    log::debug!("the store is asked again in {pause:?}: {error}");
                }
            });
        self.runtime.wait_for(stop, async {
            asked.await.map_err(|failure| match failure {
                Failure::Final(error) | Failure::Lost(error) => error,
            })
        })
    }

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
                let opened = session.sftp.fs().open_dir(self.full(&folder)).await;
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
            let file = session.sftp.open(self.full(path)).await?;
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

/// Returns true if the server said it, so that another connection helps nothing.
pub(super) fn is_answer(error: &Error) -> bool {
    matches!(error, Error::SftpError(..) | Error::UnsupportedExtension(_))
}

/// Returns the sentence of an error.
pub(super) fn said(error: &Error) -> StoreError {
    let Error::SftpError(kind, message) = error else {
        return StoreError::new(Reason::Other, &format!("the connection is lost: {error}"));
    };
    let reason = match kind {
        SftpErrorKind::NoSuchFile => Reason::Missing,
        SftpErrorKind::PermDenied => Reason::Refused,
        _ => Reason::Other,
    };
    let (message, _) = message.get();
    StoreError::new(reason, &format!("the SSH server says: {message}"))
}

impl Store for SftpStore {
    fn list(&self, folder: &str, stop: Stop) -> Result<Vec<StoredFile>, StoreError> {
        let found = self.walk(folder, true, stop)?.into_iter();
        let files = found.filter_map(|(path, bytes)| bytes.map(|bytes| StoredFile { path, bytes }));
        Ok(files.collect())
    }

    fn folders(&self, folder: &str, stop: Stop) -> Result<Vec<String>, StoreError> {
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
            session.sftp.fs().remove_file(self.full(path)).await
        });
        match removed {
            Err(error) if error.reason == Reason::Missing => Ok(()),
            removed => removed,
        }
    }
}

impl Drop for SftpStore {
    fn drop(&mut self) {
        let _within = self.runtime.enter();
        self.session.get_mut().take();
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
