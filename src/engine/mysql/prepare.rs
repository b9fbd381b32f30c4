//! Prepares a throwaway server for a dump, and reads what was restored there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use anyhow::{Context, Result};
use serde_json::Value;

use super::server::{Server, quote_identifier, quote_literal};
use super::settings::DatabaseSettings;
use super::storage_engines::PLUGINS;
use crate::child::Child;
use crate::engine::feed::finish;
use crate::header::Header;
use crate::stop::Stop;

/// The authentication plugins that users may log in with.
const LOGINS: [&str; 4] = ["auth_ed25519", "auth_gssapi", "auth_pam", "auth_parsec"];

/// Installs the authentication plugins that this machine has.
///
/// # Errors
/// When the deadline has passed or a signal was received.
pub(super) fn install_logins(server: &Server, stop: Stop) -> Result<()> {
    LOGINS
        .iter()
        .try_for_each(|file| install(server, file, stop))
}

/// Installs a plugin. A failure is not an error here: the restore names the plugin that is not
/// installed.
fn install(server: &Server, file: &str, stop: Stop) -> Result<()> {
    if let Err(error) = server.ask(&format!("INSTALL SONAME {}", quote_literal(file)), stop) {
        log::debug!("{file}: {error:#}");
    }
    Ok(stop.check()?)
}

/// Fills the time zone tables with the SQL that `mariadb-tzinfo-to-sql` printed.
///
/// # Errors
/// When the server refuses the SQL.
pub(super) fn load_time_zones(server: &Server, script: &[u8], stop: Stop) -> Result<()> {
    let mut command = server.build_input_shell();
    command.arg("--").arg("mysql");
    let mut child = Child::write_to(&mut command, server.shell.program, stop)?;
    let fed = child.write_all(script);
    finish(child, fed, stop).context("the time zones cannot be loaded")
}

/// Installs the storage engines and creates the users that the dump needs. They belong to the
/// dumped server, not to the dump.
///
/// # Errors
/// When the server refuses to create a user, or when the header lacks the database's settings.
pub(super) fn prepare(server: &Server, header: &Header, stop: Stop) -> Result<()> {
    let settings = Value::Object(header.facts.settings.clone());
    let settings: DatabaseSettings = serde_json::from_value(settings)
        .context("the dump's header lacks the database's settings")?;
    for (engine, file) in PLUGINS {
        if settings.engines.contains(engine) {
            install(server, file, stop)?;
        }
    }
    let there = "SELECT IF(host = '', user, CONCAT(user, '@', host)) FROM mysql.user";
    let there: BTreeSet<_> = server.query_column(there, stop)?.into_iter().collect();
    for account in settings.definers.difference(&there) {
        let create = match account.rsplit_once('@') {
            Some((user, host)) => {
                let (user, host) = (quote_identifier(user), quote_identifier(host));
                // Nothing runs as this user while the dump is loaded and its rows are counted.
                format!("CREATE USER {user}@{host}")
            }
            None => format!("CREATE ROLE {}", quote_identifier(account)),
        };
        server.ask(&create, stop)?;
    }
    Ok(())
}

/// Returns the number of rows of each table, or `None` for a table whose rows cannot be counted.
///
/// # Errors
/// When the list of tables cannot be read.
pub(super) fn count_rows(
    server: &Server,
    database: &str,
    stop: Stop,
) -> Result<BTreeMap<String, Option<u64>>> {
    let tables = server.query_column(
        &format!(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = {}
             AND table_type NOT IN ('VIEW', 'SEQUENCE') ORDER BY 1",
            quote_literal(database)
        ),
        stop,
    )?;
    let mut all = BTreeMap::new();
    for table in tables {
        let (database, name) = (quote_identifier(database), quote_identifier(&table));
        let count = server.query_column(&format!("SELECT count(*) FROM {database}.{name}"), stop);
        stop.check()?;
        let count = count.ok().and_then(|rows| rows.first()?.parse().ok());
        all.insert(table, count);
    }
    Ok(all)
}
