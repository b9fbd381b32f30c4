//! A Redis or Valkey server, as the command line names it.

use std::fmt;
use std::fs::File;

use anyhow::{Result, ensure};

use super::client::{self, Client};
use super::dumper::{NAME, RdbDumper};
use super::load;
use crate::engine::access::Access;
use crate::engine::dumper::Dumper;
use crate::engine::load::{LoadOptions, LoadResult};
use crate::engine::source::{Loader, Source};
use crate::header::Header;
use crate::identity::Engine;
use crate::url::Url;

/// The URL of a server.
#[derive(Debug, Clone)]
pub(super) struct RedisSource {
    url: Url,
}

impl RedisSource {
    /// Returns the source that a URL names.
    ///
    /// # Errors
    /// One sentence, when the URL names what the engine cannot use.
    pub(super) fn from_url(url: Url) -> Result<Self, String> {
        client::check(&url)?;
        Ok(RedisSource { url })
    }
}

impl Source for RedisSource {
    fn engine(&self) -> Engine {
        Engine::Redis
    }

    fn kind(&self) -> &'static str {
        "Redis or Valkey"
    }

    fn database(&self) -> Vec<u8> {
        NAME.into()
    }

    fn open(&self, access: &Access) -> Result<Box<dyn Dumper>> {
        let client = Client::new(&self.url, access.password.as_ref(), access.deadline)?;
        Ok(Box::new(RdbDumper::open(client)?))
    }
}

impl Loader for RedisSource {
    fn load(
        &self,
        dump: &File,
        _header: &Header,
        options: LoadOptions<'_>,
        access: &Access,
    ) -> Result<LoadResult> {
        refuse(&options)?;
        let client = Client::new(&self.url, access.password.as_ref(), access.deadline)?;
        load::run(dump, &client, options.existing, access.deadline)
    }
}

/// Refuses the options that a restore of Redis cannot have.
pub(super) fn refuse(options: &LoadOptions<'_>) -> Result<()> {
    ensure!(
        !options.keep_going && !options.no_owner,
        "--keep-going and --no-owner are for PostgreSQL and MySQL: a Redis dump is restored whole or not at all, and has no owners"
    );
    Ok(())
}

impl fmt::Display for RedisSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}
