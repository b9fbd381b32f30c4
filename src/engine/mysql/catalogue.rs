//! Queries of a server's catalogue.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};

use super::left_out::Selected;
use super::server::{Server, first_column, quote_literal};
use super::settings::DatabaseSettings;
use super::storage_engines::ELSEWHERE;
use super::unreadable::Unreadable;
use super::{inexact, privileges};
use crate::engine::source::NoSuchSource;
use crate::header::{LeftOut, Rows};
use crate::stop::Stop;

/// The databases that belong to the server itself, and the name under which a server shows the
/// directory `lost+found` of a file system as a database.
const OWN: &str = "'information_schema', 'performance_schema', 'mysql', '#mysql50#lost+found'";
/// A query that returns a row if `sys` is the server's own: the server's `sys` contains this table.
const OWN_SYS: &str = "SELECT 1 FROM information_schema.tables WHERE table_schema = 'sys' AND table_name = 'sys_config'";

/// What must be known of a database before it is dumped.
pub(super) struct DatabaseProperties {
    pub(super) settings: DatabaseSettings,
    /// The tables, each with the storage engine's estimate of its rows.
    pub(super) tables: Vec<(String, Option<Rows>)>,
    /// The tables and rows that the user leaves out.
    pub(super) selected: Selected,
    /// Tables that are dumped without rows, or with other rows than a SELECT returns.
    pub(super) uncounted: BTreeSet<String>,
    pub(super) has_history: bool,
    /// True if the default value of a column is the next value of a sequence.
    pub(super) uses_sequences: bool,
    /// Tables and views that cannot be read, if the rest is dumped without them.
    pub(super) unreadable: Vec<Unreadable>,
}

/// How much of a database must be readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readable {
    All,
    /// What cannot be read is left out.
    Part,
}

pub(super) fn list_databases(server: &Server, stop: Stop) -> Result<Vec<String>> {
    server.query_column(
        &format!(
            "SELECT schema_name FROM information_schema.schemata WHERE BINARY schema_name NOT IN ({OWN})
             AND NOT (BINARY schema_name = 'sys' AND EXISTS ({OWN_SYS})) ORDER BY 1"
        ),
        stop,
    )
}

/// Returns the tables of a database, without views and sequences.
pub(super) fn list_tables(server: &Server, name: &str, stop: Stop) -> Result<BTreeSet<String>> {
    let tables = server.query_column(
        &format!(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = {}
             AND table_type NOT IN ('VIEW', 'SEQUENCE')",
            quote_literal(name)
        ),
        stop,
    )?;
    Ok(tables.into_iter().collect())
}

/// Returns the tables of a database that have generated columns.
pub(super) fn list_generating_tables(
    server: &Server,
    name: &str,
    stop: Stop,
) -> Result<Vec<String>> {
    let database = quote_literal(name);
    server.query_column(
        &format!("SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = {database} AND generation_expression <> '' ORDER BY 1"),
        stop,
    )
}

/// Logs which tables are not protected by a transaction, and which are dumped without rows.
fn warn_of_tables(database: &str, unprotected: &[String], empty: &[String]) {
    if !unprotected.is_empty() {
        log::warn!(
            "{database}: no transaction protects these tables, so rows written during the dump may be in it or not: {}",
            unprotected.join(", ")
        );
    }
    if !empty.is_empty() {
        log::warn!(
            "{database}: these tables are dumped without rows, because their rows are in other tables or on other servers: {}",
            empty.join(", ")
        );
    }
}

impl DatabaseProperties {
    /// Records and logs what cannot be read.
    fn name_unreadable(&mut self, database: &str) {
        let reasons = self.unreadable.iter().map(|object| object.why.clone());
        self.settings.lacking = reasons.collect();
        if !self.unreadable.is_empty() {
            log::warn!(
                "{database}: these cannot be read and are not dumped, nor are their triggers: {}",
                self.settings.lacking.join(", ")
            );
        }
    }

    /// Reads the properties of a database and checks that the user can read all of it. What cannot
    /// be read is left out with a warning, if `readable` says so.
    ///
    /// # Errors
    /// One sentence, when the database is missing, cannot be dumped whole, or cannot be dumped without
    /// what the user leaves out.
    pub(super) fn read(
        server: &Server,
        name: &str,
        readable: Readable,
        left_out: &LeftOut,
        stop: Stop,
    ) -> Result<Self> {
        let (settings, database) = (read_settings(server, name, stop)?, quote_literal(name));
        privileges::check(server, name, stop)?;
        let selected = Selected::find(server, name, left_out, stop)?;
        // MariaDB opens views, and so detects broken ones, only if `create_time` is queried.
        let tables = format!(
            "SELECT table_name, table_type, IFNULL(engine, ''), IFNULL(table_collation, ''), table_comment,
                create_time, IFNULL(table_rows, '') FROM information_schema.tables WHERE table_schema = {database} ORDER BY 1"
        );
        let definers = format!(
            "SELECT definer FROM information_schema.routines WHERE routine_schema = {database}
             UNION SELECT definer FROM information_schema.events WHERE event_schema = {database}"
        );
        let transactional =
            "SELECT engine FROM information_schema.engines WHERE transactions = 'YES'";
        let [tables, transactional, definers] =
            server.ask_all([&tables, transactional, &definers], stop)?;
        let is_empty = tables.is_empty();
        let transactional = first_column(transactional);
        let mut this = DatabaseProperties {
            settings,
            tables: Vec::new(),
            selected,
            uncounted: BTreeSet::new(),
            has_history: false,
            uses_sequences: false,
            unreadable: Vec::new(),
        };
        let (mut broken, mut closed) = (Vec::new(), Vec::new());
        let (mut unprotected, mut empty) = (Vec::new(), Vec::new());
        for row in tables {
            let [table, kind, engine, collation, comment, _, rows] = <[String; 7]>::try_from(row)
                .ok()
                .context("a table has no name")?;
            if this.selected.tables.contains(&table) {
                continue;
            }
            if readable == Readable::Part && kind != "SEQUENCE" {
                let kind = if kind == "VIEW" { "view" } else { "table" };
                if let Some(unreadable) = Unreadable::find(server, name, (kind, &table), stop)? {
                    this.unreadable.push(unreadable);
                    continue;
                }
            }
            match kind.as_str() {
                "VIEW" if comment != "VIEW" => broken.push(table),
                "VIEW" | "SEQUENCE" => {}
                // The server shows why it cannot open a table in place of the table's comment.
                _ if engine.is_empty() => closed.push(format!("{table} ({comment})")),
                _ => {
                    let has_history = kind == "SYSTEM VERSIONED";
                    this.has_history |= has_history;
                    if has_history || ELSEWHERE.contains(&engine.as_str()) {
                        this.uncounted.insert(table.clone());
                    }
                    if ELSEWHERE.contains(&engine.as_str()) {
                        empty.push(format!("{table} ({engine})"));
                    } else if !transactional.contains(&engine) {
                        unprotected.push(format!("{table} ({engine})"));
                    }
                    let about = rows.parse().ok();
                    this.tables
                        .push((table, about.map(|about| Rows::About { about })));
                    this.settings.collations.insert(collation);
                    this.settings.engines.insert(engine);
                }
            }
        }
        this.name_unreadable(name);
        let broken = name_all(
            "broken views (what they use is missing, or this user may not use it)",
            &broken,
        );
        let closed = name_all("tables that cannot be opened", &closed);
        let faults: Vec<_> = broken.into_iter().chain(closed).collect();
        if !faults.is_empty() {
            bail!(
                "{name} cannot be dumped because of {}; repair or drop them, or leave them out with --exclude-table",
                faults.join(", and ")
            );
        }
        warn_of_tables(name, &unprotected, &empty);
        this.settings.definers.extend(first_column(definers));
        if !is_empty {
            this.read_of_tables(server, name, stop)?;
        }
        this.settings.collations.retain(|name| !name.is_empty());
        this.settings.engines.retain(|name| !name.is_empty());
        Ok(this)
    }

    /// Reads what only a database with tables or views has.
    fn read_of_tables(&mut self, server: &Server, name: &str, stop: Stop) -> Result<()> {
        let database = quote_literal(name);
        let settings = &mut self.settings;
        settings.collations.extend(server.query_column(
            &format!("SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_schema = {database} AND collation_name IS NOT NULL"),
            stop,
        )?);
        settings.definers.extend(server.query_column(
            &format!(
                "SELECT definer FROM information_schema.views WHERE table_schema = {database}
                 UNION SELECT definer FROM information_schema.triggers WHERE trigger_schema = {database}"
            ),
            stop,
        )?);
        settings.inexact = inexact::find_columns(server, name, stop)?;
        let defaults = format!(
            "SELECT 1 FROM information_schema.columns WHERE table_schema = {database}
             AND column_default LIKE '%nextval(%' LIMIT 1"
        );
        self.uses_sequences = !server.query_column(&defaults, stop)?.is_empty();
        Ok(())
    }
}

fn name_all(what: &str, objects: &[String]) -> Option<String> {
    (!objects.is_empty()).then(|| format!("{what}: {}", objects.join(", ")))
}

/// Returns the default character set, the default collation and the comment of a database.
pub(super) fn read_settings(server: &Server, name: &str, stop: Stop) -> Result<DatabaseSettings> {
    let database = quote_literal(name);
    let columns = "default_character_set_name, default_collation_name, @@lower_case_table_names";
    let ask = |columns: &str| {
        let query = format!(
            "SELECT {columns} FROM information_schema.schemata WHERE BINARY schema_name = {database}"
        );
        server.ask(&query, stop)
    };
    // Only MariaDB 10.5 and later have the comment.
    let rows = ask(&format!("{columns}, schema_comment")).or_else(|_| ask(columns))?;
    let Some(row) = rows.into_iter().next() else {
        let why = format!(
            "the server {} has no database {name}, or the user may not see it",
            server.url()
        );
        return Err(NoSuchSource(why).into());
    };
    let mut row = row.into_iter();
    let mut next = || row.next().unwrap_or_default();
    Ok(DatabaseSettings {
        charset: next(),
        collation: next(),
        lower_case_table_names: Some(next()),
        comment: next(),
        definers: BTreeSet::new(),
        engines: BTreeSet::new(),
        collations: BTreeSet::new(),
        inexact: Vec::new(),
        lacking: Vec::new(),
    })
}
