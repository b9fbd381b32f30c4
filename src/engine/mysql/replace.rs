//! Replaces a database with a dump. The database is dumped before it is dropped, and is restored
//! from that dump if the new dump cannot be loaded.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};

use super::catalogue::Readable;
use super::dumper::Mysql;
use super::error::{self, LOCK_WAIT_TIMEOUT};
use super::kept::KeptServer;
use super::load::DumpLoad;
use super::move_tables::MovableTables;
use super::server::{Server, quote_identifier, quote_literal};
use super::settings::{DatabaseSettings, PLAIN_STRINGS};
use crate::engine::access::{Access, Part};
use crate::engine::load::{Failure, LoadResult, Save, explain_not_saved};
use crate::progress;
use crate::secret::Secret;
use crate::stop::{self, Stop};
use crate::url::Url;

/// What can be done about an old database that cannot be dumped.
const WAYS: &str =
    "--replace --save-partly dumps what can be read of it, --replace --without-saving drops it";
pub(super) const UNTOUCHED: &str = "the old database is as it was";

/// A database to be replaced.
pub(super) struct OldDatabase<'a> {
    pub(super) server: &'a Server,
    /// How to load the dump that replaces the database.
    pub(super) loading: &'a DumpLoad<'a>,
    pub(super) name: &'a str,
    pub(super) settings: DatabaseSettings,
    pub(super) access: &'a Access,
}

impl OldDatabase<'_> {
    /// Replaces the database. If `loaded` is given, the dump's tables are moved out of that scratch
    /// database. Returns what was loaded, and the path of the old database's dump if `save` is given.
    pub(super) fn replace_with(
        &self,
        dump: &File,
        settings: &DatabaseSettings,
        login: (&Url, Option<&Secret>),
        save: Option<&mut dyn Save>,
        loaded: Option<(&str, &MovableTables)>,
    ) -> Result<LoadResult> {
        let stop = self.access.deadline;
        let saved = save.map(|save| self.save(login, save)).transpose();
        let saved = saved
            .map_err(|error| explain_not_saved(error, WAYS))
            .context(UNTOUCHED)?;
        let content = self.list_objects(stop).context(UNTOUCHED)?;
        stop.check().context(UNTOUCHED)?;
        if let Err(error) = self.drop() {
            let now = self.list_objects(Stop::for_cleanup());
            return Err(match now {
                Ok(now) if now == content => error.context(UNTOUCHED),
                _ => self.put_back(saved.as_deref(), error),
            });
        }
        let moved = loaded.map(|loaded| self.fill_by_moving(dump, settings, loaded));
        let replaced = match moved {
            Some(Ok(failed)) => Ok(failed),
            None => self.fill(dump, settings),
            Some(Err(error)) if stop.check().is_err() => Err(error),
            Some(Err(error)) => {
                log::warn!(
                    "{} is loaded from the dump a second time, because the tables of the first time cannot be used: {error:#}",
                    self.name
                );
                self.drop().and_then(|()| self.fill(dump, settings))
            }
        };
        let failed = replaced.map_err(|error| self.put_back(saved.as_deref(), error))?;
        Ok(LoadResult::new(saved, failed))
    }

    /// Creates the database and loads the dump.
    fn fill(&self, dump: &File, settings: &DatabaseSettings) -> Result<Vec<Failure>> {
        let stop = self.access.deadline;
        self.server.ask(&settings.create(self.name), stop)?;
        progress::begin_phase("loading");
        self.loading.load(dump, self.name)
    }

    /// Creates the database, moves the tables of the scratch database into it, and loads the rest of
    /// the dump.
    fn fill_by_moving(
        &self,
        dump: &File,
        settings: &DatabaseSettings,
        (scratch, tables): (&str, &MovableTables),
    ) -> Result<Vec<Failure>> {
        let stop = self.access.deadline;
        self.server.ask(&settings.create(self.name), stop)?;
        progress::begin_phase("moving tables");
        let (names, timeout) = ((scratch, self.name), self.access.lock_timeout);
        tables.move_all(self.server, names, timeout, stop)?;
        progress::begin_phase("loading views, routines, triggers and events");
        self.loading.load_without_tables(dump, self.name)
    }

    /// Returns the kinds and names of all objects in the database.
    fn list_objects(&self, stop: Stop) -> Result<Vec<Vec<String>>> {
        let database = quote_literal(self.name);
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

    /// Drops the database. No signal interrupts this: if the client were killed, the server might
    /// still drop the database later.
    fn drop(&self) -> Result<()> {
        let drop = format!(
            "SET SESSION lock_wait_timeout = {}; DROP DATABASE IF EXISTS {}",
            self.access.lock_timeout.as_secs().max(1),
            quote_identifier(self.name)
        );
        let dropped = self
            .server
            .ask(&drop, Stop::without_signals(self.access.deadline.limit()));
        dropped.map(|_| ()).map_err(|error| {
            if error::find_number(&error) == Some(LOCK_WAIT_TIMEOUT) {
                error.context("another session has its tables in use (SHOW PROCESSLIST)")
            } else {
                error
            }
        })
    }

    /// Loads the old database from its dump, if there is one, and adds to `error` what became of
    /// the database.
    fn put_back(&self, saved: Option<&Path>, error: Error) -> Error {
        let Some(saved) = saved else {
            let said = "the old database is gone: it was not saved (--without-saving)";
            if stop::get_signal().is_some() {
                log::warn!("{said}");
            }
            return error.context(said);
        };
        log::warn!("{} is loaded again from {}", self.name, saved.display());
        let said = match self.load_from(saved) {
            Ok(()) => format!("the old database was restored from {}", saved.display()),
            Err(lost) => format!(
                "the old database is gone from the server, and could not be restored ({lost:#}); it is in {}",
                saved.display()
            ),
        };
        // The error is not shown if a signal is the reason.
        if stop::get_signal().is_some() {
            log::warn!("{said}");
        }
        error.context(said)
    }

    fn load_from(&self, saved: &Path) -> Result<()> {
        let saved = File::open(saved)?;
        // The server keeps an empty database if its directory holds a file that is not the
        // server's.
        if let Err(error) = self.drop() {
            log::debug!("{} was not dropped again: {error:#}", self.name);
        }
        let (name, options) = (quote_identifier(self.name), self.settings.options());
        let create = format!(
            "{PLAIN_STRINGS}; CREATE DATABASE IF NOT EXISTS {name}; ALTER DATABASE {name} {options}"
        );
        let stop = Stop::without_signals(self.access.deadline.limit());
        self.server.ask(&create, stop)?;
        let loading = DumpLoad {
            server: self.server,
            own: self.name,
            keep_going: false,
            no_owner: false,
            stop,
        };
        loading.load(&saved, self.name).map(drop)
    }

    /// Dumps the database. Returns the dump's path.
    fn save(
        &self,
        (url, password): (&Url, Option<&Secret>),
        save: &mut dyn Save,
    ) -> Result<PathBuf> {
        let part = Part::Database(self.name.to_owned());
        let server = KeptServer::open(url, password, self.access.deadline)?;
        let readable = if save.accepts_a_part() {
            Readable::Part
        } else {
            Readable::All
        };
        save.save(&mut Mysql::open(server, &part, readable, self.access)?)
    }
}
