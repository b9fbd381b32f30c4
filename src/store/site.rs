//! What of WebDAV `OpenDAL` cannot do: it holds a whole file in memory to upload it, and its rename replaces
//! what has the name. Both are one request.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Client, Method, StatusCode, Url};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

use super::error::{Reason, StoreError};
use super::interface::UploadResult;

/// How long a part of a file may be on its way, which on a slow line takes minutes. A line that is dead is
/// noticed sooner: by TCP.
pub(super) const PART_SILENCE: Duration = Duration::from_mins(10);
/// How long a connection may take to begin.
const CONNECTING: Duration = Duration::from_secs(30);
/// How many blocks wait to be sent.
const WAITING: usize = 4;

/// A directory of a WebDAV server.
pub(super) struct Site {
    client: Client,
    folder: Url,
    login: Option<(String, Option<String>)>,
}

impl Site {
    /// Returns the directory that `path` names on the server of `url`, for a user with a password.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(super) fn new(
        url: Url,
        path: &str,
        login: Option<(String, Option<String>)>,
    ) -> Result<Self, StoreError> {
        let client = Client::builder().connect_timeout(CONNECTING).build();
        Ok(Site {
            client: client.map_err(failed)?,
            folder: below(&url, path),
            login,
        })
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, below(&self.folder, path));
        match &self.login {
            Some((user, password)) => request.basic_auth(user, password.as_deref()),
            None => request,
        }
    }

    /// Begins to upload a file, of which few blocks are in memory.
    pub(super) fn put(&self, path: &str, runtime: &Handle) -> Put {
        let (sender, receiver) = mpsc::channel(WAITING);
        let body = Body::wrap_stream(stream::unfold(receiver, next));
        let request = self.request(Method::PUT, path).body(body);
        let answer = runtime.spawn(async move {
            let answer = request.send().await.map_err(failed)?;
            judge(answer.status(), "PUT")
        });
        Put {
            sender: Some(sender),
            answer,
        }
    }

    /// Gives a file another name, which replaces nothing.
    ///
    /// # Errors
    /// When the server does not.
    pub(super) async fn rename(&self, from: &str, to: &str) -> Result<UploadResult, StoreError> {
        let method = Method::from_bytes(b"MOVE").expect("it is a method");
        let request = self
            .request(method, from)
            .header("Destination", below(&self.folder, to).as_str())
            .header("Overwrite", "F");
        let answer = tokio::time::timeout(PART_SILENCE, request.send()).await;
        let status = answer.map_err(silent)?.map_err(failed)?.status();
        if status == StatusCode::PRECONDITION_FAILED {
            return Ok(UploadResult::Exists);
        }
        judge(status, "MOVE")?;
        Ok(UploadResult::New)
    }
}

/// A file on its way.
pub(super) struct Put {
    /// Absent when all was sent.
    sender: Option<Sender<Result<Bytes, StoreError>>>,
    answer: JoinHandle<Result<(), StoreError>>,
}

impl Put {
    /// Sends a block.
    ///
    /// # Errors
    /// When the server has answered before the end, or takes nothing for long.
    pub(super) async fn write(&mut self, block: Bytes) -> Result<(), StoreError> {
        let Some(sender) = &self.sender else {
            return Err(early());
        };
        match tokio::time::timeout(PART_SILENCE, sender.send(Ok(block))).await {
            Ok(Ok(())) => Ok(()),
            // Its answer says why it takes no more.
            Ok(Err(_)) => {
                self.sender = None;
                self.answer().await?;
                Err(early())
            }
            Err(elapsed) => Err(silent(elapsed)),
        }
    }

    /// Sends the end and waits for the answer.
    ///
    /// # Errors
    /// When the server did not store the file.
    pub(super) async fn close(&mut self) -> Result<(), StoreError> {
        self.sender = None;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<(), StoreError> {
        match tokio::time::timeout(PART_SILENCE, &mut self.answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(early()),
            Err(elapsed) => Err(silent(elapsed)),
        }
    }
}

impl Drop for Put {
    /// Breaks a request that has not ended, so that its end is not taken for the file's.
    fn drop(&mut self) {
        self.answer.abort();
    }
}

type Blocks = Receiver<Result<Bytes, StoreError>>;

async fn next(mut blocks: Blocks) -> Option<(Result<Bytes, StoreError>, Blocks)> {
    let block = blocks.recv().await?;
    Some((block, blocks))
}

/// Returns the URL of a path below a folder; each part stands for itself.
fn below(folder: &Url, path: &str) -> Url {
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

fn early() -> StoreError {
    StoreError::new(Reason::Other, "the store ended the upload before its end")
}

fn silent(_: tokio::time::error::Elapsed) -> StoreError {
    StoreError::new(Reason::Other, "the store does not answer")
}

/// Returns an error without its URL.
fn failed(error: reqwest::Error) -> StoreError {
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
