//! Uploads a file to an SSH server: under a temporary name, synced, read back, and published under a name that
//! nobody has.

use std::future::Future;
use std::io::{self, SeekFrom, Write};
use std::pin::Pin;
use std::sync::Arc;

use openssh_sftp_client::Error;
use openssh_sftp_client::error::SftpErrorKind;
use openssh_sftp_client::file::File;
use tokio::io::AsyncSeek;
use tokio::task::JoinSet;

use super::connection::SILENCE;
use super::error::{Reason, StoreError};
use super::interface::{Store, Upload, UploadContent, UploadResult};
use super::sftp_connection::{CHUNK, IN_FLIGHT, SftpStore, convert_error};
use super::ssh::Session;
use super::upload::{CLEANING_UP, make_temporary_path};
use super::webdav_client::PART_SILENCE;
use crate::stop::Stop;

pub(super) struct SftpUpload<'a> {
    store: &'a SftpStore,
    session: Arc<Session>,
    file: Option<File>,
    /// The final name of the file.
    path: String,
    /// The temporary name of the file. `None` when nothing has it.
    temporary: Option<String>,
    chunk: Vec<u8>,
    sent: u64,
    /// The chunks that are being written, while the caller makes the next one.
    writes: JoinSet<Result<(), Error>>,
    stop: Stop,
}

impl<'a> SftpUpload<'a> {
    pub(super) fn begin(store: &'a SftpStore, path: &str, stop: Stop) -> Result<Self, StoreError> {
        let (session, temporary, file) = store.ask((stop, SILENCE), &async |session| {
            let temporary = make_temporary_path(path, &store.owner);
            let full = store.build_path(&temporary);
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
            chunk: Vec::with_capacity(CHUNK),
            sent: 0,
            writes: JoinSet::new(),
            stop,
        })
    }

    /// Waits for what cannot be repeated over another connection.
    fn wait<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
        self.store.runtime.wait_for(self.stop, async {
            match tokio::time::timeout(PART_SILENCE, work).await {
                Ok(done) => done.map_err(|error| convert_error(&error)),
                Err(_) => Err(StoreError::new(
                    Reason::Other,
                    "the SSH server does not answer",
                )),
            }
        })
    }

    /// Starts to write what there is, and waits until at most `in_flight` chunks are not written.
    fn send(&mut self, in_flight: usize) -> Result<(), StoreError> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        let at = self.sent;
        self.sent += chunk.len() as u64;
        let file = self.file.clone().expect("it is there until published");
        let runtime = self.store.runtime.handle();
        self.writes.spawn_on(write_chunk(file, at, chunk), runtime);
        let mut writes = std::mem::take(&mut self.writes);
        self.wait(async {
            while writes.len() > in_flight {
                match writes.join_next().await {
                    Some(Ok(written)) => written?,
                    Some(Err(failed)) => return Err(io::Error::from(failed).into()),
                    None => break,
                }
            }
            Ok(())
        })?;
        self.writes = writes;
        Ok(())
    }

    /// Gives the file its final name. A second hard link replaces nothing; a server without hard links is
    /// asked first whether the name is free.
    async fn rename(&self, temporary: &str) -> Result<UploadResult, Error> {
        let mut fs = self.session.sftp.fs();
        let (from, to) = (
            self.store.build_path(temporary),
            self.store.build_path(&self.path),
        );
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

async fn write_chunk(mut file: File, at: u64, chunk: Vec<u8>) -> Result<(), Error> {
    Pin::new(&mut file).start_seek(SeekFrom::Start(at))?;
    file.write_all(&chunk).await
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
        let taken = data.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&data[..taken]);
        if self.chunk.len() == CHUNK {
            self.send(IN_FLIGHT - 1)?;
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
        self.send(0)?;
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
        self.writes.abort_all();
        drop(self.file.take());
        if let Some(temporary) = &self.temporary {
            let stop = Stop::without_signals(CLEANING_UP);
            let _ = self.store.remove(temporary, stop);
        }
    }
}
