//! What a store over a network does.

use std::io::{self, Read};

use bytes::Buf;
use futures_util::TryStreamExt;
use opendal::options::{ListOptions, ReaderOptions};
use opendal::{Buffer, BufferStream, EntryMode};

use super::bounds::{self, Bounds};
use super::connection::StoreConnection;
use super::error::{Reason, StoreError};
use super::interface::{Store, StoredFile, Upload};
use super::upload::Uploading;
use crate::stop::Stop;

impl Store for StoreConnection {
    fn list(&self, folder: &str, stop: Stop) -> Result<Vec<StoredFile>, StoreError> {
        let options = ListOptions {
            recursive: true,
            ..ListOptions::default()
        };
        let mut objects = Vec::new();
        self.walk(folder, options, stop, |path, bytes| {
            objects.extend(bytes.map(|bytes| StoredFile { path, bytes }));
        })?;
        Ok(objects)
    }

    fn list_folders(&self, folder: &str, stop: Stop) -> Result<Vec<String>, StoreError> {
        let mut folders = Vec::new();
        let parent = as_folder(folder);
        self.walk(folder, ListOptions::default(), stop, |path, bytes| {
            if bytes.is_none() && path != parent {
                let name = path.trim_end_matches('/').rsplit('/').next();
                folders.extend(name.map(str::to_owned));
            }
        })?;
        Ok(folders)
    }

    fn read(&self, path: &str, stop: Stop) -> Result<Box<dyn Read + '_>, StoreError> {
        let (concurrent, chunk) = match self.parts {
            Some((concurrent, size)) => (concurrent, Some(size)),
            None => (1, None),
        };
        let options = ReaderOptions {
            concurrent,
            chunk,
            ..ReaderOptions::default()
        };
        Ok(Box::new(self.download(path, options, stop)?))
    }

    // Without parts its size need not be asked for.
    fn read_small(&self, path: &str, stop: Stop) -> Result<Box<dyn Read + '_>, StoreError> {
        let options = ReaderOptions::default();
        Ok(Box::new(self.download(path, options, stop)?))
    }

    fn upload(
        &self,
        path: &str,
        bytes: u64,
        stop: Stop,
    ) -> Result<Box<dyn Upload + '_>, StoreError> {
        Ok(Box::new(Uploading::begin(self, path, bytes, stop)?))
    }

    fn remove(&self, path: &str, stop: Stop) -> Result<(), StoreError> {
        match self.wait(stop, self.operator.delete(path)) {
            Err(error) if error.reason == Reason::Missing => Ok(()),
            removed => removed,
        }
    }
}

impl StoreConnection {
    fn download(
        &self,
        path: &str,
        options: ReaderOptions,
        stop: Stop,
    ) -> Result<Download<'_>, StoreError> {
        let stream = self.wait(stop, async {
            let reader = self.operator.reader_options(path, options).await?;
            reader.into_stream(..).await
        })?;
        Ok(Download {
            store: self,
            stream,
            data: Buffer::new(),
            stop,
        })
    }

    /// Calls `take` with each entry below a folder: its path, and its size if it is a file.
    fn walk(
        &self,
        folder: &str,
        options: ListOptions,
        stop: Stop,
        mut take: impl FnMut(String, Option<u64>),
    ) -> Result<(), StoreError> {
        let folder = as_folder(folder);
        let mut counted = Bounds::begin();
        let mut bounded = Ok(());
        let listing = async {
            let mut entries = self.operator.lister_options(&folder, options).await?;
            while let Some(entry) = entries.try_next().await? {
                bounded = counted.count();
                if bounded.is_err() {
                    break;
                }
                let (path, about) = entry.into_parts();
                let is_file = about.mode() == EntryMode::FILE;
                take(path, is_file.then(|| about.content_length()));
            }
            Ok(())
        };
        let walked = self.wait(stop, async {
            let listed = tokio::time::timeout(bounds::LONGEST, listing).await;
            listed.map_or(Ok(None), |listed: opendal::Result<()>| listed.map(Some))
        });
        bounded?;
        let walked = walked.and_then(|listed| listed.ok_or_else(bounds::make_time_error));
        match walked {
            Err(error) if error.reason == Reason::Missing => Ok(()),
            walked => walked,
        }
    }
}

/// Returns a folder's path as `OpenDAL` has it.
fn as_folder(path: &str) -> String {
    format!("{path}/")
}

/// A reader of a stored file.
struct Download<'a> {
    store: &'a StoreConnection,
    stream: BufferStream,
    data: Buffer,
    stop: Stop,
}

impl Read for Download<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.data.is_empty() {
            match self.store.wait(self.stop, self.stream.try_next())? {
                Some(data) => self.data = data,
                None => return Ok(0),
            }
        }
        let read = into.len().min(self.data.chunk().len());
        self.data.copy_to_slice(&mut into[..read]);
        Ok(read)
    }
}
