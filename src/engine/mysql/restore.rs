//! Loading a dump into a database. One cannot be renamed here, so a dump that is to replace a
//! database is first loaded into another one, to see that it can be.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::catalogue;
use super::load::{Loading, shown};
use super::replace::Old;
use super::server::{Server, identifier};
use super::settings::Settings;
use crate::engine::access::Access;
use crate::engine::missing::Missing;
use crate::engine::source::Save;
use crate::header::Header;
use crate::secret::Secret;
use crate::stop::Stop;
use crate::url::Url;

const LONGEST_NAME: usize = 64; // characters

/// Restores a dump into the database `name`. Where the replaced database's dump is, if there was
/// one.
///
/// # Errors
/// Whatever keeps it from being restored; what was there is then as it was, or restored from its
/// dump.
pub fn run(
    dump: &File,
    header: &Header,
    (url, password): (&Url, Option<&Secret>),
    name: &str,
    save: Option<Save<'_>>,
    access: &Access,
) -> Result<Option<PathBuf>> {
    let stop = access.deadline;
    let mut server = Server::new(url, password, stop)?;
    let settings = Value::Object(header.facts.settings.clone());
    let settings: Settings = serde_json::from_value(settings)
        .context("the dump's header lacks the database's settings")?;
    let version = server.meet(stop)?;
    let exists = catalogue::databases(&server, stop)?.contains(&name.to_owned());
    ensure!(
        save.is_some() || !exists,
        "the database {name} exists; --replace dumps it first and then replaces it"
    );
    warn_of_another_server(&header.engine_version, &version);
    preflight(&server, &settings, stop)?;
    if let Some(columns) = shown(&settings.inexact) {
        log::warn!(
            "values in these columns are not, or may not be, what the database had when it was dumped: {columns}"
        );
    }
    let own = header.identity.database.as_deref();
    let loading = Loading {
        server: &server,
        own: own.context("the dump's header names no database")?,
        stop,
    };
    let Some(save) = save.filter(|_| exists) else {
        let new = New::create(&server, name, &settings, stop)?;
        loading.load(dump, name)?;
        new.keep();
        return Ok(None);
    };

    let scratch = New::create(&server, &beside(name), &settings, stop)?;
    let rehearsed = loading.rehearse(dump, &scratch.name, name);
    rehearsed.context("the old database is as it was")?;
    drop(scratch);
    let old = Old {
        server: &server,
        own: loading.own,
        name,
        settings: catalogue::settings(&server, name, stop)?,
        access,
    };
    old.replace_with(dump, &settings, (url, password), save)
        .map(Some)
}

/// What an older server, or another maker's, does not understand it refuses only while it loads.
fn warn_of_another_server(dumped: &str, here: &str) {
    let series = |version: &str| -> Vec<u32> {
        let numbers = version.split(|c: char| !c.is_ascii_digit()).take(2);
        numbers.map(|number| number.parse().unwrap_or(0)).collect()
    };
    let is_mariadb = |version: &str| version.contains("MariaDB");
    if is_mariadb(dumped) != is_mariadb(here) {
        log::warn!("the dump is of {dumped} and the server is {here}, another maker's");
    } else if series(dumped) > series(here) {
        log::warn!("the dump is of {dumped} and the server is {here}, which is older");
    }
}

/// Names at once all that the dump needs and the server lacks. Missing definers alone are no reason
/// to refuse a dump: what they define can be loaded, and its database may have lacked them too.
fn preflight(server: &Server, settings: &Settings, stop: Stop) -> Result<()> {
    let mut lacking = Vec::new();
    let missing = |wanted: &BTreeSet<String>, query: &str| -> Result<Vec<String>> {
        let known: BTreeSet<_> = server.column(query, stop)?.into_iter().collect();
        Ok(wanted.difference(&known).cloned().collect())
    };
    let mut need = |what: &str, wanted: &BTreeSet<String>, query: &str| -> Result<()> {
        let missing = missing(wanted, query)?;
        if !missing.is_empty() {
            lacking.push(format!("{what} {}", missing.join(", ")));
        }
        Ok(())
    };
    let definers = missing(
        &settings.definers,
        "SELECT IF(host = '', user, CONCAT(user, '@', host)) FROM mysql.user",
    )?;
    need(
        "the storage engines",
        &settings.engines,
        "SELECT engine FROM information_schema.engines WHERE support IN ('YES', 'DEFAULT')",
    )?;
    let mut collations = settings.collations.clone();
    collations.insert(settings.collation.clone());
    need("the collations", &collations, collations_of(server, stop)?)?;
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
        return Err(Missing {
            server: server.url().to_string(),
            needs: lacking,
        }
        .into());
    }
    Ok(())
}

/// The query for the collations as tables name them. Since MariaDB 10.10 some are listed without
/// their character set, as `uca1400_ai_ci`, and with it in a view of their own.
fn collations_of(server: &Server, stop: Stop) -> Result<&'static str> {
    let named_in_full = server.column(
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

/// A new database, dropped again unless all went well.
struct New<'a> {
    server: &'a Server,
    name: String,
    kept: bool,
}

impl<'a> New<'a> {
    fn create(server: &'a Server, name: &str, settings: &Settings, stop: Stop) -> Result<Self> {
        stop.check()?;
        // Killed, it might be created all the same, and stay.
        server
            .ask(&settings.create(name), Stop::cleaning_up())
            .context("cannot create a database to restore into")?;
        Ok(New {
            server,
            name: name.to_owned(),
            kept: false,
        })
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for New<'_> {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let drop = format!("DROP DATABASE IF EXISTS {}", identifier(&self.name));
        if let Err(error) = self.server.ask(&drop, Stop::cleaning_up()) {
            log::warn!("{} was not dropped: {error:#}", self.name);
        }
    }
}

fn beside(name: &str) -> String {
    let suffix = format!(
        ".restoring-{:x}-{:x}",
        crate::clock::now().as_second(),
        std::process::id()
    );
    let kept = LONGEST_NAME - suffix.len();
    let start: String = name.chars().take(kept).collect();
    format!("{start}{suffix}")
}
