//! A MySQL or MariaDB server, or one database of it, as the command line names it.

use std::fmt;
use std::fs::File;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::catalogue::Readable;
use super::dumper::Mysql;
use super::kept::KeptServer;
use super::server::{Server, quote_identifier};
use super::{accounts, catalogue, options, privileges, restore};
use crate::engine::access::{Access, Part};
use crate::engine::dumper::Dumper;
use crate::engine::leftover::is_made_name;
use crate::engine::load::{Failure, LoadOptions, LoadResult};
use crate::engine::source::{Loader, Source, needs_a_database, needs_no_database};
use crate::header::Header;
use crate::identity::Engine;
use crate::stop::Stop;
use crate::url::Url;

/// The URL of a MySQL or MariaDB server and the part of the server to dump or restore.
#[derive(Debug, Clone)]
pub struct MysqlSource {
    url: Url,
    part: Part,
}

impl MysqlSource {
    /// Returns the source for a part of the server at `url`.
    #[must_use]
    pub fn new(url: &Url, part: Part) -> Self {
        MysqlSource {
            url: part.url_on(url),
            part,
        }
    }

    /// Returns the source that a `mysql://...` URL names.
    ///
    /// # Errors
    /// One sentence, when the URL has an unknown parameter.
    pub(super) fn from_url(url: Url) -> Result<Self, String> {
        options::check(&url)?;
        let part = Part::from_url(&url);
        Ok(MysqlSource { url, part })
    }

    fn open_server(&self, access: &Access) -> Result<Server> {
        Server::new(&self.url, access.password.as_ref(), access.deadline)
    }
}

impl Source for MysqlSource {
    fn engine(&self) -> Engine {
        Engine::Mysql
    }

    fn kind(&self) -> &'static str {
        "MySQL or MariaDB"
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
        let databases = list_databases(&self.open_server(access)?, access.deadline)?;
        let parts = databases.into_iter().map(Part::Database);
        let parts = parts.chain([Part::Globals]);
        let sources = parts.map(|part| MysqlSource::new(&self.url, part));
        Ok(sources.map(|source| Arc::new(source) as _).collect())
    }

    fn with_database(&self, name: &str) -> Option<Arc<dyn Source>> {
        let part = Part::Database(name.to_owned());
        Some(Arc::new(MysqlSource::new(&self.url, part)))
    }

    fn open(&self, access: &Access) -> Result<Box<dyn Dumper>> {
        let server = KeptServer::open(&self.url, access.password.as_ref(), access.deadline)?;
        let dumper = Mysql::open(server, &self.part, Readable::All, access)?;
        Ok(Box::new(dumper))
    }
}

impl Loader for MysqlSource {
    fn load(
        &self,
        dump: &File,
        header: &Header,
        options: LoadOptions<'_>,
        access: &Access,
    ) -> Result<LoadResult> {
        match (&self.part, header.identity.database.is_some()) {
            (Part::Database(name), true) => {
                let login = (&self.url, access.password.as_ref());
                restore::run(dump, header, login, name, options, access)
            }
            (Part::Whole, false) if options.no_owner => Ok(LoadResult {
                left_out: Some("users, roles and their privileges are left out (--no-owner)"),
                ..LoadResult::default()
            }),
            (Part::Whole, false) => {
                let server = self.open_server(access)?;
                accounts::restore(dump, server, options.keep_going, access.deadline)
            }
            (_, true) => Err(needs_a_database()),
            (_, false) => Err(needs_no_database()),
        }
    }

    fn grant(&self, grants: &[String], access: &Access) -> Result<Vec<Failure>> {
        accounts::grant(self.open_server(access)?, grants, access.deadline)
    }
}

impl fmt::Display for MysqlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

/// Returns the databases of a server, without the server's own and without those that a restore creates
/// and then renames or drops, which it names in a warning. Warns if the user may not see all databases.
///
/// # Errors
/// When the server cannot be asked.
fn list_databases(server: &Server, stop: Stop) -> Result<Vec<String>> {
    let databases = catalogue::list_databases(server, stop);
    let databases = databases.with_context(|| format!("cannot connect to {}", server.url()))?;
    if !privileges::sees_every_database(server, stop)? {
        log::warn!(
            "the user may not see every database of {}, and those that it does not see are not dumped; grant it SHOW DATABASES",
            server.url()
        );
    }
    let (left, databases) = databases
        .into_iter()
        .partition::<Vec<_>, _>(|name| is_made_name(name, "restoring"));
    for name in left {
        log::warn!(
            "{name} is not dumped: a restore that was killed left it; if no restore is running, remove it with DROP DATABASE {}",
            quote_identifier(&name)
        );
    }
    Ok(databases)
}
