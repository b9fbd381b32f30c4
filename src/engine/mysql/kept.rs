//! Keeps the connection to a server for the next database of a run, because logging in takes longer
//! than all questions about a small database.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::server::Server;
use crate::secret::Secret;
use crate::stop::Stop;
use crate::url::Url;

/// The longest time after the login in which a connection is used for another database. [`Server::connect`]
/// compares what can hide rows from a new session; this limits what it does not compare.
const LONGEST: Duration = Duration::from_secs(1);

thread_local! {
    /// The connection that this thread uses next. Its client ends with the thread.
    static KEPT: RefCell<Option<Login>> = const { RefCell::new(None) };
}

/// A connection to a server. When this is dropped, the connection is kept for the thread's next database,
/// unless the work must end.
pub(super) struct KeptServer {
    login: Option<Login>,
    stop: Stop,
}

struct Login {
    url: Url,
    password: Option<Secret>,
    since: Instant,
    server: Server,
}

impl KeptServer {
    /// Returns the connection that this thread has kept to the server of `url`, or a new one.
    ///
    /// # Errors
    /// The same errors as of [`Server::new`].
    pub(super) fn open(url: &Url, password: Option<&Secret>, stop: Stop) -> Result<Self> {
        let (url, password) = (url.without_database(), password.cloned());
        let kept = KEPT.take().filter(|kept| {
            kept.since.elapsed() < LONGEST && kept.url == url && kept.password == password
        });
        let login = match kept {
            Some(kept) => kept,
            None => Login {
                server: Server::new(&url, password.as_ref(), stop)?,
                url,
                password,
                since: Instant::now(),
            },
        };
        Ok(KeptServer {
            login: Some(login),
            stop,
        })
    }
}

impl Deref for KeptServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.login.as_ref().expect("only drop takes it").server
    }
}

impl DerefMut for KeptServer {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.login.as_mut().expect("only drop takes it").server
    }
}

impl Drop for KeptServer {
    fn drop(&mut self) {
        KEPT.set(self.login.take().filter(|_| self.stop.check().is_ok()));
    }
}
