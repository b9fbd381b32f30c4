//! The limits within which an engine uses a source, and the parts of a server.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::header::LeftOut;
use crate::name::{Format, GLOBALS};
use crate::secret::Secret;
use crate::stop::Stop;
use crate::url::Url;

/// How an engine reaches a database, and the limits of its work there.
#[derive(Debug, Clone)]
pub struct Access {
    /// The server's password. It takes precedence over a password in the URL.
    pub password: Option<Secret>,
    /// The deadline of the work on this database; a signal also stops the work.
    pub deadline: Stop,
    /// The longest time to wait for a lock that another session or process holds.
    pub lock_timeout: Duration,
    /// The number of threads or sessions that may work at the same time.
    pub threads: NonZeroUsize,
    /// The format of a PostgreSQL dump: SQL or `pg_dump`'s custom format.
    pub format: Format,
    /// The tables and rows to leave out of the dump.
    pub left_out: LeftOut,
    /// The sessions that read the rows of a PostgreSQL database.
    pub sessions: Sessions,
}

/// The sessions that read the rows of one database at the same time.
#[derive(Debug, Clone, Copy)]
pub struct Sessions {
    /// The number of sessions, or `None` if the engine chooses it.
    pub number: Option<NonZeroUsize>,
    /// The size in bytes from which several sessions read one table.
    pub large_table: u64,
}

impl Sessions {
    /// The size in bytes from which several sessions read one table by default.
    pub const LARGE_TABLE: u64 = 16 << 20;
}

impl Default for Sessions {
    fn default() -> Self {
        Sessions {
            number: None,
            large_table: Sessions::LARGE_TABLE,
        }
    }
}

/// A whole server, or one part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All databases, which are listed at run time, and the server-wide objects.
    Whole,
    /// The database with this name.
    Database(String),
    /// The server-wide objects, which belong to no database: roles, users, tablespaces.
    Globals,
}

impl Part {
    /// Returns the part that `url` names: a database, or the whole server.
    #[must_use]
    pub fn from_url(url: &Url) -> Self {
        match url.database() {
            Some(database) => Part::Database(database.to_owned()),
            None => Part::Whole,
        }
    }

    /// Returns the name of the part; the name of the whole server is empty.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Part::Whole => "",
            Part::Database(name) => name,
            Part::Globals => GLOBALS,
        }
    }

    /// Returns the server's URL with this part's database, or without a database.
    #[must_use]
    pub fn url_on(&self, url: &Url) -> Url {
        match self {
            Part::Database(name) => url.with_database(name),
            Part::Whole | Part::Globals => url.without_database(),
        }
    }
}
