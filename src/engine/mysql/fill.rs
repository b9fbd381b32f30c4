//! Checks a database that is to be filled, and empties it again after a failure. The server commits
//! each `CREATE` at once, so the load is no transaction.

use std::time::Duration;

use anyhow::{Error, Result, ensure};

use super::catalogue;
use super::script::created::CreatedObjects;
use super::server::{Server, quote_identifier, quote_literal};
use super::settings::{DatabaseSettings, PLAIN_STRINGS};
use crate::header::Rows;
use crate::stop::{self, Stop};

/// The number of objects that a message names at most.
const NAMED: usize = 5;
/// The number of `DROP` statements that a message has at most.
const DROPPED: usize = 20;
/// The time between two checks whether a session has ended.
const NAP: Duration = Duration::from_millis(50);

/// Checks that the database `name` can be filled.
///
/// # Errors
/// When the database is not empty, or when another session uses it.
pub(super) fn check(server: &Server, name: &str, stop: Stop) -> Result<()> {
    let objects = list_objects(server, name, stop)?;
    ensure!(
        objects.is_empty(),
        "the database {name} is not empty ({}); --into-empty loads only into an empty one",
        describe(&objects)
    );
    let users = list_users(server, name, stop)?;
    ensure!(
        users.is_empty(),
        "the database {name} is in use by a session of {}; stop the programs that use it first",
        users[0]
    );
    Ok(())
}

/// A database that is empty, before a dump is loaded into it.
pub(super) struct Empty<'a> {
    pub(super) server: &'a Server,
    pub(super) name: &'a str,
    /// The default character set and the other settings of the database.
    pub(super) settings: DatabaseSettings,
    /// The tables of the dump, each with the number of its rows.
    pub(super) dumped: &'a [(String, Option<Rows>)],
}

impl Empty<'_> {
    /// Drops what a load that failed with `error` created. What other sessions may have put into
    /// the database stays. Adds to the error what the database holds now.
    pub(super) fn undo(&self, created: &CreatedObjects, error: Error) -> Error {
        let left = self.end_session(created).and_then(|()| self.drop(created));
        let said = match left {
            Ok(left) if left.is_empty() => {
                format!("the database {} is empty, as it was before", self.name)
            }
            Ok(left) => format!(
                "the database {} is not empty now; empty it before the next attempt: {}",
                self.name,
                self.write_drops(&left)
            ),
            Err(unseen) => format!(
                "the database {} keeps what was loaded, because what it holds cannot be seen or dropped ({unseen:#})",
                self.name
            ),
        };
        // The error is not shown if a signal is the reason.
        if stop::get_signal().is_some() {
            log::warn!("{said}");
        }
        error.context(said)
    }

    /// Ends the session that loaded, which may still run its last statement.
    fn end_session(&self, created: &CreatedObjects) -> Result<()> {
        let Some(session) = created.session() else {
            return Ok(());
        };
        let stop = Stop::for_cleanup();
        let there = format!("SELECT id FROM information_schema.processlist WHERE id = {session}");
        while !self.server.query_column(&there, stop)?.is_empty() {
            // The session may have ended meanwhile.
            let _ = self.server.ask(&format!("KILL {session}"), stop);
            stop.check()?;
            std::thread::sleep(NAP);
        }
        Ok(())
    }

    /// Drops what the load created, and sets back the settings of the database. Returns the kind
    /// and the name of the objects that stay.
    fn drop(&self, created: &CreatedObjects) -> Result<Vec<(String, String)>> {
        let stop = Stop::for_cleanup();
        let is_ours = |(kind, object): &(String, String)| created.has_created(kind, object);
        let objects = list_objects(self.server, self.name, stop)?;
        if list_users(self.server, self.name, stop)?.is_empty() {
            for (kind, object) in objects.iter().filter(|object| is_ours(object)) {
                if kind != "TABLE" || !self.has_rows_of_others(object, stop)? {
                    let drop = format!(
                        "SET SESSION foreign_key_checks = 0; {}",
                        self.write_drop(kind, object)
                    );
                    self.server.ask(&drop, stop)?;
                }
            }
        }
        let back = format!(
            "{PLAIN_STRINGS}; ALTER DATABASE {} {}",
            quote_identifier(self.name),
            self.settings.options()
        );
        if catalogue::read_settings(self.server, self.name, stop)? != self.settings {
            self.server.ask(&back, stop)?;
        }
        self::list_objects(self.server, self.name, stop)
    }

    /// Returns true if a table has more rows than the dump, or if the rows of the dump were not
    /// counted: another session may then have inserted some.
    fn has_rows_of_others(&self, table: &str, stop: Stop) -> Result<bool> {
        let dumped = self.dumped.iter().find(|(name, _)| name == table);
        let Some((_, Some(Rows::Exact(dumped)))) = dumped else {
            return Ok(true);
        };
        let count = format!(
            "SELECT COUNT(*) FROM {}.{}",
            quote_identifier(self.name),
            quote_identifier(table)
        );
        let rows = self.server.query_column(&count, stop)?;
        let rows = rows.first().and_then(|rows| rows.parse::<u64>().ok());
        Ok(rows.is_none_or(|rows| rows > *dumped))
    }

    fn write_drop(&self, kind: &str, object: &str) -> String {
        format!(
            "DROP {kind} IF EXISTS {}.{};",
            quote_identifier(self.name),
            quote_identifier(object)
        )
    }

    /// Returns the statements that remove these objects.
    fn write_drops(&self, objects: &[(String, String)]) -> String {
        let drops: Vec<_> = objects
            .iter()
            .take(DROPPED)
            .map(|(kind, object)| self.write_drop(kind, object))
            .collect();
        let more = objects.len() - drops.len();
        let more = (more > 0).then(|| format!(" and {more} more"));
        drops.join(" ") + &more.unwrap_or_default()
    }
}

/// Returns the users of the other sessions that use the database.
fn list_users(server: &Server, name: &str, stop: Stop) -> Result<Vec<String>> {
    let sessions = format!(
        "SELECT user FROM information_schema.processlist WHERE db = {} AND id <> CONNECTION_ID()",
        quote_literal(name)
    );
    server.query_column(&sessions, stop)
}

fn describe(objects: &[(String, String)]) -> String {
    let named = objects.iter().take(NAMED);
    let mut shown: Vec<_> = named
        .map(|(kind, object)| format!("{} {object}", kind.to_lowercase()))
        .collect();
    if objects.len() > NAMED {
        shown.push(format!("{} more", objects.len() - NAMED));
    }
    shown.join(", ")
}

/// Returns the kind and the name of every object in a database.
fn list_objects(server: &Server, name: &str, stop: Stop) -> Result<Vec<(String, String)>> {
    let database = quote_literal(name);
    let rows = server.ask(
        &format!(
            "SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = {database}
             UNION ALL SELECT routine_type, routine_name FROM information_schema.routines
                WHERE routine_schema = {database}
             UNION ALL SELECT IF(table_type IN ('VIEW', 'SEQUENCE'), table_type, 'TABLE'), table_name
                FROM information_schema.tables WHERE table_schema = {database}"
        ),
        stop,
    )?;
    let pairs = rows.into_iter().filter_map(|row| {
        let [kind, name] = <[String; 2]>::try_from(row).ok()?;
        Some((kind, name))
    });
    Ok(pairs.collect())
}
