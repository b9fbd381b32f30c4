//! Putting a dump in the place of a database, which is dumped before it goes and comes back from
//! that dump if the other cannot be loaded.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};

use super::dumper::Mysql;
use super::load::Loading;
use super::server::{Server, identifier, literal};
use super::settings::{PLAIN_STRINGS, Settings};
use crate::engine::access::{Access, Part};
use crate::engine::source::Save;
use crate::secret::Secret;
use crate::stop::{self, Stop};
use crate::url::Url;

const UNTOUCHED: &str = "the old database is as it was";
/// A session has a table in use: `ER_LOCK_WAIT_TIMEOUT`.
const LOCKED: &str = "ERROR 1205";

/// A database to be replaced.
pub(super) struct Old<'a> {
    pub(super) server: &'a Server,
    /// The name of the database that was dumped, which may be another one.
    pub(super) own: &'a str,
    pub(super) name: &'a str,
    pub(super) settings: Settings,
    pub(super) access: &'a Access,
}

impl Old<'_> {
    /// Where its dump is.
    pub(super) fn replace_with(
        &self,
        dump: &File,
        settings: &Settings,
        login: (&Url, Option<&Secret>),
        save: Save<'_>,
    ) -> Result<PathBuf> {
        let stop = self.access.deadline;
        let saved = self.save(login, save).context(UNTOUCHED)?;
        let content = self.content(stop).context(UNTOUCHED)?;
        stop.check().context(UNTOUCHED)?;
        if let Err(error) = self.drop() {
            let now = self.content(Stop::cleaning_up());
            return Err(match now {
                Ok(now) if now == content => error.context(UNTOUCHED),
                _ => self.put_back(&saved, error),
            });
        }
        let create = settings.create(self.name);
        let created = self.server.ask(&create, stop);
        let replaced = created.and_then(|_| self.loading(self.own, stop).load(dump, self.name));
        replaced.map_err(|error| self.put_back(&saved, error))?;
        Ok(saved)
    }

    /// The names of all that is in it.
    fn content(&self, stop: Stop) -> Result<Vec<Vec<String>>> {
        let database = literal(self.name);
        let of = |table: &str, name: &str, schema: &str| {
            format!(
                "SELECT '{table}', {name} FROM information_schema.{table} WHERE {schema} = {database}"
            )
        };
        let query = [
            of("tables", "table_name", "table_schema"),
            of("routines", "specific_name", "routine_schema"),
            of("events", "event_name", "event_schema"),
        ];
        let query = query.join(" UNION ALL ");
        self.server.ask(&format!("{query} ORDER BY 1, 2"), stop)
    }

    /// No signal ends this: were the client killed, the server might do it later all the same.
    fn drop(&self) -> Result<()> {
        let drop = format!(
            "SET SESSION lock_wait_timeout = {}; DROP DATABASE IF EXISTS {}",
            self.access.lock_timeout.as_secs().max(1),
            identifier(self.name)
        );
        let dropped = self
            .server
            .ask(&drop, Stop::uninterrupted(self.access.deadline.limit()));
        dropped.map(|_| ()).map_err(|error| {
            if format!("{error:#}").contains(LOCKED) {
                error.context("another session has its tables in use (SHOW PROCESSLIST)")
            } else {
                error
            }
        })
    }

    /// What to say of `error` once the old database was loaded from its dump, or was not.
    fn put_back(&self, saved: &Path, error: Error) -> Error {
        log::warn!("{} is loaded again from {}", self.name, saved.display());
        let said = match self.load_from(saved) {
            Ok(()) => format!("the old database was restored from {}", saved.display()),
            Err(lost) => format!(
                "the old database is gone from the server, and could not be restored ({lost:#}); it is in {}",
                saved.display()
            ),
        };
        // The error is not shown where a signal was the reason.
        if stop::signal().is_some() {
            log::warn!("{said}");
        }
        error.context(said)
    }

    fn load_from(&self, saved: &Path) -> Result<()> {
        let saved = File::open(saved)?;
        // It stays, empty, where its directory holds a file that is not the server's.
        if let Err(error) = self.drop() {
            log::debug!("{} was not dropped again: {error:#}", self.name);
        }
        let (name, options) = (identifier(self.name), self.settings.options());
        let create = format!(
            "{PLAIN_STRINGS}; CREATE DATABASE IF NOT EXISTS {name}; ALTER DATABASE {name} {options}"
        );
        let stop = Stop::uninterrupted(self.access.deadline.limit());
        self.server.ask(&create, stop)?;
        self.loading(self.name, stop).load(&saved, self.name)
    }

    /// Loading a dump of the database `own`.
    fn loading<'b>(&'b self, own: &'b str, stop: Stop) -> Loading<'b> {
        Loading {
            server: self.server,
            own,
            stop,
        }
    }

    /// Dumps it. Returns the dump's path.
    fn save(&self, (url, password): (&Url, Option<&Secret>), save: Save<'_>) -> Result<PathBuf> {
        let part = Part::Database(self.name.to_owned());
        let server = Server::new(url, password, self.access.deadline)?;
        save(&mut Mysql::open(server, &part, self.access)?)
    }
}
