//! Restores a dump into a database. The server cannot rename a database, so a dump that is to
//! replace a database is first loaded into a scratch database, to check that it can be loaded.

use std::collections::BTreeSet;
use std::fs::File;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::catalogue;
use super::error::{self, TABLE_ACCESS_DENIED};
use super::fill::Empty;
use super::load::{DumpLoad, describe};
use super::move_tables::MovableTables;
use super::new_database::NewDatabase;
use super::replace::{OldDatabase, UNTOUCHED};
use super::restore_lock::RestoreLock;
use super::script::created::CreatedObjects;
use super::server::{Server, quote_identifier};
use super::settings::{DatabaseSettings, PLAIN_STRINGS};
use super::{fill, leftovers};
use crate::engine::access::Access;
use crate::engine::leftover;
use crate::engine::load::{ExistingDatabase, LoadOptions, LoadResult};
use crate::engine::missing::MissingRequirements;
use crate::header::Header;
use crate::progress;
use crate::secret::Secret;
use crate::stop::Stop;
use crate::url::Url;

/// Restores a dump into the database `name`.
///
/// # Errors
/// The reason why the dump cannot be restored. An existing database is then as it was before, or
/// restored from the dump that was made of it first.
pub fn run(
    dump: &File,
    header: &Header,
    (url, password): (&Url, Option<&Secret>),
    name: &str,
    mut options: LoadOptions<'_>,
    access: &Access,
) -> Result<LoadResult> {
    let stop = access.deadline;
    let mut server = Server::new(url, password, stop)?;
    let settings = Value::Object(header.facts.settings.clone());
    let settings: DatabaseSettings = serde_json::from_value(settings)
        .context("the dump's header lacks the database's settings")?;
    let version = server.connect(stop)?;
    let _lock = RestoreLock::take(&server, name, stop)?;
    let databases = catalogue::list_databases(&server, stop)?;
    let exists = databases.contains(&name.to_owned());
    let fills = exists && matches!(options.existing, ExistingDatabase::Fill);
    ensure!(
        fills || options.existing.replaces() || !exists,
        "the database {name} exists; --replace dumps it first and then replaces it, --into-empty loads into it if it is empty"
    );
    warn_of_another_server(&header.engine_version, &version);
    leftovers::remove(&server, name, &databases, stop);
    if exists && let ExistingDatabase::Save(save) = &mut options.existing {
        save.prepare()?;
    }
    check_target(&server, &settings, &options, stop)?;
    if let Some(columns) = describe(&settings.inexact) {
        log::warn!(
            "values in these columns are not, or may not be, what the database had when it was dumped: {columns}"
        );
    }
    if let Some(lacking) = describe(&settings.lacking) {
        log::warn!("the dump lacks what could not be read when the database was saved: {lacking}");
    }
    let own = header.identity.database.as_deref();
    let loading = DumpLoad {
        server: &server,
        own: own.context("the dump's header names no database")?,
        keep_going: options.keep_going,
        no_owner: options.no_owner,
        stop,
    };
    if fills {
        fill::check(&server, name, stop)?;
        let empty = Empty {
            server: &server,
            name,
            settings: catalogue::read_settings(&server, name, stop)?,
            dumped: &header.facts.tables,
        };
        let mut created = CreatedObjects::new()?;
        let loaded = loading.fill(dump, name, &mut created);
        let failed = loaded.map_err(|error| empty.undo(&created, error))?;
        set_defaults(&server, name, &settings, stop);
        return Ok(LoadResult::new(None, failed));
    }
    if !exists {
        let new = NewDatabase::create(&server, name, &settings, stop)?;
        let failed = loading.load(dump, name)?;
        new.keep();
        return Ok(LoadResult::new(None, failed));
    }

    let scratch = NewDatabase::create(&server, &make_new_name(name), &settings, stop)?;
    progress::begin_phase("loading into a scratch database");
    let rehearsed =
        loading
            .rehearse(dump, &scratch.name, name)
            .and_then(|can_move| match can_move {
                true => MovableTables::list(&server, &scratch.name, stop),
                false => Ok(None),
            });
    let tables = rehearsed.context(UNTOUCHED)?;
    // Where its tables cannot be moved, the scratch database is dropped now, for its disk space.
    let scratch = tables.map(|tables| (scratch, tables));
    let loaded = scratch
        .as_ref()
        .map(|(scratch, tables)| (scratch.name.as_str(), tables));
    let old = OldDatabase {
        server: &server,
        loading: &loading,
        name,
        settings: catalogue::read_settings(&server, name, stop)?,
        access,
    };
    let save = match options.existing {
        ExistingDatabase::Save(save) => Some(save),
        _ => None,
    };
    old.replace_with(dump, &settings, (url, password), save, loaded)
}

/// Sets the defaults of a filled database to those of the dumped one, and warns if the user may
/// not.
fn set_defaults(server: &Server, name: &str, settings: &DatabaseSettings, stop: Stop) {
    let alter = format!(
        "{PLAIN_STRINGS}; ALTER DATABASE {} {}",
        quote_identifier(name),
        settings.options()
    );
    if let Err(error) = server.ask(&alter, stop) {
        log::warn!("the database {name} keeps its own default character set: {error:#}");
    }
}

/// Warns if the server is older than the dumped one or has another maker. Such a server refuses
/// what it does not understand only while the dump is loaded.
fn warn_of_another_server(dumped: &str, here: &str) {
    let series = |version: &str| -> Vec<u32> {
        let numbers = version.split(|c: char| !c.is_ascii_digit()).take(2);
        numbers.map(|number| number.parse().unwrap_or(0)).collect()
    };
    let is_mariadb = |version: &str| version.contains("MariaDB");
    if is_mariadb(dumped) != is_mariadb(here) {
        log::warn!("the dump is of {dumped} and the server is {here}, another product");
    } else if series(dumped) > series(here) {
        log::warn!("the dump is of {dumped} and the server is {here}, which is older");
    }
}

/// Reports at once everything that the dump needs and the server lacks. Missing definers alone are
/// no reason to refuse a dump: the objects they define can be loaded, and the dumped database may
/// have lacked the definers too.
fn check_target(
    server: &Server,
    settings: &DatabaseSettings,
    options: &LoadOptions<'_>,
    stop: Stop,
) -> Result<()> {
    let mut lacking = Vec::new();
    let missing = |wanted: &BTreeSet<String>, query: &str| -> Result<Vec<String>> {
        let known: BTreeSet<_> = server.query_column(query, stop)?.into_iter().collect();
        Ok(wanted.difference(&known).cloned().collect())
    };
    let mut need = |what: &str, wanted: &BTreeSet<String>, query: &str| -> Result<()> {
        let missing = missing(wanted, query)?;
        if !missing.is_empty() {
            lacking.push(format!("{what} {}", missing.join(", ")));
        }
        Ok(())
    };
    let accounts = "SELECT IF(host = '', user, CONCAT(user, '@', host)) FROM mysql.user";
    let definers = match missing(&settings.definers, accounts) {
        _ if options.no_owner => Vec::new(),
        // A user with privileges on one database only may not read this table. The server then
        // reports what it refuses.
        Err(error) if error::find_number(&error) == Some(TABLE_ACCESS_DENIED) => Vec::new(),
        definers => definers?,
    };
    need(
        "the storage engines",
        &settings.engines,
        "SELECT engine FROM information_schema.engines WHERE support IN ('YES', 'DEFAULT')",
    )?;
    let mut collations = settings.collations.clone();
    collations.insert(settings.collation.clone());
    need(
        "the collations",
        &collations,
        choose_collation_query(server, stop)?,
    )?;
    if !definers.is_empty() {
        let definers = format!("the users (definers) {}", definers.join(", "));
        if lacking.is_empty() {
            log::warn!(
                "the server {} lacks {definers}; views, routines, triggers and events of theirs fail until those users exist",
                server.url()
            );
        } else {
            lacking.insert(0, definers);
        }
    }
    if !lacking.is_empty() {
        let missing = MissingRequirements {
            server: server.url().to_string(),
            needs: lacking,
        };
        if !options.keep_going {
            return Err(missing.into());
        }
        log::warn!("{missing}");
    }
    Ok(())
}

/// Returns the query for the collations by the names that tables use. Since MariaDB 10.10 some
/// collations are listed without their character set, such as `uca1400_ai_ci`; a separate view
/// lists them with it.
fn choose_collation_query(server: &Server, stop: Stop) -> Result<&'static str> {
    let named_in_full = server.query_column(
        "SELECT 1 FROM information_schema.columns WHERE table_schema = 'information_schema'
         AND table_name = 'COLLATION_CHARACTER_SET_APPLICABILITY'
         AND column_name = 'FULL_COLLATION_NAME'",
        stop,
    )?;
    if named_in_full.is_empty() {
        return Ok("SHOW COLLATION");
    }
    Ok("SELECT full_collation_name FROM information_schema.collation_character_set_applicability")
}

fn make_new_name(name: &str) -> String {
    leftover::make_name(name, "restoring", leftovers::LONGEST_NAME)
}
