//! Restoring for a look, into a server that nobody else uses.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use super::catalogue::Settings;
use super::server::{Server, identifier, literal};
use crate::header::Header;
use crate::stop::Stop;

/// Makes the users that a dump needs and that are its server's, not its own.
///
/// # Errors
/// When the server will not have them.
pub fn prepare(server: &Server, header: &Header, stop: Stop) -> Result<()> {
    let settings = Value::Object(header.facts.settings.clone());
    let settings: Settings = serde_json::from_value(settings)
        .context("the dump's header lacks the database's settings")?;
    let there = "SELECT IF(host = '', user, CONCAT(user, '@', host)) FROM mysql.user";
    let there: BTreeSet<_> = server.column(there, stop)?.into_iter().collect();
    for account in settings.definers.difference(&there) {
        let create = match account.rsplit_once('@') {
            Some((user, host)) => {
                let (user, host) = (identifier(user), identifier(host));
                let all = format!("GRANT ALL ON *.* TO {user}@{host}");
                format!("CREATE USER {user}@{host}; {all}")
            }
            None => format!("CREATE ROLE {}", identifier(account)),
        };
        server.ask(&create, stop)?;
    }
    Ok(())
}

/// The rows of each table, where they can be counted.
///
/// # Errors
/// When the database cannot be read.
pub fn rows(server: &Server, database: &str, stop: Stop) -> Result<BTreeMap<String, Option<u64>>> {
    let tables = server.column(
        &format!(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = {}
             AND table_type NOT IN ('VIEW', 'SEQUENCE') ORDER BY 1",
            literal(database)
        ),
        stop,
    )?;
    let mut all = BTreeMap::new();
    for table in tables {
        let (database, name) = (identifier(database), identifier(&table));
        let count = server.column(&format!("SELECT count(*) FROM {database}.{name}"), stop);
        stop.check()?;
        let count = count.ok().and_then(|rows| rows.first()?.parse().ok());
        all.insert(table, count);
    }
    Ok(all)
}
