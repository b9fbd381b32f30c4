//! Stores that are reached over a network, by `OpenDAL`. Its runtime lives and ends here: each call
//! waits for the end of its requests, and drops them when work must stop.

use std::future::Future;
use std::io::{self, Read};
use std::pin::pin;
use std::time::Duration;

use bytes::Buf;
use futures_util::TryStreamExt;
use opendal::layers::{RetryEvent, RetryLayer, TimeoutLayer};
use opendal::options::{ListOptions, ReaderOptions};
use opendal::raw::BoxedStaticFuture;
use opendal::{Buffer, BufferStream, EntryMode, Execute, Executor, Operator};
use tokio::runtime::{Handle, Runtime};

use super::upload::Uploading;
use super::{Object, Reason, Store, StoreError, Upload};
use crate::stop::Stop;

/// How often a call looks whether work must stop.
const LOOK: Duration = Duration::from_millis(100);
/// How long a store may be silent.
const SILENCE: Duration = Duration::from_mins(2);
const ATTEMPTS: usize = 4;
/// How long connections may take to end.
const ENDING: Duration = Duration::from_millis(700);

/// How the files of a store get their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Naming {
    /// A file appears when its upload is completed, and replaces nothing: object stores.
    AtOnce,
    /// A file appears when it is created, so it is uploaded under another name, with the owner's
    /// name in it, and renamed.
    Renamed(String),
}

/// A store over a network.
pub(super) struct Remote {
    // Before the runtime: its connections end within it.
    pub(super) operator: Operator,
    pub(super) naming: Naming,
    /// The store compares each part with a checksum that is sent along.
    pub(super) checks: bool,
    /// How many parts of a file are on their way at a time, and their size in bytes.
    pub(super) parts: Option<(usize, usize)>,
    runtime: Option<Runtime>,
}

impl Remote {
    /// Returns the store that `build` makes within the runtime.
    pub(super) fn new(
        build: impl FnOnce() -> opendal::Result<Operator>,
        naming: Naming,
        checks: bool,
        parts: Option<(usize, usize)>,
    ) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let operator = {
            let _within = runtime.enter();
            build()?
        };
        let executor = Executor::with(Tasks(runtime.handle().clone()));
        let context = operator.base_context().clone().with_executor(executor);
        let operator = operator.with_context(context);
        let retry = RetryLayer::new()
            .with_max_times(ATTEMPTS)
            .with_min_delay(Duration::from_millis(500))
            .with_max_delay(Duration::from_secs(15))
            .with_jitter()
            .with_notify(|event: RetryEvent<'_>| {
                let error = super::error::sentence(event.err);
                log::debug!(
                    "the store is asked again in {:?}: {error}",
                    event.retry_after
                );
            });
        let timeout = TimeoutLayer::new()
            .with_timeout(SILENCE)
            .with_io_timeout(SILENCE);
        Ok(Remote {
            operator: operator.layer(timeout).layer(retry),
            naming,
            checks,
            parts,
            runtime: Some(runtime),
        })
    }

    /// Waits for requests to end.
    ///
    /// # Errors
    /// Theirs; [`Reason::Stopped`] when work must end before.
    pub(super) fn wait<T>(
        &self,
        stop: Stop,
        work: impl Future<Output = opendal::Result<T>>,
    ) -> Result<T, StoreError> {
        stop.check()?;
        let runtime = self.runtime.as_ref().expect("it is taken when dropped");
        runtime.block_on(async {
            let mut work = pin!(work);
            loop {
                match tokio::time::timeout(LOOK, &mut work).await {
                    Ok(done) => return Ok(done?),
                    Err(_) => stop.check()?,
                }
            }
        })
    }
}

/// Runs the parts of a file that are on their way at a time.
struct Tasks(Handle);

impl Execute for Tasks {
    fn execute(&self, task: BoxedStaticFuture<()>) {
        drop(self.0.spawn(task));
    }
}

impl Drop for Remote {
    /// Lets connections end, which for SSH is a program that would stay. What is still on its way then,
    /// such as a slow name server's answer, is not waited for.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(ENDING);
        }
    }
}

impl Store for Remote {
    fn list(&self, folder: &str, stop: Stop) -> Result<Vec<Object>, StoreError> {
        let options = ListOptions {
            recursive: true,
            ..ListOptions::default()
        };
        let mut objects = Vec::new();
        self.walk(folder, options, stop, |path, bytes| {
            objects.extend(bytes.map(|bytes| Object { path, bytes }));
        })?;
        Ok(objects)
    }

    fn folders(&self, folder: &str, stop: Stop) -> Result<Vec<String>, StoreError> {
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
        let stream = self.wait(stop, async {
            let reader = self.operator.reader_options(path, options).await?;
            reader.into_stream(..).await
        })?;
        Ok(Box::new(Download {
            store: self,
            stream,
            data: Buffer::new(),
            stop,
        }))
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

impl Remote {
    /// Gives each entry below a folder to `take`: its path, and its size where it is a file.
    fn walk(
        &self,
        folder: &str,
        options: ListOptions,
        stop: Stop,
        mut take: impl FnMut(String, Option<u64>),
    ) -> Result<(), StoreError> {
        let folder = as_folder(folder);
        let walked = self.wait(stop, async {
            let mut entries = self.operator.lister_options(&folder, options).await?;
            while let Some(entry) = entries.try_next().await? {
                let (path, about) = entry.into_parts();
                let is_file = about.mode() == EntryMode::FILE;
                take(path, is_file.then(|| about.content_length()));
            }
            Ok(())
        });
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

/// A file on its way from a store.
struct Download<'a> {
    store: &'a Remote,
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
