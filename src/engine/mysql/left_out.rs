//! Tables that the user leaves out of a dump, and tables whose rows the user leaves out.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use glob::Pattern;

use super::client::Client;
use super::server::{Server, quote_identifier, quote_literal};
use crate::header::LeftOut;
use crate::stop::Stop;

/// The option of MariaDB's client that dumps a table without its rows.
const WITHOUT_ROWS: &str = "ignore-table-data";
/// The most objects that an error lists.
const LISTED: usize = 12;

/// What the patterns of a [`LeftOut`] select in a database.
#[derive(Debug, Default)]
pub(super) struct Selected {
    /// The tables and views that the dump lacks.
    pub(super) tables: BTreeSet<String>,
    /// The tables that the dump holds without rows.
    pub(super) rows: BTreeSet<String>,
}

impl Selected {
    /// Asks the server for the tables of the database `name` and applies the patterns to them.
    ///
    /// # Errors
    /// One sentence, when a pattern is wrong or selects no table, or the restored database would not
    /// be consistent because what the dump holds needs what is left out.
    pub(super) fn find(
        server: &Server,
        name: &str,
        left_out: &LeftOut,
        stop: Stop,
    ) -> Result<Self> {
        if left_out.is_nothing() {
            return Ok(Selected::default());
        }
        let all = server.ask(
            &format!(
                "SELECT table_name, table_type NOT IN ('VIEW', 'SEQUENCE')
                 FROM information_schema.tables WHERE table_schema = {}",
                quote_literal(name)
            ),
            stop,
        )?;
        let names = |all: &[Vec<String>]| -> Vec<String> {
            all.iter().filter_map(|row| row.first().cloned()).collect()
        };
        let (tables, others): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|row| row.get(1).is_some_and(|is_table| is_table == "1"));
        let (tables, others) = (names(&tables), names(&others));
        let both = || tables.iter().chain(&others);
        let mut this = Selected {
            tables: select_tables(name, "table", &left_out.tables, &both())?,
            rows: select_tables(name, "rows", &left_out.rows, &tables.iter())?,
        };
        this.rows.retain(|table| !this.tables.contains(table));
        let mut needed = this.find_referring_keys(server, name, stop)?;
        needed.extend(this.find_showing_views(server, name, stop)?);
        ensure!(
            needed.is_empty(),
            "a dump of {name} could not be restored without what is left out: {}; leave these out too",
            needed.join(", ")
        );
        Ok(this)
    }

    /// Returns the foreign keys of dumped rows that refer to tables or rows that are left out.
    fn find_referring_keys(&self, server: &Server, name: &str, stop: Stop) -> Result<Vec<String>> {
        let database = quote_literal(name);
        let keys = server.ask(
            &format!(
                "SELECT constraint_name, table_name, referenced_table_name
                 FROM information_schema.referential_constraints
                 WHERE constraint_schema = {database} AND unique_constraint_schema = {database}
                 ORDER BY 2, 1"
            ),
            stop,
        )?;
        let is_left_out = |table: &String| self.tables.contains(table) || self.rows.contains(table);
        let needs = |key: &Vec<String>| match &key[..] {
            [constraint, table, referenced] if !is_left_out(table) && is_left_out(referenced) => {
                Some(format!(
                    "foreign key {constraint} of {table} to {referenced}"
                ))
            }
            _ => None,
        };
        Ok(keys.iter().filter_map(needs).take(LISTED).collect())
    }

    /// Returns the dumped views that show tables that are left out. The server stores the definition
    /// of a view with the database and the name of each table in backquotes.
    fn find_showing_views(&self, server: &Server, name: &str, stop: Stop) -> Result<Vec<String>> {
        if self.tables.is_empty() {
            return Ok(Vec::new());
        }
        let views = server.ask(
            &format!(
                "SELECT table_name, view_definition FROM information_schema.views
                 WHERE table_schema = {} ORDER BY 1",
                quote_literal(name)
            ),
            stop,
        )?;
        let database = quote_identifier(name);
        let shown: Vec<_> = self
            .tables
            .iter()
            .map(|table| format!("{database}.{}", quote_identifier(table)))
            .collect();
        let needs = |view: &Vec<String>| match &view[..] {
            [view, definition]
                if !self.tables.contains(view)
                    && shown.iter().any(|table| definition.contains(table)) =>
            {
                Some(format!("view {view}"))
            }
            _ => None,
        };
        Ok(views.iter().filter_map(needs).take(LISTED).collect())
    }

    /// Returns the client's options for what is left out of the database `name`. If the client has
    /// no option for tables without rows, it leaves these tables out, and
    /// [`Selected::needs_definitions`] is true.
    pub(super) fn options(&self, name: &str, client: &Client) -> Vec<String> {
        let option = |option: &str, table: &String| format!("--{option}={name}.{table}");
        let tables = self.tables.iter();
        let tables = tables.map(|table| option("ignore-table", table));
        let without_rows = if client.has_option(WITHOUT_ROWS) {
            WITHOUT_ROWS
        } else {
            "ignore-table"
        };
        let rows = self.rows.iter().map(|table| option(without_rows, table));
        tables.chain(rows).collect()
    }

    /// Returns true if the definitions of the tables without rows must be dumped by another run of
    /// this client.
    pub(super) fn needs_definitions(&self, client: &Client) -> bool {
        !self.rows.is_empty() && !client.has_option(WITHOUT_ROWS)
    }
}

/// Returns those of `tables` that one of the patterns selects. `kind` names the flag.
///
/// # Errors
/// One sentence, when a pattern is wrong or selects no table.
fn select_tables<'a>(
    database: &str,
    kind: &str,
    patterns: &[String],
    tables: &(impl Iterator<Item = &'a String> + Clone),
) -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for text in patterns {
        let pattern = Pattern::new(text)
            .with_context(|| format!("the pattern {text} of --exclude-{kind} is wrong"))?;
        let selected = tables.clone().filter(|table| pattern.matches(table));
        let selected: Vec<_> = selected.cloned().collect();
        ensure!(
            !selected.is_empty(),
            "{database} has no table for --exclude-{kind} {text}; the name of a table changed, or the pattern is wrong"
        );
        all.extend(selected);
    }
    Ok(all)
}
