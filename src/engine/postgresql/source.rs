//! A PostgreSQL server, or one database of it, as the command line names it.

use std::fmt;
use std::fs::File;
use std::sync::Arc;

use anyhow::Result;

use super::database::Postgresql;
use super::reach::list_databases;
use super::server::{self, Server};
use super::{globals, restore};
use crate::engine::access::{Access, Part};
use crate::engine::dumper::Dumper;
use crate::engine::load::{LoadOptions, LoadResult};
use crate::engine::source::{Loader, Source, needs_a_database, needs_no_database};
use crate::header::Header;
use crate::identity::Engine;
use crate::url::Url;

/// The URL of a PostgreSQL server and the part of the server to dump or restore.
#[derive(Debug, Clone)]
pub struct PostgresqlSource {
    url: Url,
    part: Part,
}

impl PostgresqlSource {
    /// Returns the source for a part of the server at `url`.
    #[must_use]
    pub fn new(url: &Url, part: Part) -> Self {
        PostgresqlSource {
            url: part.url_on(url),
            part,
        }
    }

    /// Returns the source that a URL in libpq's form names.
    ///
    /// # Errors
    /// One sentence, when the URL has a secret where other users of the machine can see it.
    pub(super) fn from_url(url: Url) -> Result<Self, String> {
        server::check(&url)?;
        let part = Part::from_url(&url);
        Ok(PostgresqlSource { url, part })
    }

    fn open_server(&self, access: &Access) -> Server {
        Server::new(&self.url, access.password.as_ref())
    }
}

impl Source for PostgresqlSource {
    fn engine(&self) -> Engine {
        Engine::Postgresql
    }

    fn kind(&self) -> &'static str {
        "PostgreSQL"
    }

    fn part(&self) -> Option<&Part> {
        Some(&self.part)
    }

    fn database(&self) -> Vec<u8> {
        self.part.name().into()
    }

    fn can_leave_out(&self) -> bool {
        true
    }

    fn list_parts(&self, access: &Access) -> Result<Vec<Arc<dyn Source>>> {
        let databases = list_databases(&self.open_server(access), access.deadline)?;
        let parts = databases.into_iter().map(Part::Database);
        let parts = parts.chain([Part::Globals]);
        let sources = parts.map(|part| PostgresqlSource::new(&self.url, part));
        Ok(sources.map(|source| Arc::new(source) as _).collect())
    }

    fn with_database(&self, name: &str) -> Option<Arc<dyn Source>> {
        let part = Part::Database(name.to_owned());
        Some(Arc::new(PostgresqlSource::new(&self.url, part)))
    }

    fn open(&self, access: &Access) -> Result<Box<dyn Dumper>> {
        let server = self.open_server(access);
        Ok(Box::new(Postgresql::open(&server, &self.part, access)?))
    }
}

impl Loader for PostgresqlSource {
    fn load(
        &self,
        dump: &File,
        header: &Header,
        options: LoadOptions<'_>,
        access: &Access,
    ) -> Result<LoadResult> {
        let server = self.open_server(access);
        match (&self.part, header.identity.database.is_some()) {
            (Part::Database(name), true) => {
                restore::run(dump, header, &server, name, options, access)
            }
            (Part::Whole, false) => globals::run(dump, &server, &options, access),
            (_, true) => Err(needs_a_database()),
            (_, false) => Err(needs_no_database()),
        }
    }
}

impl fmt::Display for PostgresqlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}
