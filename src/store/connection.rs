//! A connection to a store over a network, by `OpenDAL`.

use std::future::Future;
use std::time::Duration;

use opendal::layers::{RetryEvent, RetryLayer, TimeoutLayer};
use opendal::raw::BoxedStaticFuture;
use opendal::{Execute, Executor, HttpTransporter, Operator};
use opendal_http_transport_reqwest::ReqwestTransport;
use tokio::runtime::Handle;

use super::error::{StoreError, describe};
use super::runtime::{StoreRuntime, install_cryptography};
use super::webdav_client::{PART_SILENCE, WebdavClient};
use crate::stop::Stop;

/// The longest time for a request that moves no content.
pub(super) const SILENCE: Duration = Duration::from_mins(1);
/// How often a request is repeated.
pub(super) const ATTEMPTS: usize = 4;
/// The pause before the first repetition.
pub(super) const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause before a repetition.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How the files of a store get their names.
pub(super) enum Naming {
    /// A file appears when its upload is completed, and replaces nothing: object stores.
    AtOnce,
    /// A file appears when it is created, so it is uploaded under another name, with the owner's
    /// name in it, and renamed: WebDAV. The client does both in place of `OpenDAL`.
    Renamed(String, WebdavClient),
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
    /// The number of parts of a file that are uploaded at the same time, and their size in bytes.
    pub(super) parts: Option<(usize, usize)>,
    pub(super) runtime: StoreRuntime,
}

impl StoreConnection {
    /// Returns the store that `build` makes within the runtime.
    pub(super) fn new(
        build: impl FnOnce() -> opendal::Result<Operator>,
        naming: Naming,
        checks: StoreChecks,
        parts: Option<(usize, usize)>,
    ) -> Result<Self, StoreError> {
        let runtime = StoreRuntime::start()?;
        install_cryptography();
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
            .with_min_delay(SHORTEST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_jitter()
            .with_notify(|event: RetryEvent<'_>| {
                let error = describe(event.err);
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
            parts,
            runtime,
        })
    }

    /// Waits for requests to end, and returns their result.
    ///
    /// # Errors
    /// As [`StoreRuntime::wait_for`].
    pub(super) fn wait<T>(
        &self,
        stop: Stop,
        work: impl Future<Output = opendal::Result<T>>,
    ) -> Result<T, StoreError> {
        self.runtime.wait_for(stop, async { Ok(work.await?) })
    }
}

/// Runs the uploads of several parts of a file at the same time.
struct Tasks(Handle);

impl Execute for Tasks {
    fn execute(&self, task: BoxedStaticFuture<()>) {
        drop(self.0.spawn(task));
    }
}
