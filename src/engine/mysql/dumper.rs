//! Dumps a MySQL or MariaDB database, or a server's server-wide objects.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Map, Value};

use super::catalogue::{self, DatabaseProperties, Readable};
use super::count::CountingWriter;
use super::kept::KeptServer;
use super::lock_wait::LockWaitReader;
use super::server::{Server, quote_identifier};
use super::{flags, globals, variables};
use crate::child::Child;
use crate::engine::access::{Access, Part};
use crate::engine::dumper::{Dumper, ScratchFile, SnapshotLost};
use crate::engine::feed::pass_on;
use crate::header::{Facts, LeftOut, Rows};
use crate::identity::{Engine, Identity};
use crate::name::{Format, GLOBALS};
use crate::stop::Stop;

/// Errors that say that a table was altered before it was read: `ER_TABLE_DEF_CHANGED`, and the
/// message of `mysqldump` when the number of columns has changed.
const TABLE_CHANGED: [&str; 2] = ["Error 1412", "Error in field count for table"];

/// The longest time to count the rows of one table for a warning. At that point the dump is done.
const LONGEST_COUNT: Duration = Duration::from_secs(10);

/// Dumps one part of a server.
pub(super) struct Mysql {
    server: KeptServer,
    /// The name and properties of the database, or `None` for the server-wide objects.
    database: Option<(String, DatabaseProperties)>,
    readable: Readable,
    left_out: LeftOut,
    identity: Identity,
    version: String,
    client_version: String,
    lock_timeout: Duration,
    begun: bool,
    /// The number of dumped rows of each table.
    rows: BTreeMap<String, u64>,
    child: Option<Child>,
    stop: Stop,
}

impl Mysql {
    /// Connects and checks that the whole part can be dumped, or as much of it as `readable` says.
    ///
    /// # Errors
    /// One sentence that says why the part cannot be dumped whole.
    pub(super) fn open(
        mut server: KeptServer,
        part: &Part,
        readable: Readable,
        access: &Access,
    ) -> Result<Self> {
        let stop = access.deadline;
        let version = server.connect(stop)?;
        server.check_dumper(stop)?;
        variables::refuse_hidden_rows(&server, stop)?;
        let left_out = match part {
            Part::Database(_) => access.left_out.clone(),
            Part::Whole | Part::Globals => LeftOut::default(),
        };
        let database = match part {
            Part::Database(name) => {
                let database = DatabaseProperties::read(&server, name, readable, &left_out, stop)?;
                refuse_if_misread(&server, &version, name, stop)?;
                Some((name.clone(), database))
            }
            Part::Whole | Part::Globals => None,
        };
        Ok(Mysql {
            readable,
            identity: Identity {
                engine: Engine::Mysql,
                location: server.find_location(stop)?,
                database: database.as_ref().map(|(name, _)| name.clone()),
            },
            client_version: server.dumper.read_version(stop)?,
            lock_timeout: access.lock_timeout.max(Duration::from_secs(1)),
            begun: false,
            left_out,
            rows: BTreeMap::new(),
            child: None,
            server,
            database,
            version,
            stop,
        })
    }
}

impl Dumper for Mysql {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn file_name(&self) -> Vec<u8> {
        let name = self.identity.database.as_deref().unwrap_or(GLOBALS);
        format!("{}.sql", name.replace('/', "_")).into_bytes()
    }

    fn format(&self) -> Format {
        Format::Sql
    }

    fn engine_version(&self) -> String {
        self.version.clone()
    }

    fn scratch_bytes(&self) -> u64 {
        0
    }

    fn take_snapshot(&mut self, _scratch: Option<ScratchFile<'_>>) -> Result<()> {
        // After a lost snapshot, the database may have changed.
        if let Some((name, database)) = &mut self.database
            && std::mem::replace(&mut self.begun, true)
        {
            let (readable, left_out) = (self.readable, &self.left_out);
            *database =
                DatabaseProperties::read(&self.server, name, readable, left_out, self.stop)?;
        }
        self.child = match &self.database {
            Some((name, database)) => {
                let mut command = flags::dump(&self.server, name, database, self.lock_timeout);
                let program = self.server.dumper.program;
                Some(Child::read_from(&mut command, program, self.stop)?)
            }
            None => None,
        };
        Ok(())
    }

    fn settings(&self) -> Map<String, Value> {
        let mut all = Map::new();
        if let Some((_, database)) = &self.database
            && let Ok(Value::Object(settings)) = serde_json::to_value(&database.settings)
        {
            all.extend(settings);
        }
        all.insert(
            "client_version".to_owned(),
            self.client_version.clone().into(),
        );
        all
    }

    fn left_out(&self) -> LeftOut {
        self.left_out.clone()
    }

    fn tables(&self) -> Vec<String> {
        match &self.database {
            Some((_, database)) => database
                .tables
                .iter()
                .map(|(name, _)| name.clone())
                .collect(),
            None => Vec::new(),
        }
    }

    fn stream(&mut self, out: &mut dyn Write) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            ensure!(self.database.is_none(), "the client was not started");
            return globals::write(&self.server, out, self.stop);
        };
        let mut counted = CountingWriter::new(out);
        self.write_definitions(&mut counted)?;
        if let Some((name, _)) = &self.database {
            let mut patient = LockWaitReader {
                child: &mut child,
                server: &self.server,
                database: name,
                lock_timeout: self.lock_timeout,
                stop: self.stop,
            };
            pass_on(&mut patient, &mut counted)?;
        }
        child.finish().map_err(|error| {
            let said = format!("{error:#}");
            if TABLE_CHANGED.iter().any(|changed| said.contains(changed)) {
                error.context(SnapshotLost("a table was altered while it was read"))
            } else {
                error
            }
        })?;
        counted.end_part(self.server.dumper.program)?;
        if self.database.is_some() {
            self.rows = counted.count();
        }
        Ok(())
    }

    fn check(&mut self, _thorough: bool) -> Result<Facts> {
        let (mut tables, mut table_count) = (Vec::new(), 0);
        if let Some((name, database)) = &self.database {
            // The client lists the tables when it begins. The tables that it certainly saw are
            // those that existed before and still exist now.
            let mut now = catalogue::list_tables(&self.server, name, self.stop)?;
            now.retain(|table| !database.selected.tables.contains(table));
            tables.clone_from(&database.tables);
            tables.retain(|(table, _)| now.contains(table));
            if tables.len() == database.tables.len() && tables.len() == now.len() {
                table_count = tables.len();
            }
            for (table, rows) in &mut tables {
                if database.selected.rows.contains(table) {
                    *rows = Some(Rows::Exact(0));
                } else if let Some(dumped) = self.rows.get(table)
                    && !database.uncounted.contains(table)
                {
                    self.warn_of_few(table, *dumped, *rows)?;
                    *rows = Some(Rows::Exact(*dumped));
                }
            }
        }
        Ok(Facts {
            table_count,
            tables,
            settings: self.settings(),
        })
    }
}

impl Mysql {
    /// Writes the definitions of the tables without rows, if the client does not dump them with the
    /// rest. Views of the dump need these tables, so their definitions come first.
    fn write_definitions(&self, counted: &mut CountingWriter<'_>) -> Result<()> {
        let dumper = &self.server.dumper;
        let Some((name, database)) = &self.database else {
            return Ok(());
        };
        if !database.selected.needs_definitions(dumper) {
            return Ok(());
        }
        let mut command = flags::dump_definitions(&self.server, name, database, self.lock_timeout);
        let mut child = Child::read_from(&mut command, dumper.program, self.stop)?;
        pass_on(&mut child, counted)?;
        child.finish()?;
        counted.end_part(dumper.program)
    }

    /// Warns if far fewer rows were dumped than the server estimated and the table really has more
    /// rows.
    fn warn_of_few(&self, table: &str, dumped: u64, estimate: Option<Rows>) -> Result<()> {
        let Some(Rows::About { about }) = estimate else {
            return Ok(());
        };
        let is_far = |rows: u64| rows > 1000 && rows / 3 > dumped;
        let Some((name, _)) = self.database.as_ref().filter(|_| is_far(about)) else {
            return Ok(());
        };
        let count = format!(
            "SELECT COUNT(*) FROM {}.{}",
            quote_identifier(name),
            quote_identifier(table)
        );
        let now = self
            .server
            .query_column(&count, Stop::with_fixed_limit(LONGEST_COUNT));
        Stop::until_signal().check()?;
        let now = now.ok().and_then(|rows| rows.first()?.parse().ok());
        if let Some(now) = now.filter(|now| is_far(*now)) {
            log::warn!(
                "{name}: the dump has {} of {table}, and the table has {now}; unless the table was filled just now, something hides rows from this user",
                crate::human::format_count(dumped, "row")
            );
        }
        Ok(())
    }
}

/// Refuses a database with generated columns if MariaDB's client dumps a MySQL server: the client
/// dumps the values of these columns, and MySQL refuses them in a restore.
fn refuse_if_misread(server: &Server, version: &str, name: &str, stop: Stop) -> Result<()> {
    let dumper = &server.dumper;
    if dumper.is_mariadb() && !dumper.fits_server(version) {
        let tables = catalogue::list_generating_tables(server, name, stop)?;
        ensure!(
            tables.is_empty(),
            "{name} has generated columns, and MySQL cannot load what {} writes for them; install MySQL's own mysqldump (tables: {})",
            dumper.program,
            tables.join(", ")
        );
    }
    Ok(())
}
