//! Uploads a file to a store over a network.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use opendal::options::WriteOptions;

use super::connection::{Naming, StoreChecks, StoreConnection};
use super::error::{Reason, StoreError};
use super::interface::{Store, UNFINISHED, Upload, UploadContent, UploadResult};
use super::webdav_client::WebdavClient;
use super::writer::UploadWriter;
use crate::stop::Stop;

/// The number of bytes that are handed to `OpenDAL` at once.
const BLOCK: usize = 1 << 20;
/// The most parts of a file. S3 accepts 10,000.
const MOST_PARTS: u64 = 9_000;
/// The most memory in bytes for the parts that are being uploaded.
const IN_FLIGHT: usize = 24 << 20;
/// The time that the removal of a failed upload may take.
pub(super) const CLEANING_UP: Duration = Duration::from_millis(700);

pub(super) struct Uploading<'a> {
    store: &'a StoreConnection,
    writer: Option<UploadWriter>,
    /// The final name of the file.
    path: String,
    /// The temporary name of the file, if the store needs one.
    temporary: Option<String>,
    block: Vec<u8>,
    /// The MD5 of the sent bytes, if the store reports the MD5 of files.
    md5: Option<Md5>,
    stop: Stop,
}

impl<'a> Uploading<'a> {
    pub(super) fn begin(
        store: &'a StoreConnection,
        path: &str,
        bytes: u64,
        stop: Stop,
    ) -> Result<Self, StoreError> {
        let temporary = match &store.naming {
            Naming::AtOnce => None,
            Naming::Renamed(owner, _) => Some(make_temporary_path(path, owner)),
        };
        let (concurrent, chunk) = match store.parts {
            Some((concurrent, least)) => {
                let least = least as u64;
                let size = bytes
                    .div_ceil(MOST_PARTS)
                    .next_multiple_of(1 << 20)
                    .max(least);
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                let fitting = (IN_FLIGHT / size).saturating_sub(1);
                (fitting.clamp(1, concurrent), Some(size))
            }
            None => (1, None),
        };
        let options = WriteOptions {
            if_not_exists: true,
            concurrent,
            chunk,
            ..WriteOptions::default()
        };
        let name = temporary.as_deref().unwrap_or(path);
        let operator = &store.operator;
        let writer = match &store.naming {
            Naming::AtOnce => {
                UploadWriter::Library(store.wait(stop, operator.writer_options(name, options))?)
            }
            Naming::Renamed(_, webdav) => {
                if let Some((folder, _)) = name.rsplit_once('/') {
                    store.wait(stop, operator.create_dir(&format!("{folder}/")))?;
                }
                UploadWriter::Streamed(webdav.put(name, store.runtime.handle()))
            }
        };
        Ok(Uploading {
            store,
            writer: Some(writer),
            path: path.to_owned(),
            temporary,
            block: Vec::with_capacity(BLOCK),
            md5: (store.checks == StoreChecks::Md5).then(Md5::new),
            stop,
        })
    }

    fn send(&mut self) -> Result<(), StoreError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        if let Some(md5) = &mut self.md5 {
            md5.update(&block);
        }
        let writer = self.writer.as_mut().expect("it is there until published");
        self.store.runtime.wait_for(self.stop, writer.write(block))
    }

    /// Reads a stored file and compares it with `content`.
    fn compare(&self, path: &str, content: &UploadContent) -> Result<(), StoreError> {
        let mut stored = self.store.read(path, self.stop)?;
        content.compare(&mut stored)
    }

    /// Returns the size in bytes of the stored file with this name, or `None` if there is none.
    fn stored_size(&self, path: &str) -> Result<Option<u64>, StoreError> {
        let about = self.store.wait(self.stop, self.store.operator.stat(path));
        match about {
            Ok(about) => Ok(Some(about.content_length())),
            Err(error) if error.reason == Reason::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns true if the store reports the MD5 of the sent bytes, false if it reports none.
    ///
    /// # Errors
    /// When the store reports another MD5, or does not answer.
    fn has_md5(&self) -> Result<bool, StoreError> {
        let about = self
            .store
            .wait(self.stop, self.store.operator.stat(&self.path))?;
        let (Some(md5), Some(said)) = (&self.md5, about.content_md5()) else {
            return Ok(false);
        };
        if said == BASE64_STANDARD.encode(md5.clone().finalize()) {
            return Ok(true);
        }
        Err(StoreError::new(
            Reason::Other,
            "the MD5 that the store reports is not the MD5 of the sent bytes",
        ))
    }

    fn upload_at_once(
        &self,
        content: &UploadContent,
        reads_back: bool,
    ) -> Result<UploadResult, StoreError> {
        if self.stored_size(&self.path)? != Some(content.bytes) {
            return Err(StoreError::new(
                Reason::Other,
                "the store reports another size than that of the sent bytes",
            ));
        }
        let is_checked = match self.store.checks {
            StoreChecks::EachPart => true,
            StoreChecks::Md5 => self.has_md5()?,
            StoreChecks::Nothing => false,
        };
        if reads_back || !is_checked {
            self.compare(&self.path, content)?;
        }
        Ok(UploadResult::New)
    }

    fn upload_and_rename(
        &self,
        temporary: &str,
        webdav: &WebdavClient,
        content: &UploadContent,
    ) -> Result<UploadResult, StoreError> {
        self.compare(temporary, content)?;
        let renamed = webdav.rename(temporary, &self.path);
        let published = self.store.runtime.wait_for(self.stop, renamed)?;
        if published == UploadResult::Exists {
            self.store.remove(temporary, self.stop)?;
        }
        Ok(published)
    }
}

impl Write for Uploading<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let taken = data.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&data[..taken]);
        if self.block.len() == BLOCK {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for Uploading<'_> {
    fn publish(
        mut self: Box<Self>,
        content: &UploadContent,
        reads_back: bool,
    ) -> Result<UploadResult, StoreError> {
        self.send()?;
        // Not every store refuses to replace a file: Garage ignores the condition. There, a file that appears
        // between this request and the next one is replaced.
        if self.temporary.is_none() && self.stored_size(&self.path)?.is_some() {
            return Ok(UploadResult::Exists);
        }
        let writer = self.writer.as_mut().expect("it is there until published");
        let closed = self.store.runtime.wait_for(self.stop, writer.close())?;
        if let (Some(temporary), Naming::Renamed(_, webdav)) = (&self.temporary, &self.store.naming)
        {
            let published = self.upload_and_rename(temporary, webdav, content)?;
            self.writer = None;
            return Ok(published);
        }
        if !closed {
            // If an answer was lost, the request was sent again, and the existing file is this upload.
            let is_it = self.stored_size(&self.path)? == Some(content.bytes)
                && self.compare(&self.path, content).is_ok();
            return Ok(if is_it {
                UploadResult::New
            } else {
                UploadResult::Exists
            });
        }
        self.writer = None;
        let published = self.upload_at_once(content, reads_back);
        if published.is_err() {
            let _ = self
                .store
                .remove(&self.path, Stop::without_signals(CLEANING_UP));
        }
        published
    }
}

impl Drop for Uploading<'_> {
    /// Removes what was stored of an upload that was not published. It does not wait long for the store.
    fn drop(&mut self) {
        let Some(mut writer) = self.writer.take() else {
            return;
        };
        let stop = Stop::without_signals(CLEANING_UP);
        match &self.temporary {
            Some(temporary) => {
                drop(writer);
                let _ = self.store.remove(temporary, stop);
            }
            None => {
                let _ = self.store.runtime.wait_for(stop, writer.abort());
            }
        }
    }
}

/// Returns a name in the same folder for an upload that is not finished.
pub(super) fn make_temporary_path(path: &str, owner: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(
        "{folder}/{UNFINISHED}{owner}-{}-{count}.tmp",
        std::process::id()
    )
}
