//! Moves the tables of a scratch database into the database they are meant for, so that the rows of a
//! dump are loaded once only.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::server::{Server, quote_identifier, quote_literal};
use crate::stop::Stop;

/// The storage engines whose tables `RENAME TABLE` moves to another database with all that belongs
/// to them. A table of another engine may keep other tables' names or paths in its own files.
const MOVABLE: &str = "'InnoDB', 'MyISAM', 'Aria'";
/// The number of tables or triggers that one call of the client moves or drops.
const AT_ONCE: usize = 100;

/// The tables and sequences of a scratch database, which can all be moved.
pub(super) struct MovableTables {
    names: Vec<String>,
}

impl MovableTables {
    /// Returns the tables and sequences of the database `scratch`, or `None` if one of them cannot be
    /// moved.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) fn list(server: &Server, scratch: &str, stop: Stop) -> Result<Option<Self>> {
        let tables = format!(
            "SELECT table_name, IFNULL(engine, '') IN ({MOVABLE})
                AND IFNULL(create_options, '') NOT LIKE '% DIRECTORY=%'
             FROM information_schema.tables
             WHERE table_schema = {} AND table_type <> 'VIEW' ORDER BY 1",
            quote_literal(scratch)
        );
        let mut names = Vec::new();
        for row in server.ask(&tables, stop)? {
            let [name, is_movable] = <[String; 2]>::try_from(row)
                .ok()
                .context("a table has no name")?;
            if is_movable != "1" {
                return Ok(None);
            }
            names.push(name);
        }
        Ok(Some(MovableTables { names }))
    }

    /// Moves the tables from the database `scratch` into the database `target`, which must have no
    /// tables. Drops the triggers in `scratch`, because a table with a trigger cannot be moved. Waits
    /// at most `lock_timeout` for a table that another session uses.
    ///
    /// # Errors
    /// When the server refuses to move a table. Some tables may then be in `target`.
    pub(super) fn move_all(
        &self,
        server: &Server,
        (scratch, target): (&str, &str),
        lock_timeout: Duration,
        stop: Stop,
    ) -> Result<()> {
        let (from, to) = (quote_identifier(scratch), quote_identifier(target));
        // A client that is killed does not stop its statement, so no signal interrupts this.
        let stop = Stop::without_signals(stop.limit());
        let session = format!(
            "SET SESSION lock_wait_timeout = {}, foreign_key_checks = 0",
            lock_timeout.as_secs().max(1)
        );
        let triggers = format!(
            "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = {}",
            quote_literal(scratch)
        );
        let triggers = server.query_column(&triggers, stop)?;
        let drop = |name: &String| format!("DROP TRIGGER {from}.{}", quote_identifier(name));
        for triggers in triggers.chunks(AT_ONCE) {
            let drops: Vec<_> = triggers.iter().map(drop).collect();
            server.ask(&format!("{session}; {}", drops.join("; ")), stop)?;
        }
        let rename = |name: &String| {
            let name = quote_identifier(name);
            format!("{from}.{name} TO {to}.{name}")
        };
        for tables in self.names.chunks(AT_ONCE) {
            let tables: Vec<_> = tables.iter().map(rename).collect();
            server.ask(
                &format!("{session}; RENAME TABLE {}", tables.join(", ")),
                stop,
            )?;
        }
        let keys = format!(
            "SELECT constraint_name FROM information_schema.key_column_usage
             WHERE table_schema = {} AND referenced_table_schema = {}",
            quote_literal(target),
            quote_literal(scratch)
        );
        let keys = server.query_column(&keys, stop)?;
        ensure!(
            keys.is_empty(),
            "the server did not move the foreign keys {}",
            keys.join(", ")
        );
        Ok(())
    }
}
