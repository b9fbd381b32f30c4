//! Loads a dump into a database that has its final name from the start. `pg_cron` needs this: it
//! exists only in the database that a setting of the server names.
//!
//! Meanwhile the database is empty or half loaded. It is marked as such, so that no dump of it is
//! made, and accepts only sessions of superusers. The mark, which only a superuser can set, stays if the
//! restore is killed.

use std::fs::File;

use anyhow::{Result, bail, ensure};

use super::catalogue::DatabaseSettings;
use super::fresh::NewDatabase;
use super::leftovers::write_undo;
use super::load::Scope;
use super::load_database::{apply_settings, load_database};
use super::settings::LOADING;
use super::sql::{quote_identifier, quote_literal};
use super::target::TargetServer;
use crate::engine::load::Failure;
use crate::header::Header;

/// The beginning of `pg_cron`'s error in a database with another name than it is configured for.
/// The name follows.
const OWN_NAME: &str = "can only create extension in database ";
/// What follows the name in an error.
const AFTER_NAME: [&str; 3] = ["; ", " (", "\n"];

/// Returns true if an extension was refused because it can exist only in the database `name`, which
/// is not called that yet.
///
/// # Errors
/// When an extension can exist only in another database, or under a name that only a superuser can
/// load it under, and the restore does not keep going.
pub(super) fn insists_on_name(
    target: &TargetServer<'_>,
    loaded: &Result<Vec<Failure>>,
    name: &str,
) -> Result<bool> {
    let refusals: Vec<String> = match loaded {
        Ok(failed) => failed.iter().map(|failure| failure.error.clone()).collect(),
        Err(error) => vec![format!("{error:#}")],
    };
    let mut refusals = refusals.iter().filter_map(|said| said.split_once(OWN_NAME));
    let Some((_, said)) = refusals.next() else {
        return Ok(false);
    };
    let is_followed =
        |rest: &str| rest.is_empty() || AFTER_NAME.iter().any(|after| rest.starts_with(after));
    let is_named = said.strip_prefix(name).is_some_and(is_followed);
    if is_named && target.facts.is_superuser {
        return Ok(true);
    }
    if loaded.is_ok() {
        return Ok(false); // The extension is one of the objects that failed.
    }
    ensure!(
        !is_named,
        "the dump has an extension that can exist only in a database with the name {name}, and only a superuser can load a dump under this name; restore it as a superuser, or with --keep-going without the extension"
    );
    let ends = AFTER_NAME.iter().filter_map(|after| said.find(after));
    let needed = &said[..ends.min().unwrap_or(said.len())];
    bail!(
        "the dump has an extension that can exist only in the database {needed} of this server, and not in {name}; restore the dump into {needed}, or with --keep-going without the extension"
    )
}

/// Creates the database `name` and loads the dump into it. The database that had this name is called
/// `old` meanwhile, if there is one. Returns the objects that failed.
///
/// # Errors
/// The reason why the dump cannot be loaded. The database is then gone again.
pub(super) fn load_under_own_name(
    target: &TargetServer<'_>,
    name: &str,
    old: Option<&str>,
    dump: &File,
    header: &Header,
    settings: &DatabaseSettings,
) -> Result<Vec<Failure>> {
    // If this program is killed, the database is empty, and not a part of the dump.
    let scope = Scope::OneTransaction;
    let new = NewDatabase::create_closed(target, name.to_owned(), settings)?;
    let database = quote_identifier(name);
    // Only a superuser is let in beyond the limit.
    let marked = [
        format!(
            "ALTER DATABASE {database} SET {LOADING} TO {}",
            quote_literal(old.unwrap_or_default())
        ),
        format!("ALTER DATABASE {database} CONNECTION LIMIT 0"),
        format!("ALTER DATABASE {database} ALLOW_CONNECTIONS true"),
    ];
    target.execute(&marked, target.stop)?;
    let mut failed = load_database(target, name, dump, header, scope)?;
    failed.extend(apply_settings(target, settings, name, name)?);
    target.stop.check()?;
    target.execute(
        &[format!("ALTER DATABASE {database} RESET {LOADING}")],
        target.stop,
    )?;
    new.keep();
    Ok(failed)
}

/// Returns the query for the mark of the database `name`, or null if it has none.
pub(super) fn mark_of(name: &str) -> String {
    format!(
        "SELECT coalesce(to_json((SELECT split_part(set, '=', 2)
            FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase, unnest(setconfig) AS set
            WHERE datname = {} AND setrole = 0 AND split_part(set, '=', 1) = '{LOADING}')), 'null')",
        quote_literal(name)
    )
}

/// Refuses the database `name` if it has a mark.
///
/// # Errors
/// When it is being loaded under its final name, or a killed restore left it. The error says how to
/// get the old one back.
pub(super) fn refuse_marked(name: &str, mark: Option<&str>) -> Result<()> {
    match mark {
        Some(old) => bail!(describe(name, old)),
        None => Ok(()),
    }
}

/// Returns the error about the half loaded database `name`.
fn describe(name: &str, old: &str) -> String {
    let way = if old.is_empty() {
        format!("DROP DATABASE {}", quote_identifier(name))
    } else {
        format!(
            "the old database, which is called {old}, comes back by {}",
            write_undo(old, name)
        )
    };
    format!(
        "the database {name} is not whole: a restore into it is running or was killed; if none is running, {way}"
    )
}
