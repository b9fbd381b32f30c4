//! Opens a PostgreSQL database, or a server's server-wide objects, for a dump.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::catalogue::{self, DatabaseSettings, Hindrances, Room, ServerFacts};
use super::left_out::Selected;
use super::leftovers::explain_missing;
use super::own_name::{mark_of, refuse_marked};
use super::programs;
use super::reach::{ask, connect_anywhere, connect_session};
use super::readers::Readers;
use super::server::Server;
use super::session::Session;
use super::snapshot::{Snapshot, Storage};
use crate::child::Child;
use crate::engine::access::{Access, Part, Sessions};
use crate::header::LeftOut;
use crate::human;
use crate::identity::{Engine, Identity};
use crate::name::Format;
use crate::stop::Stop;

/// The least number of sessions for a dump in which `pg_dump` reads all rows: one that holds the
/// snapshot and counts in it, `pg_dump`, and one of an attempt before that the server has not ended yet.
pub(super) const OF_ONE_READER: i64 = 3;

/// Dumps one part of a server.
#[expect(clippy::struct_excessive_bools, reason = "each is a separate fact")]
pub(super) struct Postgresql {
    pub(super) server: Server,
    /// The database, or `None` for the server-wide objects.
    pub(super) database: Option<String>,
    pub(super) connected: String,
    pub(super) identity: Identity,
    pub(super) facts: ServerFacts,
    pub(super) client_version: String,
    pub(super) settings: Option<DatabaseSettings>,
    pub(super) tables: Vec<String>,
    /// What the user leaves out, and what that is in this database.
    pub(super) left_out: LeftOut,
    pub(super) selected: Selected,
    pub(super) format: Format,
    pub(super) lock_timeout: Duration,
    pub(super) with_passwords: bool,
    pub(super) takes_snapshot: bool,
    /// The session that asked about the database. The snapshot will be taken in it.
    pub(super) session: Option<Session>,
    /// The sessions that the user wants to read rows.
    pub(super) sessions: Sessions,
    /// How many sessions the server has room for, once it was asked.
    pub(super) room: Option<Room>,
    /// True if `pg_dump` may know keywords that the server does not know.
    pub(super) client_is_newer: bool,
    /// The sessions that read large tables, if there are any. They end before the snapshot does.
    pub(super) readers: Option<Readers>,
    pub(super) snapshot: Option<Snapshot>,
    /// The file of each table before the dump, if no snapshot is taken.
    pub(super) storage: Option<Storage>,
    pub(super) child: Option<Child>,
    /// The number of rows that the sessions read from each large table.
    pub(super) read_rows: HashMap<String, u64>,
    /// The `pg_dump` of the section `post-data`, if several sessions read large tables.
    pub(super) post_data: Option<Child>,
    /// True after the server, a standby, ended a dump because of the changes that it replays.
    pub(super) had_conflict: bool,
    pub(super) stop: Stop,
}

impl Postgresql {
    /// Connects and checks that the whole part can be dumped.
    ///
    /// # Errors
    /// One sentence that says why the part cannot be dumped whole.
    pub(super) fn open(server: &Server, part: &Part, access: &Access) -> Result<Self> {
        let stop = access.deadline;
        let (database, program) = match part {
            Part::Database(database) => (Some(database.clone()), "pg_dump"),
            Part::Whole | Part::Globals => (None, "pg_dumpall"),
        };
        let (mut session, (connected, location, facts)) = match &database {
            Some(database) => {
                let (mut session, connected) = connect_session(server, database, stop)
                    .map_err(|error| explain_missing(server, database, error, stop))?;
                let mark: Option<String> = session.ask(&mark_of(database))?;
                refuse_marked(database, mark.as_deref())?;
                (Some(session), connected)
            }
            None => (None, connect_anywhere(server, None, stop)?),
        };
        // After a failover another host answers, but the source is the same.
        let hosts = server.locations();
        let location = if hosts.is_empty() {
            location
        } else {
            hosts.join(",")
        };
        let (major, client_version) = programs::read_version(program, stop)?;
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
        if let Some(session) = session.as_mut().filter(|_| server.speaks_english()) {
            session.run("SET lc_messages = 'C';\n")?;
        }
        let mut this = Postgresql {
            server,
            sessions: access.sessions,
            room: None,
            client_is_newer: major > facts.major,
            readers: None,
            read_rows: HashMap::new(),
            post_data: None,
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
            left_out: match part {
                Part::Database(_) => access.left_out.clone(),
                Part::Whole | Part::Globals => LeftOut::default(),
            },
            selected: Selected::default(),
            lock_timeout: access.lock_timeout,
            with_passwords: true,
            takes_snapshot: true,
            session,
            snapshot: None,
            storage: None,
            child: None,
            had_conflict: false,
            stop,
        };
        match part {
            Part::Database(database) => this.read_properties(database)?,
            Part::Whole | Part::Globals => this.read_globals()?,
        }
        Ok(this)
    }

    fn read_properties(&mut self, database: &str) -> Result<()> {
        let session = self.session.as_mut().context("there is no session")?;
        self.selected = Selected::find(session, database, &self.left_out)?;
        let left_out = self.selected.oids();
        let query = catalogue::query_hindrances(&left_out, self.facts.is_superuser);
        let found = session.ask(&query);
        let found: Hindrances = found.context("cannot read PostgreSQL's catalogue")?;
        if let Some(unreadable) = found.unreadable.filter(|unreadable| unreadable.count > 0) {
            let mut first = unreadable.first.join(", ");
            if unreadable.count > unreadable.first.len() {
                first.push_str(", ...");
            }
            bail!(
                "the role may not read all of {database}, so the dump would be incomplete: {} ({first}); dump as a superuser, or grant what is missing (pg_read_all_data, BYPASSRLS)",
                human::format_count(unreadable.count, "object")
            );
        }
        if found.unlogged > 0 {
            log::warn!(
                "{database}: the server is a standby, which has no rows of unlogged tables, so the rows of {} are not dumped",
                human::format_count(found.unlogged, "table")
            );
        }
        self.room = found.room;
        let limit = self.room.and_then(|room| room.limit);
        self.takes_snapshot = limit.is_none_or(|limit| limit >= OF_ONE_READER);
        if !self.takes_snapshot {
            let settings = session.ask(&catalogue::query_settings(&left_out));
            let settings = settings.context("cannot read PostgreSQL's catalogue")?;
            // The limits leave no room for this session beside `pg_dump`.
            self.session = None;
            self.remember(settings)?;
            log::warn!(
                "{database}: its rows are not counted: the role's or the database's CONNECTION LIMIT leaves no room for a session beside that of pg_dump"
            );
        }
        Ok(())
    }

    /// Stores the answer to [`catalogue::query_settings`].
    pub(super) fn remember(&mut self, mut database: Value) -> Result<()> {
        self.tables = serde_json::from_value(database["table_names"].take())?;
        self.settings = Some(serde_json::from_value(database)?);
        Ok(())
    }

    fn read_globals(&mut self) -> Result<()> {
        let query = catalogue::READS_PASSWORDS;
        self.with_passwords = ask(&self.server, &self.connected, query, self.stop)?;
        if !self.with_passwords {
            log::warn!(
                "the role may not read the roles' passwords, so @globals is dumped without them; only a superuser may"
            );
        }
        Ok(())
    }

    pub(super) fn start_pg_dumpall(&self) -> Result<Child> {
        let mut command = self.server.build_client("pg_dumpall", &self.connected);
        command.arg("--globals-only");
        if !self.with_passwords {
            command.arg("--no-role-passwords");
        }
        Child::read_from(&mut command, "pg_dumpall", self.stop)
    }

    pub(super) fn start_pg_dump(
        &self,
        database: &str,
        snapshot: Option<&str>,
        wait: Duration,
        arguments: &[String],
    ) -> Result<Child> {
        let mut command = self.server.build_client("pg_dump", database);
        let wait = wait.as_millis().max(1); // 0 would mean no limit
        command.arg(format!("--lock-wait-timeout={wait}"));
        if let Some(snapshot) = snapshot {
            command.arg(format!("--snapshot={snapshot}"));
        }
        command.args(self.selected.arguments());
        match self.format {
            Format::Pgdump => command.args(["--format=custom", "--compress=0"]),
            _ => command.arg("--format=plain"),
        };
        command.args(arguments);
        Child::read_from(&mut command, "pg_dump", self.stop)
    }
}
