//! The connection to a directory of an SSH server: a session that is begun when it is needed, and again when it
//! is lost.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use openssh_sftp_client::Error;
use openssh_sftp_client::error::SftpErrorKind;
use tokio::sync::Mutex;

use super::config::Config;
use super::connection::{ATTEMPTS, LONGEST_PAUSE, SHORTEST_PAUSE};
use super::destination::SftpDirectory;
use super::error::{Reason, StoreError};
use super::runtime::StoreRuntime;
use super::ssh::Session;
use crate::stop::Stop;

/// The number of bytes of one request: as many as OpenSSH takes. For other servers the library makes several
/// requests of it.
pub(super) const CHUNK: usize = 255 << 10;
/// The number of requests that wait for their answers at the same time.
pub(super) const IN_FLIGHT: usize = 16;

pub(super) struct SftpStore {
    server: SftpDirectory,
    key: Option<String>,
    pub(super) owner: String,
    /// The present session; `None` before the first request, and after one was lost.
    session: Mutex<Option<Arc<Session>>>,
    pub(super) runtime: StoreRuntime,
}

/// Why a request has no result.
enum AttemptError {
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
    pub(super) fn build_path(&self, path: &str) -> String {
        format!("{}/{path}", self.server.path.trim_end_matches('/'))
    }

    async fn ensure_session(&self) -> Result<Arc<Session>, StoreError> {
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
            let session = self.ensure_session().await.map_err(AttemptError::Final)?;
            let asked = tokio::time::timeout(limit, ask(&session)).await;
            let lost = match asked {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) if is_answer(&error) => {
                    return Err(AttemptError::Final(convert_error(&error)));
                }
                Ok(Err(error)) => convert_error(&error),
                Err(_) => StoreError::new(Reason::Other, "the SSH server does not answer"),
            };
            let mut present = self.session.lock().await;
            if present.as_ref().is_some_and(|it| Arc::ptr_eq(it, &session)) {
                *present = None;
            }
            Err(AttemptError::Lost(lost))
        };
        let pauses = ExponentialBuilder::new()
            .with_max_times(ATTEMPTS)
            .with_min_delay(SHORTEST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_jitter();
        let asked = attempt
            .retry(pauses)
            .when(|failure| matches!(failure, AttemptError::Lost(_)))
            .notify(|failure: &AttemptError, pause| {
                if let AttemptError::Lost(error) = failure {
                    log::debug!("the store is asked again in {pause:?}: {error}");
                }
            });
        self.runtime.wait_for(stop, async {
            asked.await.map_err(|failure| match failure {
                AttemptError::Final(error) | AttemptError::Lost(error) => error,
            })
        })
    }
}

/// Returns true if the server said it, so that another connection helps nothing.
fn is_answer(error: &Error) -> bool {
    matches!(error, Error::SftpError(..) | Error::UnsupportedExtension(_))
}

/// Returns the sentence of an error.
pub(super) fn convert_error(error: &Error) -> StoreError {
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

impl Drop for SftpStore {
    fn drop(&mut self) {
        let _within = self.runtime.enter();
        self.session.get_mut().take();
    }
}
