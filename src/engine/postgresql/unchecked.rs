//! Loads rows that were refused, without the CHECK constraints of their table.
//!
//! A CHECK may call a function that names tables without their schema, or that reads a table which
//! is loaded later. The source has such rows, and a restore refuses them. Therefore the constraints
//! of the table are dropped, the rows are loaded, and the constraints are created again as
//! `NOT VALID`, in one transaction. After all rows are loaded, the constraints are validated. The
//! constraints are never evaluated with the search path of the database's owner: a function that
//! names others without their schema would then call what any user of the database chose, with the
//! rights of the role that restores.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::entry_session::{ERRORS_ONLY, MOST_LINES, explain_end, unwrap_io_error};
use super::reach::ask;
use super::script::entries::{Entries, Entry, EntrySink};
use super::sql::quote_literal;
use super::target::TargetServer;
use crate::child::Child;
use crate::engine::load::Failure;

/// Writes the whole dump again.
pub(super) type FeedAgain<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;

/// The query for the CHECK constraints of the table `$TABLE`, of the tables that it inherits from,
/// and of the domains of its columns. A table comes after those that it inherits from.
const CHECKS: &str = "WITH RECURSIVE above (oid, height) AS (
    SELECT to_regclass($TABLE)::oid, 0
    UNION SELECT inhparent, height + 1 FROM above JOIN pg_inherits ON inhrelid = above.oid),
domains (oid) AS (
    SELECT atttypid FROM pg_attribute WHERE attrelid = to_regclass($TABLE) AND NOT attisdropped
    UNION SELECT typbasetype FROM domains JOIN pg_type t ON t.oid = domains.oid WHERE typtype = 'd'),
found (oid, height, of_table, of) AS (
    SELECT c.oid, (SELECT max(height) FROM above WHERE above.oid = conrelid), true,
        format('%I.%I', nspname, relname)
    FROM pg_constraint c JOIN pg_class k ON k.oid = conrelid JOIN pg_namespace n ON n.oid = relnamespace
    WHERE conrelid IN (SELECT oid FROM above)
    UNION ALL SELECT c.oid, 0, false, format('%I.%I', nspname, typname)
    FROM pg_constraint c JOIN pg_type t ON t.oid = contypid JOIN pg_namespace n ON n.oid = typnamespace
    WHERE contypid IN (SELECT oid FROM domains)),
checks AS (
    SELECT c.oid, conname, conislocal, height, of,
        CASE WHEN of_table THEN 'TABLE ' ELSE 'DOMAIN ' END AS kind
    FROM found JOIN pg_constraint c ON c.oid = found.oid WHERE contype = 'c' AND convalidated)
SELECT coalesce(json_agg(json_build_object(
    'object', format('check %s of %s%s', conname, lower(kind), of),
    'drop', format('ALTER %s%s DROP CONSTRAINT IF EXISTS %I', kind, of, conname),
    'create', CASE WHEN conislocal THEN
        format('ALTER %s%s ADD CONSTRAINT %I %s NOT VALID', kind, of, conname, pg_get_constraintdef(oid)) END,
    'comment', CASE WHEN conislocal THEN
        format('COMMENT ON CONSTRAINT %I ON %s%s IS %L', conname,
            CASE kind WHEN 'DOMAIN ' THEN kind END, of, obj_description(oid, 'pg_constraint')) END,
    'validate', format('ALTER %s%s VALIDATE CONSTRAINT %I', kind, of, conname))
    ORDER BY height DESC, conname), '[]') FROM checks";

/// A CHECK constraint, with the statements that change it.
#[derive(Debug, Deserialize)]
struct Check {
    object: String,
    drop: String,
    /// `None` if the table inherits the constraint and does not define it.
    create: Option<String>,
    comment: Option<String>,
    validate: String,
}

/// Rows that the server refused.
pub(super) struct RefusedRows {
    /// The number of `COPY` statements of the dump before those rows'.
    pub(super) number: u64,
    /// The table, as an SQL identifier with its schema.
    pub(super) table: String,
    pub(super) failure: Failure,
}

/// Loads the rows `refused` into `database` without the CHECK constraints of their tables. The
/// sessions begin with `settings`. Returns what still failed: rows, and constraints that are not
/// valid.
///
/// # Errors
/// When the dump cannot be read again, the connection was lost, or the work must stop.
pub(super) fn load_unchecked(
    target: &TargetServer<'_>,
    database: &str,
    settings: &[&[u8]],
    refused: Vec<RefusedRows>,
    feed: FeedAgain<'_>,
) -> Result<Vec<Failure>> {
    let mut failed = Vec::new();
    let mut chosen = BTreeMap::new();
    for rows in refused {
        let query = CHECKS.replace("$TABLE", &quote_literal(&rows.table));
        let checks: Vec<Check> = ask(target.server, database, &query, target.stop)?;
        if checks.is_empty() {
            failed.push(rows.failure);
        } else {
            chosen.insert(rows.number, (rows.failure, checks));
        }
    }
    if chosen.is_empty() {
        return Ok(failed);
    }
    log::info!(
        "the rows of {} are loaded again, without CHECK constraints",
        crate::human::format_count(chosen.len(), "table")
    );
    let mut again = Entries::new(RowsAgain {
        target,
        database,
        settings,
        chosen,
        number: 0,
        rows: None,
        loaded: Vec::new(),
        failed,
    });
    let fed = feed(&mut again);
    target.stop.check()?;
    let parts = again.parts;
    if !parts.is_done() {
        fed.context("the dump cannot be read again")?;
    }
    let mut failed = parts.failed;
    failed.extend(parts.chosen.into_values().map(|(failure, _)| failure));
    for check in &parts.loaded {
        let validated =
            target
                .server
                .execute(database, std::slice::from_ref(&check.validate), target.stop);
        if let Err(error) = validated {
            target.stop.check()?;
            failed.push(Failure {
                object: check.object.clone(),
                error: format!(
                    "the rows are loaded, but the check is NOT VALID, so that it is evaluated for new rows only: {}",
                    explain_end(error)?
                ),
            });
        }
    }
    Ok(failed)
}

/// Passes on the chosen rows of a dump and nothing else.
struct RowsAgain<'a> {
    target: &'a TargetServer<'a>,
    database: &'a str,
    settings: &'a [&'a [u8]],
    /// The rows that are not loaded yet, by their number, with their first failure.
    chosen: BTreeMap<u64, (Failure, Vec<Check>)>,
    number: u64,
    rows: Option<(Child, Failure, Vec<Check>)>,
    /// The constraints of the loaded rows.
    loaded: Vec<Check>,
    failed: Vec<Failure>,
}

impl RowsAgain<'_> {
    fn is_done(&self) -> bool {
        self.chosen.is_empty() && self.rows.is_none()
    }

    fn start(&self, statement: &[u8], checks: &[Check]) -> Result<Child> {
        let mut psql = self.target.server.build_psql(self.database);
        psql.arg("--output=/dev/null");
        psql.env_remove("PGCLIENTENCODING");
        for line in self.settings.iter().chain([&ERRORS_ONLY]) {
            psql.arg("--command").arg(read_text(line)?);
        }
        psql.args(["--command", "BEGIN"]);
        for check in checks {
            psql.arg("--command").arg(&check.drop);
        }
        psql.arg("--command").arg(read_text(statement)?);
        let created = checks.iter().filter_map(|check| check.create.as_ref());
        let comments = checks.iter().filter_map(|check| check.comment.as_ref());
        for statement in created.chain(comments) {
            psql.arg("--command").arg(statement);
        }
        psql.args(["--command", "COMMIT"]);
        let mut child = Child::write_to(&mut psql, "psql", self.target.stop)?;
        child.keep_lines(MOST_LINES);
        Ok(child)
    }

    fn end(&mut self) -> Result<()> {
        let Some((child, failure, checks)) = self.rows.take() else {
            return Ok(());
        };
        if let Err(error) = child.finish() {
            self.target.stop.check()?;
            let error = explain_end(error)?;
            log::debug!("{}: without CHECK constraints: {error}", failure.object);
            self.failed.push(failure);
            return Ok(());
        }
        for check in checks {
            // Validating the constraint of the table that defines it validates the inherited ones.
            let is_new = check.create.is_some()
                && self
                    .loaded
                    .iter()
                    .all(|known| known.validate != check.validate);
            if is_new {
                self.loaded.push(check);
            }
        }
        Ok(())
    }
}

impl EntrySink for RowsAgain<'_> {
    fn take_entry(&mut self, _entry: &Entry) -> io::Result<()> {
        if self.is_done() {
            return Err(io::Error::other("all refused rows were read"));
        }
        Ok(())
    }

    fn take_sql(&mut self, _lines: &[u8], _between: bool) -> io::Result<()> {
        Ok(())
    }

    fn take_copy(&mut self, statement: &[u8]) -> io::Result<()> {
        if let Some((failure, checks)) = self.chosen.remove(&self.number) {
            let child = self.start(statement, &checks).map_err(unwrap_io_error)?;
            self.rows = Some((child, failure, checks));
        }
        self.number += 1;
        Ok(())
    }

    fn take_rows(&mut self, rows: &[u8]) -> io::Result<()> {
        let Some((child, ..)) = &mut self.rows else {
            return Ok(());
        };
        match child.write_all(rows) {
            // The session failed. Its end gives the reason.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    fn end_rows(&mut self, _line: &[u8]) -> io::Result<()> {
        self.end().map_err(unwrap_io_error)
    }
}

fn read_text(line: &[u8]) -> Result<&str> {
    Ok(std::str::from_utf8(line)
        .context("the dump is not UTF-8")?
        .trim_end())
}
