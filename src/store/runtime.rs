//! The runtime of a store's requests. It lives and ends with the store: each call waits for the end of its
//! requests, and drops them when work must stop.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::runtime::{EnterGuard, Handle, Runtime};

use super::error::StoreError;
use crate::stop::Stop;

/// The interval at which a call checks [`Stop`].
const LOOK: Duration = Duration::from_millis(100);
/// The longest time to wait for connections to end.
const ENDING: Duration = Duration::from_millis(700);

/// Chooses the cryptography of encrypted connections. A client of HTTP is made only after it.
pub(super) fn install_cryptography() {
    // It fails if it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub(super) struct StoreRuntime(Option<Runtime>);

impl StoreRuntime {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        Ok(StoreRuntime(Some(runtime)))
    }

    fn runtime(&self) -> &Runtime {
        self.0.as_ref().expect("it is taken when dropped")
    }

    /// Returns the handle of the runtime in which requests run.
    pub(super) fn handle(&self) -> &Handle {
        self.runtime().handle()
    }

    /// Lets what the caller makes or drops start requests.
    pub(super) fn enter(&self) -> EnterGuard<'_> {
        self.runtime().enter()
    }

    /// Waits for requests to end, and returns their result.
    ///
    /// # Errors
    /// When a request fails; [`Reason::Stopped`](super::error::Reason::Stopped) when work must end.
    pub(super) fn wait_for<T>(
        &self,
        stop: Stop,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        stop.check()?;
        self.runtime().block_on(async {
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

impl Drop for StoreRuntime {
    /// Waits until connections end, but only for a moment: for example not for a slow name server.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(ENDING);
        }
    }
}
