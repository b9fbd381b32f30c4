//! A connection to a store over a network, by `OpenDAL`. Its runtime lives and ends here: each call
//! waits for the end of its requests, and drops them when work must stop.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use opendal::layers::{RetryEvent, RetryLayer, TimeoutLayer};
use opendal::raw::BoxedStaticFuture;
use opendal::{Execute, Executor, HttpTransporter, Operator};
use opendal_http_transport_reqwest::ReqwestTransport;
use tokio::runtime::{Handle, Runtime};

use super::error::{StoreError, sentence};
use super::webdav_client::{PART_SILENCE, WebdavClient};
use crate::stop::Stop;

/// The interval at which a call checks [`Stop`].
const LOOK: Duration = Duration::from_millis(100);
/// The longest time for a request that moves no content.
const SILENCE: Duration = Duration::from_mins(1);
const ATTEMPTS: usize = 4;
/// The longest time to wait for connections to end.
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

/// How a store itself checks the files that it stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreChecks {
    /// The store compares each part with a checksum that is sent with it.
    EachPart,
    /// The store reports the MD5 of a file.
    Md5,
    /// The store checks nothing, so every file is read back.
    Nothing,
}

/// A store over a network, and the runtime of its requests.
pub(super) struct StoreConnection {
    // Before the runtime: its connections end within it.
    pub(super) operator: Operator,
    pub(super) naming: Naming,
    pub(super) checks: StoreChecks,
    /// The client that uploads and renames in place of `OpenDAL`, for WebDAV.
    pub(super) webdav: Option<WebdavClient>,
    /// The number of parts of a file that are uploaded at the same time, and their size in bytes.
    pub(super) parts: Option<(usize, usize)>,
    runtime: Option<Runtime>,
}

impl StoreConnection {
    /// Returns the store that `build` makes within the runtime.
    pub(super) fn new(
        build: impl FnOnce() -> opendal::Result<Operator>,
        naming: Naming,
        checks: StoreChecks,
        parts: Option<(usize, usize)>,
    ) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        // It fails if the provider is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        HttpTransporter::install_default(ReqwestTransport::default());
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
                let error = sentence(event.err);
                log::debug!(
                    "the store is asked again in {:?}: {error}",
                    event.retry_after
                );
            });
        let timeout = TimeoutLayer::new()
            .with_timeout(SILENCE)
            .with_io_timeout(PART_SILENCE);
        Ok(StoreConnection {
            operator: operator.layer(timeout).layer(retry),
            naming,
            checks,
            webdav: None,
            parts,
            runtime: Some(runtime),
        })
    }

    /// Returns the handle of the runtime in which requests run.
    pub(super) fn handle(&self) -> &Handle {
        let runtime = self.runtime.as_ref().expect("it is taken when dropped");
        runtime.handle()
    }

    /// Waits for requests to end, and returns their result.
    ///
    /// # Errors
    /// When a request fails; [`Reason::Stopped`](super::error::Reason::Stopped) when work must end.
    pub(super) fn wait<T>(
        &self,
        stop: Stop,
        work: impl Future<Output = opendal::Result<T>>,
    ) -> Result<T, StoreError> {
        self.wait_for(stop, async { Ok(work.await?) })
    }

    /// As [`StoreConnection::wait`], for requests that are not `OpenDAL`'s.
    ///
    /// # Errors
    /// As [`StoreConnection::wait`].
    pub(super) fn wait_for<T>(
        &self,
        stop: Stop,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        stop.check()?;
        let runtime = self.runtime.as_ref().expect("it is taken when dropped");
        runtime.block_on(async {
            let mut work = pin!(work);
            loop {
                match tokio::time::timeout(LOOK, &mut work).await {
                    Ok(done) => return done,
                    Err(_) => stop.check()?,
                }
            }
        })
    }
}

/// Runs the uploads of several parts of a file at the same time.
struct Tasks(Handle);

impl Execute for Tasks {
    fn execute(&self, task: BoxedStaticFuture<()>) {
        drop(self.0.spawn(task));
    }
}

impl Drop for StoreConnection {
    /// Waits until connections end. An SSH connection is a program, which would otherwise go on running. It
    /// waits only for a moment, for example not for a slow name server.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(ENDING);
        }
    }
}
