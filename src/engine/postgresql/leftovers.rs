//! Removes or names the databases that killed restores left.

use anyhow::Error;

use super::fresh::{LONGEST_NAME, drop_database};
use super::reach::{ask, connect_anywhere};
use super::server::Server;
use super::sql::{quote_identifier, quote_literal};
use super::target::TargetServer;
use crate::clock;
use crate::engine::leftover::{Leftover, judge};
use crate::engine::source::NoSuchSource;
use crate::stop::Stop;

/// The query for databases that restores created or renamed, and that no user's session is connected to. (An
/// autovacuum worker has no user.)
const UNUSED: &str = "SELECT coalesce(json_agg(datname), '[]') FROM pg_database d
    WHERE datname ~ '\\.(restoring|replaced)-[0-9a-f]+-[0-9a-f]+(-[0-9a-f]+)?$'
        AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE datid = d.oid AND usesysid IS NOT NULL)";

/// Drops the databases that killed restores of `name` left on this machine, and logs a message about
/// each. Names those that may be of a restore which is running elsewhere, and old databases that were
/// replaced and not dropped.
pub(super) fn remove(target: &TargetServer<'_>, name: &str) {
    let found = ask(target.server, &target.maintenance, UNUSED, target.stop);
    let found: Vec<String> = found.unwrap_or_else(|error| {
        log::debug!("cannot list the databases that killed restores left: {error:#}");
        Vec::new()
    });
    let now = clock::now();
    for left in &found {
        if judge(left, name, "replaced", LONGEST_NAME, now).is_some() {
            log::warn!("{}", describe_replaced(left, name));
        }
        match judge(left, name, "restoring", LONGEST_NAME, now) {
            Some(Leftover::Killed) => {}
            Some(Leftover::Unknown) => {
                log::warn!(
                    "the database {left} is of a restore that was killed or runs on another machine; if none is running, remove it with DROP DATABASE {}",
                    quote_identifier(left)
                );
                continue;
            }
            None => continue,
        }
        match drop_database(target, left) {
            Ok(()) => {
                log::warn!("removed the database {left}, which a restore that was killed left");
            }
            Err(error) => log::warn!(
                "a restore that was killed left the database {left}, which cannot be dropped: {error:#}"
            ),
        }
    }
}

/// Returns a sentence about the database `left`, which was called `name` until a restore renamed it.
fn describe_replaced(left: &str, name: &str) -> String {
    format!(
        "the database {left} is the old {name}, which a restore was about to replace, or kept because it could not be dumped; to go back to it, {}; if nobody needs it, DROP DATABASE {}",
        write_undo(left, name),
        quote_identifier(left)
    )
}

/// Returns the statements that give the database `left` its name `name` back.
pub(super) fn write_undo(left: &str, name: &str) -> String {
    let (left, name) = (quote_identifier(left), quote_identifier(name));
    format!("DROP DATABASE IF EXISTS {name} and ALTER DATABASE {left} RENAME TO {name}")
}

/// Returns the error of a connection to the database `name` as a [`NoSuchSource`] if there is no such
/// database, and says so if a restore renamed it.
pub(super) fn explain_missing(server: &Server, name: &str, error: Error, stop: Stop) -> Error {
    let query = format!(
        "SELECT CASE WHEN NOT EXISTS (SELECT FROM pg_database WHERE datname = {}) THEN coalesce(
            (SELECT json_agg(datname) FROM pg_database
                WHERE datname ~ '\\.replaced-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+$'), '[]')
        ELSE 'null' END",
        quote_literal(name)
    );
    let found = connect_anywhere(server, Some(name), stop).and_then(|(maintenance, ..)| {
        ask::<Option<Vec<String>>>(server, &maintenance, &query, stop)
    });
    let Ok(Some(found)) = found else {
        return error;
    };
    let now = clock::now();
    let left = found
        .iter()
        .find(|left| judge(left, name, "replaced", LONGEST_NAME, now).is_some());
    let why = format!("{error:#}");
    let why = match left {
        Some(left) => format!("{}: {why}", describe_replaced(left, name)),
        None => why,
    };
    NoSuchSource(why).into()
}
