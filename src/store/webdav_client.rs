//! Two requests of WebDAV that `OpenDAL` does not make as this program needs them: an upload that does not
//! hold the whole file in memory, and a rename that replaces nothing.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Client, Method, StatusCode, Url};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

use super::error::{Reason, StoreError};
use super::interface::UploadResult;

/// The longest time that sending one part of a file may take. A slow connection needs minutes; TCP notices
/// a dead connection sooner.
pub(super) const PART_SILENCE: Duration = Duration::from_mins(10);
/// The longest time that connecting may take.
const CONNECTING: Duration = Duration::from_secs(30);
/// The number of blocks that wait in memory to be sent.
const WAITING: usize = 4;

/// The client of a directory on a WebDAV server.
pub(super) struct WebdavClient {
    client: Client,
    folder: Url,
    login: Option<(String, Option<String>)>,
}

impl WebdavClient {
    /// Returns the client of the directory `path` on the server at `url`. `login` is a user and a
    /// password.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(super) fn new(
        url: &Url,
        path: &str,
        login: Option<(String, Option<String>)>,
    ) -> Result<Self, StoreError> {
        let client = Client::builder().connect_timeout(CONNECTING).build();
        Ok(WebdavClient {
            client: client.map_err(make_error)?,
            folder: join_path(url, path),
            login,
        })
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, join_path(&self.folder, path));
        match &self.login {
            Some((user, password)) => request.basic_auth(user, password.as_deref()),
            None => request,
        }
    }

    /// Starts the upload of a file, of which only a few blocks are in memory at a time.
    pub(super) fn put(&self, path: &str, runtime: &Handle) -> Put {
        let (sender, receiver) = mpsc::channel(WAITING);
        let body = Body::wrap_stream(stream::unfold(receiver, next));
        let request = self.request(Method::PUT, path).body(body);
        let answer = runtime.spawn(async move {
            let answer = request.send().await.map_err(make_error)?;
            judge(answer.status(), "PUT")
        });
        Put {
            sender: Some(sender),
            answer,
        }
    }

    /// Renames a file. If another file has the name `to`, nothing is renamed.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub(super) async fn rename(&self, from: &str, to: &str) -> Result<UploadResult, StoreError> {
        let method = Method::from_bytes(b"MOVE").expect("it is a method");
        let request = self
            .request(method, from)
            .header("Destination", join_path(&self.folder, to).as_str())
            .header("Overwrite", "F");
        let answer = tokio::time::timeout(PART_SILENCE, request.send()).await;
        let status = answer
            .map_err(make_silent_error)?
            .map_err(make_error)?
            .status();
        if status == StatusCode::PRECONDITION_FAILED {
            return Ok(UploadResult::Exists);
        }
        judge(status, "MOVE")?;
        Ok(UploadResult::New)
    }
}

/// An upload that has started.
pub(super) struct Put {
    /// `None` once all blocks are sent.
    sender: Option<Sender<Result<Bytes, StoreError>>>,
    answer: JoinHandle<Result<(), StoreError>>,
}

impl Put {
    /// Sends a block.
    ///
    /// # Errors
    /// When the server answers before the end of the file, or takes nothing for [`PART_SILENCE`].
    pub(super) async fn write(&mut self, block: Bytes) -> Result<(), StoreError> {
        let Some(sender) = &self.sender else {
            return Err(make_early_error());
        };
        match tokio::time::timeout(PART_SILENCE, sender.send(Ok(block))).await {
            Ok(Ok(())) => Ok(()),
            // The server takes no more blocks; its answer says why.
            Ok(Err(_)) => {
                self.sender = None;
                self.wait_for_answer().await?;
                Err(make_early_error())
            }
            Err(elapsed) => Err(make_silent_error(elapsed)),
        }
    }

    /// Ends the file and waits for the answer.
    ///
    /// # Errors
    /// When the server did not store the file.
    pub(super) async fn close(&mut self) -> Result<(), StoreError> {
        self.sender = None;
        self.wait_for_answer().await
    }

    async fn wait_for_answer(&mut self) -> Result<(), StoreError> {
        match tokio::time::timeout(PART_SILENCE, &mut self.answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(make_early_error()),
            Err(elapsed) => Err(make_silent_error(elapsed)),
        }
    }
}

impl Drop for Put {
    /// Aborts a request that has not ended; otherwise the server could take what was sent for the whole
    /// file.
    fn drop(&mut self) {
        self.answer.abort();
    }
}

type Blocks = Receiver<Result<Bytes, StoreError>>;

async fn next(mut blocks: Blocks) -> Option<(Result<Bytes, StoreError>, Blocks)> {
    let block = blocks.recv().await?;
    Some((block, blocks))
}

/// Returns the URL of `path` below `folder`. Special characters in the path are escaped.
fn join_path(folder: &Url, path: &str) -> Url {
    let mut url = folder.clone();
    if let Ok(mut parts) = url.path_segments_mut() {
        parts.pop_if_empty();
        parts.extend(path.split('/').filter(|part| !part.is_empty()));
    }
    url
}

fn judge(status: StatusCode, what: &str) -> Result<(), StoreError> {
    if status.is_success() {
        return Ok(());
    }
    let reason = match status {
        StatusCode::NOT_FOUND => Reason::Missing,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Reason::Refused,
        _ => Reason::Other,
    };
    Err(StoreError::new(
        reason,
        &format!("the store answers {what} with {status}"),
    ))
}

fn make_early_error() -> StoreError {
    StoreError::new(Reason::Other, "the store ended the upload before its end")
}

fn make_silent_error(_: tokio::time::error::Elapsed) -> StoreError {
    StoreError::new(Reason::Other, "the store does not answer")
}

/// Returns an error without its URL.
fn make_error(error: reqwest::Error) -> StoreError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    StoreError::new(Reason::Other, &text)
}
