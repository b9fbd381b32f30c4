//! Prepares a throwaway cluster for a dump, and reads what was restored there.

use std::collections::BTreeMap;
use std::fs::File;

use anyhow::{Context, Result};
use serde_json::Value;

use super::catalogue::{self, DatabaseSettings, TargetFacts};
use super::globals;
use super::left_out::Selected;
use super::reach::ask;
use super::server::Server;
use super::session::Session;
use super::snapshot::Snapshot;
use super::sql::quote_identifier;
use crate::engine::feed::read_list;
use crate::header::Header;
use crate::stop::Stop;

const MAINTENANCE: &str = "postgres";

/// Creates the roles and tablespaces that the dump needs. They belong to the dumped server, not to
/// the dump. The tablespaces lie within the data directory (`allow_in_place_tablespaces`).
///
/// # Errors
/// When the dump cannot be read, or when the server refuses to create a role or tablespace.
pub(super) fn prepare(server: &Server, header: &Header, dump: &File, stop: Stop) -> Result<()> {
    let target: TargetFacts = ask(server, MAINTENANCE, catalogue::TARGET, stop)?;
    let mut superusers = Vec::new();
    let (roles, tablespaces) = if header.identity.database.is_some() {
        let settings = read_settings(header)?;
        let roles: Vec<_> = settings.all_roles().map(str::to_owned).collect();
        superusers = settings.superusers.clone().unwrap_or_default();
        let mut tablespaces = settings.tablespaces.clone();
        tablespaces.push(settings.tablespace);
        (roles, tablespaces)
    } else {
        let script = read_list(dump, stop)?;
        (Vec::new(), globals::find_tablespaces(&script))
    };
    let missing = |mut names: Vec<String>, has: &dyn Fn(&String) -> bool| {
        names.retain(|name| !has(name));
        names.sort_unstable();
        names.dedup();
        names
    };
    let roles = missing(roles, &|name| target.roles.contains(name));
    let tablespaces = missing(tablespaces, &|name| target.tablespaces.contains(name));
    // Some objects, such as event triggers, can only belong to a superuser. No role may do here
    // what it may not do on the dumped server.
    let roles = roles.iter().map(|role| {
        let is_superuser = superusers.contains(role);
        let superuser = if is_superuser { " SUPERUSER" } else { "" };
        format!("CREATE ROLE {}{superuser}", quote_identifier(role))
    });
    let tablespaces = tablespaces
        .iter()
        .map(|space| format!("CREATE TABLESPACE {} LOCATION ''", quote_identifier(space)));
    let statements: Vec<_> = roles.chain(tablespaces).collect();
    if statements.is_empty() {
        return Ok(());
    }
    server.execute(MAINTENANCE, &statements, stop)
}

/// The content of a restored database.
#[derive(Debug)]
pub(super) struct RestoredTables {
    /// The number of rows of each table, or `None` for a table whose rows cannot be counted.
    pub(super) rows: BTreeMap<String, Option<u64>>,
    /// The extensions that the dump had and the restored database lacks.
    pub(super) lost_extensions: Vec<String>,
}

/// Reads the content of the restored database.
///
/// # Errors
/// When the database cannot be read.
pub(super) fn read_restored(
    server: &Server,
    database: &str,
    header: &Header,
    stop: Stop,
) -> Result<RestoredTables> {
    let nothing = Selected::default().oids();
    let mut now: Value = ask(server, database, &catalogue::query_settings(&nothing), stop)?;
    let names: Vec<String> = serde_json::from_value(now["table_names"].take())?;
    let session = Session::start(server, database, stop)?;
    let mut snapshot = Snapshot::take(session, None, nothing)?;
    snapshot.count(i64::MAX.unsigned_abs(), false)?;
    let rows = names.into_iter().map(|name| {
        let rows = snapshot.rows.get(&name).and_then(|rows| rows.exact());
        (name, rows)
    });
    let rows = rows.collect();
    let now: DatabaseSettings = serde_json::from_value(now)?;
    let mut lost_extensions = read_settings(header)?.extensions;
    lost_extensions.retain(|extension| !now.extensions.contains(extension));
    Ok(RestoredTables {
        rows,
        lost_extensions,
    })
}

fn read_settings(header: &Header) -> Result<DatabaseSettings> {
    let settings = Value::Object(header.facts.settings.clone());
    serde_json::from_value(settings).context("the dump's header lacks the database's settings")
}
