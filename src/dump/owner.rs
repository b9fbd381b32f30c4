//! The one thread that makes every call on the dump directory.
//!
//! Publishing and rotating decide by what they just listed, so no two may ever interleave. Dumps
//! that run side by side write only to temporary files of their own; whatever else they need of
//! the directory they send, as a request, to the thread that holds it, which serves one at a time.

use std::sync::mpsc::{self, Receiver, Sender};

use anyhow::{Context, Result};

use crate::directory::{Locked, Temporary};

type Request<'a> = Box<dyn FnOnce(&'a Locked) + Send + 'a>;

/// How a thread reaches the directory.
#[derive(Clone)]
pub(crate) enum Owner<'a> {
    /// It is the owner.
    Here(&'a Locked),
    /// It sends requests to the owner.
    Elsewhere(Sender<Request<'a>>),
}

impl<'a> Owner<'a> {
    /// The result of a request, once the owner has served it.
    pub(super) fn ask<T: Send + 'a>(
        &self,
        request: impl FnOnce(&'a Locked) -> T + Send + 'a,
    ) -> Result<T> {
        match self {
            Owner::Here(directory) => Ok(request(directory)),
            Owner::Elsewhere(requests) => {
                let (answer, answered) = mpsc::sync_channel(1);
                let request: Request<'a> = Box::new(move |directory| {
                    let _ = answer.send(request(directory));
                });
                let sent = requests.send(request).ok();
                sent.and_then(|()| answered.recv().ok())
                    .context("the dump directory's thread is gone")
            }
        }
    }

    /// A temporary file that the owner removes unless it is published.
    pub(super) fn temporary(&self) -> Result<Borrowed<'a>> {
        let temporary = self.ask(Locked::temporary)??;
        Ok(Borrowed {
            temporary: Some(temporary),
            owner: self.clone(),
        })
    }
}

/// Requests on their way to the owner; [`serve`] takes them.
pub(super) fn channel<'a>() -> (Owner<'a>, Receiver<Request<'a>>) {
    let (requests, served) = mpsc::channel();
    (Owner::Elsewhere(requests), served)
}

/// Serves requests until nobody is left who could send one.
pub(super) fn serve<'a>(directory: &'a Locked, requests: &Receiver<Request<'a>>) {
    for request in requests {
        request(directory);
    }
}

/// A temporary file, written by the thread that asked for it.
pub(super) struct Borrowed<'a> {
    temporary: Option<Temporary<'a>>,
    owner: Owner<'a>,
}

impl<'a> Borrowed<'a> {
    pub(super) fn get(&self) -> Result<&Temporary<'a>> {
        self.temporary.as_ref().context("it was published")
    }

    pub(super) fn give_back(mut self) -> Result<Temporary<'a>> {
        self.temporary.take().context("it was published")
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            let _ = self.owner.ask(move |_| drop(temporary));
        }
    }
}
