//! Putting a restored database in the place of an old one, which is dumped before it goes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use super::restore::{Into, New, beside, drop_database};
use super::server::{identifier, literal};
use super::{Postgresql, ask};
use crate::directory::Directory;
use crate::dump::Run;
use crate::name::Name;
use crate::source::Part;
use crate::stop::Stop;

/// How long sessions that come back at once are fought.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the old database's dump is.
pub(super) fn replace(into: &Into<'_>, new: &New<'_>, name: &str) -> Result<PathBuf> {
    let old = beside(name, "replaced");
    let limit = connection_limit(into, name)?;
    let swapped = exchange(into, name, &old, &new.name);
    if swapped.is_err() {
        let undo = [limit_connections(name, limit)];
        if let Err(error) = into.execute(&undo, Stop::cleaning_up()) {
            log::warn!("{name} still refuses connections: {error:#}");
        }
    }
    swapped.context("the old database is as it was")?;

    let saved = into
        .execute(&[limit_connections(&old, limit)], into.stop)
        .and_then(|()| save(into, name, &old));
    let saved = match saved {
        Ok(saved) => saved,
        Err(error) => {
            let back = exchange(into, name, &new.name, &old);
            return Err(match back {
                Ok(()) => error.context("the old database is as it was"),
                Err(undone) => error.context(format!(
                    "the old database is now called {old} and the restored one {name}, because renaming them back failed ({undone:#})"
                )),
            });
        }
    };
    let is_template = format!("ALTER DATABASE {} IS_TEMPLATE false", identifier(&old));
    let gone = into.execute(&[is_template, drop_database(into, &old)], into.stop);
    if let Err(error) = gone {
        log::warn!("the old database was dumped and replaced, but stays as {old}: {error:#}");
    }
    Ok(saved)
}

/// In one transaction `name` becomes `aside` and `coming` becomes `name`. Both renames need the
/// databases without sessions, so those are ended, and new ones of all but superusers refused.
fn exchange(into: &Into<'_>, name: &str, aside: &str, coming: &str) -> Result<()> {
    let stop = Stop::cleaning_up();
    into.execute(&[limit_connections(name, 0)], stop)?;
    let end_sessions = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname IN ({}, {}) AND pid <> pg_backend_pid()",
        literal(name),
        literal(coming)
    );
    let rename = |from: &str, to: &str| {
        format!(
            "ALTER DATABASE {} RENAME TO {}",
            identifier(from),
            identifier(to)
        )
    };
    let exchange = [
        end_sessions,
        "BEGIN".to_owned(),
        rename(name, aside),
        rename(coming, name),
        "COMMIT".to_owned(),
    ];
    let until = Instant::now() + PATIENCE;
    loop {
        match into.execute(&exchange, stop) {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() >= until => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

fn limit_connections(name: &str, limit: i64) -> String {
    format!(
        "ALTER DATABASE {} CONNECTION LIMIT {limit}",
        identifier(name)
    )
}

fn connection_limit(into: &Into<'_>, name: &str) -> Result<i64> {
    let name = literal(name);
    let query = format!("SELECT to_json(datconnlimit) FROM pg_database WHERE datname = {name}");
    let limit: Value = ask(into.server, &into.maintenance, &query, into.stop)?;
    limit.as_i64().context("the database is gone")
}

/// Dumps the old database, now called `old`, as what it was. Nothing is rotated out: the dump that
/// was restored may be the oldest.
fn save(into: &Into<'_>, name: &str, old: &str) -> Result<PathBuf> {
    let options = into.options;
    let directory = Directory::open_or_create(&options.to)?.lock()?;
    directory.remove_stale(options.timeout)?;
    let part = Part::Database(old.to_owned());
    let dumper = Postgresql::open(into.server, &part, options, into.stop);
    let dumped = dumper.and_then(|mut dumper| {
        dumper.identity.database = Some(name.to_owned());
        let called = Name::of_database(name.as_bytes()).context("it has no name")?;
        Run::new(&directory, options)?.dump(&called, &mut dumper, into.stop)
    });
    let dumped = dumped
        .context("the database to be replaced could not be dumped first (--to says where to)")?;
    Ok(directory.path_of(&dumped.name))
}
