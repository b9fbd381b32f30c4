//! The source for an SQLite file.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::dumper::Sqlite;
use super::find::{find, name_database};
use super::load;
use crate::engine::access::Access;
use crate::engine::dumper::Dumper;
use crate::engine::load::{LoadOptions, LoadResult};
use crate::engine::source::{Loader, Source};
use crate::header::Header;
use crate::identity::Engine;

/// An SQLite file, as the command line names it.
#[derive(Debug, Clone)]
pub struct SqliteSource {
    path: PathBuf,
}

impl SqliteSource {
    /// Returns the source for the file at `path`, which need not exist yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        SqliteSource {
            path: path.to_owned(),
        }
    }
}

impl Source for SqliteSource {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn kind(&self) -> &'static str {
        "an SQLite file"
    }

    fn database(&self) -> Vec<u8> {
        name_database(&self.path)
    }

    fn find(&self) -> Result<()> {
        find(&self.path).map(drop)
    }

    fn open(&self, access: &Access) -> Result<Box<dyn Dumper>> {
        let dumper = Sqlite::open(&self.path, access.lock_timeout, access.deadline)?;
        Ok(Box::new(dumper))
    }
}

impl Loader for SqliteSource {
    fn load(
        &self,
        dump: &File,
        _header: &Header,
        options: LoadOptions<'_>,
        access: &Access,
    ) -> Result<LoadResult> {
        ensure!(
            !options.keep_going && !options.no_owner,
            "--keep-going and --no-owner are for dumps of servers; a dump of an SQLite file is restored whole or not at all"
        );
        let saved = load::run(dump, &self.path, options.existing, access)?;
        Ok(LoadResult {
            saved,
            ..LoadResult::default()
        })
    }
}

impl fmt::Display for SqliteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}
