//! Lists the databases of a server, and connects to them.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::catalogue::{self, ServerFacts};
use super::server::{ConnectionReport, Server};
use super::session::Session;
use super::sql::quote_identifier;
use crate::stop::Stop;

/// The databases to connect to if no database is named.
const MAINTENANCE: [&str; 2] = ["postgres", "template1"];

/// The query for every database of a server except template0, which nobody can connect to, and
/// template1 while it is an ordinary template, which a separate query covers. Nobody can connect to a database that an interrupted
/// DROP DATABASE left (`datconnlimit` -2). A database that a killed restore left or renamed
/// ([`make_new_name`]) is not dumped.
///
/// [`make_new_name`]: super::fresh::make_new_name
const DATABASES: &str = "WITH found AS (
    SELECT datname AS name, CASE
        WHEN datconnlimit = -2 THEN 'invalid'
        WHEN datname ~ '\\.restoring-[0-9a-f]+-[0-9a-f]+(-[0-9a-f]+)?$' THEN 'restoring'
        WHEN datname ~ '\\.replaced-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+$' THEN 'replaced'
        WHEN NOT datallowconn THEN 'closed'
        ELSE 'open' END AS state
    FROM pg_database WHERE datname <> 'template0'
        AND NOT (datname = 'template1' AND datallowconn AND datistemplate))
SELECT json_object_agg(state, (
    SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM found WHERE found.state = states.state))
FROM unnest(ARRAY['open', 'closed', 'invalid', 'restoring', 'replaced']) states (state)";

const HAS_TEMPLATE1: &str = "SELECT to_json(EXISTS (
    SELECT FROM pg_database WHERE datname = 'template1' AND datallowconn AND datistemplate))";

/// The answer to [`DATABASES`].
#[derive(Debug, Deserialize)]
struct Databases {
    open: Vec<String>,
    closed: Vec<String>,
    invalid: Vec<String>,
    restoring: Vec<String>,
    replaced: Vec<String>,
}

/// The query whether this database, a template, has more than initdb gave it. The objects of initdb
/// have OIDs below 16384 (`FirstNormalObjectId`).
const IS_CHANGED: &str = "SELECT to_json(
    EXISTS (SELECT FROM pg_class WHERE oid >= 16384 AND relkind <> 't')
    OR EXISTS (SELECT FROM pg_proc WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_namespace WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_type WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_extension WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_largeobject_metadata)
    OR EXISTS (SELECT FROM pg_default_acl)
    OR EXISTS (SELECT FROM pg_publication)
    OR EXISTS (SELECT FROM pg_event_trigger)
    OR EXISTS (SELECT FROM pg_foreign_data_wrapper)
    OR EXISTS (SELECT FROM pg_cast WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_operator WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_collation WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_language WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_ts_config WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_namespace n JOIN pg_init_privs i
            ON i.objoid = n.oid AND i.classoid = 'pg_namespace'::regclass AND i.objsubid = 0
        WHERE nspname = 'public' AND nspacl IS DISTINCT FROM i.initprivs)
    OR EXISTS (SELECT FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())))";

/// Returns the databases of a server that allow connections, and template1 if it was changed. Logs
/// a warning about each of the other databases.
///
/// # Errors
/// When the server cannot be asked.
pub(super) fn list_databases(server: &Server, stop: Stop) -> Result<Vec<String>> {
    let (maintenance, ..) = connect_anywhere(server, None, stop)?;
    let found: Databases = ask(server, &maintenance, DATABASES, stop)?;
    for name in found.invalid {
        log::warn!("{name} is not dumped: its DROP DATABASE was interrupted; drop it again");
    }
    for name in found.closed {
        log::warn!("{name} is not dumped: it allows no connections (ALLOW_CONNECTIONS false)");
    }
    for name in found.restoring {
        log::warn!(
            "{name} is not dumped: a restore that was killed left it; if no restore is running, remove it with DROP DATABASE {}",
            quote_identifier(&name)
        );
    }
    for name in found.replaced {
        log::warn!(
            "{name} is not dumped: a restore gave this name to the database that it replaced; DROP DATABASE {} removes it, ALTER DATABASE {0} RENAME TO ... lets it be dumped again",
            quote_identifier(&name)
        );
    }
    let mut databases = found.open;
    if ask(server, &maintenance, HAS_TEMPLATE1, stop)? && is_changed(server, stop) {
        databases.push("template1".to_owned());
    }
    Ok(databases)
}

fn is_changed(server: &Server, stop: Stop) -> bool {
    ask(server, "template1", IS_CHANGED, stop).unwrap_or_else(|error| {
        log::warn!(
            "cannot see whether template1 was changed, so it is dumped (--exclude template1 leaves it out): {error:#}"
        );
        true
    })
}

pub(super) fn ask<T: DeserializeOwned>(
    server: &Server,
    database: &str,
    query: &str,
    stop: Stop,
) -> Result<T> {
    let answer = server.ask(database, query, stop);
    let answer = answer.context("cannot read PostgreSQL's catalogue")?.answer;
    Ok(serde_json::from_value(answer)?)
}

pub(super) type ConnectedServer = (String, String, ServerFacts);

/// Connects to a database. Returns the database, the location of the server, and facts about the
/// server.
pub(super) fn connect(server: &Server, database: &str, stop: Stop) -> Result<ConnectedServer> {
    let answer = server.ask(database, catalogue::SERVER, stop);
    judge_connection(server, database, answer, stop)
}

/// Connects to a database, as [`connect`], by a session that stays open. Returns the session too.
pub(super) fn connect_session(
    server: &Server,
    database: &str,
    stop: Stop,
) -> Result<(Session, ConnectedServer)> {
    let mut session = Session::start(server, database, stop)?;
    let answer = session.ask_with_location(catalogue::SERVER);
    Ok((session, judge_connection(server, database, answer, stop)?))
}

fn judge_connection(
    server: &Server,
    database: &str,
    answer: Result<ConnectionReport>,
    stop: Stop,
) -> Result<ConnectedServer> {
    let connection = answer
        .map_err(|error| server.explain(error, database, stop))
        .with_context(|| format!("cannot connect to {}", server.url().with_database(database)))?;
    let facts = serde_json::from_value(connection.answer)?;
    Ok((database.to_owned(), connection.location, facts))
}

/// Connects to the first maintenance database that accepts the connection, except for `but`.
pub(super) fn connect_anywhere(
    server: &Server,
    but: Option<&str>,
    stop: Stop,
) -> Result<ConnectedServer> {
    let mut first = None;
    for database in MAINTENANCE.into_iter().filter(|name| Some(*name) != but) {
        match connect(server, database, stop) {
            Ok(connected) => return Ok(connected),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.context("no maintenance database")?)
}
