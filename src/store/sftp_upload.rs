//! Uploads a file to an SSH server: under a temporary name, synced, read back, and published under a name that
//! nobody has.

use std::future::Future;
use std::io::{self, SeekFrom, Write};
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use openssh_sftp_client::Error;
use openssh_sftp_client::error::SftpErrorKind;
use openssh_sftp_client::file::File;
use tokio::io::AsyncSeek;

use super::connection::SILENCE;
use super::error::{Reason, StoreError};
use super::interface::{Store, Upload, UploadContent, UploadResult};
use super::sftp::{CHUNK, IN_FLIGHT, SftpStore, said};
use super::ssh::Session;
use super::upload::{CLEANING_UP, make_temporary_path};
use super::webdav_client::PART_SILENCE;
use crate::stop::Stop;

/// The number of bytes that are sent before the server's answers are waited for.
const BLOCK: usize = 4 << 20;

pub(super) struct SftpUpload<'a> {
    store: &'a SftpStore,
    session: Arc<Session>,
    file: Option<File>,
    /// The final name of the file.
    path: String,
    /// The temporary name of the file. `None` when nothing has it.
    temporary: Option<String>,
    block: Vec<u8>,
    sent: u64,
    stop: Stop,
}

impl<'a> SftpUpload<'a> {
    pub(super) fn begin(store: &'a SftpStore, path: &str, stop: Stop) -> Result<Self, StoreError> {
        let (session, temporary, file) = store.ask((stop, SILENCE), async |session| {
            let temporary = make_temporary_path(path, &store.owner);
            let full = store.full(&temporary);
            let mut options = session.sftp.options();
            options.write(true).create_new(true);
            let file = match options.open(&full).await {
                Err(Error::SftpError(SftpErrorKind::NoSuchFile, _)) => {
                    create_folders(session, &full).await?;
                    options.open(&full).await?
                }
                opened => opened?,
            };
            Ok((Arc::clone(session), temporary, file))
        })?;
        Ok(SftpUpload {
            store,
            session,
            file: Some(file),
            path: path.to_owned(),
            temporary: Some(temporary),
            block: Vec::with_capacity(BLOCK),
            sent: 0,
            stop,
        })
    }

    /// Waits for what cannot be repeated over another connection.
    fn wait<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
        self.store.runtime.wait_for(self.stop, async {
            match tokio::time::timeout(PART_SILENCE, work).await {
                Ok(done) => done.map_err(said),
                Err(_) => Err(StoreError::new(
                    Reason::Other,
                    "the SSH server does not answer",
                )),
            }
        })
    }

    fn send(&mut self) -> Result<(), StoreError> {
        let file = self.file.as_ref().expect("it is there until published");
        let chunks = self.block.chunks(CHUNK).zip((self.sent..).step_by(CHUNK));
        let chunks = chunks.map(|(chunk, at)| write_chunk(file.clone(), at, chunk));
        self.wait(
            stream::iter(chunks)
                .buffer_unordered(IN_FLIGHT)
                .try_for_each(|()| async { Ok(()) }),
        )?;
        self.sent += self.block.len() as u64;
        self.block.clear();
        Ok(())
    }

    /// Gives the file its final name. A second hard link replaces nothing; a server without hard links is
    /// asked first whether the name is free.
    async fn rename(&self, temporary: &str) -> Result<UploadResult, Error> {
        let mut fs = self.session.sftp.fs();
        let (from, to) = (self.store.full(temporary), self.store.full(&self.path));
        let is_linked = match fs.hard_link(&from, &to).await {
            Ok(()) => true,
            Err(Error::SftpError(..) | Error::UnsupportedExtension(_)) => false,
            Err(lost) => return Err(lost),
        };
        if !is_linked {
            match fs.symlink_metadata(&to).await {
                Err(Error::SftpError(SftpErrorKind::NoSuchFile, _)) => {
                    fs.rename(&from, &to).await?;
                    return Ok(UploadResult::New);
                }
                exists => drop(exists?),
            }
        }
        fs.remove_file(&from).await?;
        Ok(match is_linked {
            true => UploadResult::New,
            false => UploadResult::Exists,
        })
    }
}

async fn write_chunk(mut file: File, at: u64, chunk: &[u8]) -> Result<(), Error> {
    Pin::new(&mut file).start_seek(SeekFrom::Start(at))?;
    file.write_all(chunk).await
}

/// Creates the folders above a path that are missing.
async fn create_folders(session: &Session, path: &str) -> Result<(), Error> {
    let slashes = path.match_indices('/').map(|(at, _)| at);
    for at in slashes.filter(|at| *at > 0) {
        match session.sftp.fs().create_dir(&path[..at]).await {
            // It is there already, or the file cannot be created in it, which says why.
            Ok(()) | Err(Error::SftpError(..)) => {}
            Err(lost) => return Err(lost),
        }
    }
    Ok(())
}

impl Write for SftpUpload<'_> {
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

impl Upload for SftpUpload<'_> {
    fn publish(
        mut self: Box<Self>,
        content: &UploadContent,
        _reads_back: bool,
    ) -> Result<UploadResult, StoreError> {
        self.send()?;
        let mut file = self.file.take().expect("it is there until published");
        let is_synced = self.session.sftp.support_fsync();
        self.wait(async {
            if is_synced {
                file.sync_all().await?;
            }
            file.close().await
        })?;
        let temporary = self.temporary.clone().expect("it is there until published");
        let mut stored = self.store.read(&temporary, self.stop)?;
        content.compare(&mut stored)?;
        let published = self.wait(self.rename(&temporary))?;
        self.temporary = None;
        Ok(published)
    }
}

impl Drop for SftpUpload<'_> {
    /// Removes what was stored of an upload that was not published. It does not wait long for the server.
    fn drop(&mut self) {
        let _within = self.store.runtime.enter();
        drop(self.file.take());
        if let Some(temporary) = &self.temporary {
            let stop = Stop::without_signals(CLEANING_UP);
            let _ = self.store.remove(temporary, stop);
        }
    }
}
