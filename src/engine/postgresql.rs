//! PostgreSQL, by its own client programs: `psql`, `pg_dump`, `pg_dumpall`, `pg_restore`.

mod begin;
mod catalogue;
mod checking;
mod each;
mod error;
mod fill;
mod fresh;
pub mod globals;
mod leftovers;
mod missing;
mod parallel;
mod prepare;
mod reach;
pub mod restore;
mod script;
pub mod server;
mod settings;
mod snapshot;
mod source;
mod swap;
mod throwaway;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use crate::child::Child;
use crate::engine::access::{Access, Part};
use crate::engine::dumper::{Dumper, Scratch};
use crate::engine::feed::pass_on;
use crate::engine::registered::Registered;
use crate::header::Facts;
use crate::human;
use crate::identity::{Engine, Identity};
use crate::name::Format;
use crate::stop::Stop;
use begin::Storage;
use catalogue::{ServerFacts, Settings, Unreadable};
use checking::Checking;
pub use reach::databases;
use reach::{ask, connect, connect_anywhere};
pub use server::Server;
use snapshot::Snapshot;
pub use source::PostgresqlSource;
use throwaway::ThrowawayCluster;

/// The entry of this engine in the registry.
pub(super) const ENGINE: Registered = Registered {
    engine: Engine::Postgresql,
    schemes: &["postgresql", "postgres"],
    parse: |url| Ok(Arc::new(PostgresqlSource::of_url(url)?)),
    throwaway: |workshop, header, stop| {
        Ok(Box::new(ThrowawayCluster::start(workshop, header, stop)?))
    },
};

/// A part of a server to be dumped.
#[allow(missing_debug_implementations)]
pub struct Postgresql {
    server: Server,
    /// None for the server-wide objects.
    database: Option<String>,
    connected: String,
    identity: Identity,
    facts: ServerFacts,
    client_version: String,
    settings: Option<Settings>,
    tables: Vec<String>,
    format: Format,
    lock_timeout: Duration,
    with_passwords: bool,
    takes_snapshot: bool,
    snapshot: Option<Snapshot>,
    /// Where no snapshot was taken: the file of each table before the dump.
    storage: Option<Storage>,
    child: Option<Child>,
    /// The server, a standby, ended a dump because of what it replays.
    had_conflict: bool,
    stop: Stop,
}

impl Postgresql {
    /// Connects and finds out whether all of it can be dumped.
    ///
    /// # Errors
    /// One sentence for whatever keeps it from being dumped whole.
    pub fn open(server: &Server, part: &Part, access: &Access) -> Result<Self> {
        let stop = access.deadline;
        let (database, program) = match part {
            Part::Database(database) => (Some(database.clone()), "pg_dump"),
            Part::Whole | Part::Globals => (None, "pg_dumpall"),
        };
        let (connected, location, facts) = match &database {
            Some(database) => connect(server, database, stop)?,
            None => connect_anywhere(server, None, stop)?,
        };
        // After a failover another of the hosts answers, and the source is the same.
        let hosts = server.locations();
        let location = if hosts.is_empty() {
            location
        } else {
            hosts.join(",")
        };
        let (major, client_version) = server::client_version(program, stop)?;
        ensure!(
            major >= facts.major,
            "{program} {client_version} is older than the server ({}) and cannot dump it; install PostgreSQL {}'s client programs, or put them first in PATH",
            facts.version,
            facts.major
        );
        let mut server = server.clone();
        if facts.is_superuser {
            server.speak_english();
        }
        let mut this = Postgresql {
            server,
            identity: Identity {
                engine: Engine::Postgresql,
                location,
                database: database.clone(),
            },
            format: match part {
                Part::Database(_) => access.format,
                Part::Whole | Part::Globals => Format::Sql,
            },
            connected,
            database,
            facts,
            client_version,
            settings: None,
            tables: Vec::new(),
            lock_timeout: access.lock_timeout,
            with_passwords: true,
            takes_snapshot: true,
            snapshot: None,
            storage: None,
            child: None,
            had_conflict: false,
            stop,
        };
        match part {
            Part::Database(database) => this.look_at(database)?,
            Part::Whole | Part::Globals => this.look_at_globals()?,
        }
        Ok(this)
    }

    fn look_at(&mut self, database: &str) -> Result<()> {
        let mut answer: Value = ask(&self.server, database, &catalogue::database(), self.stop)?;
        let unreadable: Unreadable = serde_json::from_value(answer["unreadable"].take())?;
        if unreadable.count > 0 {
            let mut first = unreadable.first.join(", ");
            if unreadable.count > unreadable.first.len() {
                first.push_str(", ...");
            }
            bail!(
                "the role may not read all of {database}, so the dump would not be whole: {} ({first}); dump as a superuser, or grant what is missing (pg_read_all_data, BYPASSRLS)",
                human::count(unreadable.count, "object")
            );
        }
        let unlogged: usize = serde_json::from_value(answer["unlogged"].take())?;
        if unlogged > 0 {
            log::warn!(
                "{database}: the server is a standby, which has no rows of unlogged tables, so the rows of {} are not dumped",
                human::count(unlogged, "table")
            );
        }
        self.takes_snapshot = serde_json::from_value(answer["has_room"].take())?;
        if !self.takes_snapshot {
            log::warn!(
                "{database}: its rows are not counted: the role's or the database's CONNECTION LIMIT leaves no room for more than pg_dump"
            );
        }
        self.remember(answer["database"].take())
    }

    /// What [`catalogue::DATABASE`] answered.
    fn remember(&mut self, mut database: Value) -> Result<()> {
        self.tables = serde_json::from_value(database["table_names"].take())?;
        self.settings = Some(serde_json::from_value(database)?);
        Ok(())
    }

    fn look_at_globals(&mut self) -> Result<()> {
        let query = catalogue::READS_PASSWORDS;
        self.with_passwords = ask(&self.server, &self.connected, query, self.stop)?;
        if !self.with_passwords {
            log::warn!(
                "the role may not read the roles' passwords, so @globals is dumped without them; only a superuser may"
            );
        }
        Ok(())
    }

    fn start_pg_dumpall(&self) -> Result<Child> {
        let mut command = self.server.client("pg_dumpall", &self.connected);
        command.arg("--globals-only");
        if !self.with_passwords {
            command.arg("--no-role-passwords");
        }
        Child::read_from(&mut command, "pg_dumpall", self.stop)
    }

    fn start_pg_dump(
        &self,
        database: &str,
        snapshot: Option<&str>,
        wait: Duration,
    ) -> Result<Child> {
        let mut command = self.server.client("pg_dump", database);
        let wait = wait.as_millis().max(1); // 0 would be for ever
        command.arg(format!("--lock-wait-timeout={wait}"));
        if let Some(snapshot) = snapshot {
            command.arg(format!("--snapshot={snapshot}"));
        }
        match self.format {
            Format::Pgdump => command.args(["--format=custom", "--compress=0"]),
            _ => command.arg("--format=plain"),
        };
        Child::read_from(&mut command, "pg_dump", self.stop)
    }
}

impl Dumper for Postgresql {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn earlier_identities(&self) -> Vec<Identity> {
        let hosts = self.server.locations().into_iter();
        let earlier = hosts.map(|location| Identity {
            location,
            ..self.identity.clone()
        });
        earlier.collect()
    }

    fn file_name(&self) -> Vec<u8> {
        let name = self.database.as_deref().unwrap_or("@globals");
        let name = name.replace('/', "_");
        format!("{name}.{}", self.format.extension()).into_bytes()
    }

    fn format(&self) -> Format {
        self.format
    }

    fn engine_version(&self) -> String {
        self.facts.version.clone()
    }

    fn scratch_bytes(&self) -> u64 {
        0
    }

    fn snapshot(&mut self, _scratch: Option<Scratch<'_>>) -> Result<()> {
        let begun = match self.database.clone() {
            None => self
                .start_pg_dumpall()
                .map(|child| self.child = Some(child)),
            Some(database) if self.takes_snapshot => self.begin(&database),
            Some(database) => self.begin_alone(&database),
        };
        begun.map_err(|error| self.explain_conflict(error))
    }

    fn settings(&self) -> Map<String, Value> {
        let mut all = Map::new();
        if let Some(Ok(Value::Object(settings))) = self.settings.as_ref().map(serde_json::to_value)
        {
            all.extend(settings.into_iter().filter(|(_, value)| !value.is_null()));
        }
        all.insert(
            "client_version".to_owned(),
            self.client_version.clone().into(),
        );
        all
    }

    fn tables(&self) -> Vec<String> {
        self.tables.clone()
    }

    fn stream(&mut self, out: &mut dyn Write) -> Result<()> {
        let mut child = self.child.take().context("pg_dump was not started")?;
        let mut checking = Checking::new(out, self.format);
        pass_on(&mut child, &mut checking)?;
        let ended = child.finish().map_err(|error| self.explain(error));
        ended.map_err(|error| self.explain_conflict(error))?;
        checking.finish()
    }

    fn check(&mut self, _thorough: bool) -> Result<Facts> {
        self.check_storage()?;
        let rows = self.snapshot.take().map(|snapshot| snapshot.rows);
        let rows = rows.unwrap_or_default();
        let tables = self.tables.iter().map(|name| {
            let rows = rows.get(name).copied();
            (name.clone(), rows)
        });
        Ok(Facts {
            table_count: self.tables.len(),
            tables: tables.collect(),
            settings: self.settings(),
        })
    }
}
