//! Loading a dump into a server: always into a new database, which gets its name when all is
//! well.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::catalogue::{self, Settings};
use super::fresh::New;
use super::load::load;
use super::reach::ask;
use super::server::{Server, literal};
use super::target::Into;
use super::{parallel, swap};
use crate::engine::access::Access;
use crate::engine::missing::Missing;
use crate::engine::source::Save;
use crate::header::Header;
use crate::name::Format;
use crate::read::read_whole;

/// Restores a dump into the database `name`. Where the replaced database's dump is, if there was
/// one.
///
/// # Errors
/// Whatever keeps it from being restored; what was there is then as it was.
pub fn run(
    dump: &File,
    header: &Header,
    server: &Server,
    name: &str,
    save: Option<Save<'_>>,
    access: &Access,
) -> Result<Option<PathBuf>> {
    let settings = Value::Object(header.facts.settings.clone());
    let settings: Settings = serde_json::from_value(settings)
        .context("the dump's header lacks the database's settings")?;
    let into = Into::connect(server, Some(name), access)?;
    let exists = into.target.databases.contains(name);
    ensure!(
        save.is_some() || !exists,
        "the database {name} exists; --replace dumps it first and then replaces it"
    );
    if exists {
        refuse_if_replicated(&into, name)?;
    }
    preflight(&into, header, &settings)?;

    let new = New::create(&into, name, &settings)?;
    match header.format {
        Format::Pgdump => parallel::load(&into, dump, header, &new.name)?,
        _ => load(&into, server.psql(&new.name), dump, |script| {
            read_whole(dump, into.stop, script).map(drop)
        })?,
    }
    into.execute(&settings.apply(&new.name), into.stop)
        .context("cannot give the new database its settings")?;
    into.stop.check()?;
    let saved = if let Some(save) = save.filter(|_| exists) {
        Some(swap::replace(&into, &new, name, save)?)
    } else {
        swap::name_new(&into, &new, name)?;
        None
    };
    new.keep();
    analyze(&into, name);
    Ok(saved)
}

fn refuse_if_replicated(into: &Into<'_>, name: &str) -> Result<()> {
    let query = catalogue::replication(&literal(name));
    let found: Vec<String> = ask(into.server, &into.maintenance, &query, into.stop)?;
    ensure!(
        found.is_empty(),
        "the database {name} cannot be replaced while it has {}; drop {} first",
        found.join(", "),
        if found.len() == 1 { "it" } else { "them" }
    );
    Ok(())
}

/// Names at once all that the dump needs and the server lacks.
fn preflight(into: &Into<'_>, header: &Header, settings: &Settings) -> Result<()> {
    let target = &into.target;
    let mut lacking = Vec::new();
    let mut need =
        |kind: &str, names: &mut dyn Iterator<Item = &str>, has: &dyn Fn(&str) -> bool| {
            let mut missing: Vec<_> = names.filter(|name| !has(name)).collect();
            missing.sort_unstable();
            missing.dedup();
            if !missing.is_empty() {
                lacking.push(format!("{kind} {}", missing.join(", ")));
            }
        };
    need("the roles", &mut settings.all_roles(), &|name| {
        target.roles.contains(name)
    });
    need(
        "the extensions",
        &mut settings.extensions.iter().map(String::as_str),
        &|name| target.extensions.contains(name),
    );
    let spaces = settings.tablespaces.iter().chain([&settings.tablespace]);
    need(
        "the tablespaces",
        &mut spaces.map(String::as_str),
        &|name| target.tablespaces.contains(name),
    );
    need(
        "the collations",
        &mut settings.collations.iter().map(String::as_str),
        &|name| target.collations.contains(name),
    );
    let major = into.facts.major;
    match settings.locale_provider.as_deref() {
        Some("i") if major < 15 => lacking.push("ICU as a database's locale provider (15)".into()),
        Some("b") if major < 17 => lacking.push("the builtin locale provider (17)".into()),
        _ => {}
    }
    if header.format == Format::Pgdump {
        lacking.extend(parallel::lacking(header, into.stop)?);
    }
    if !lacking.is_empty() {
        return Err(Missing {
            server: into.server.url().to_string(),
            needs: lacking,
        }
        .into());
    }
    let dumped: u32 = header
        .engine_version
        .split('.')
        .next()
        .unwrap_or("")
        .parse()
        .unwrap_or(0);
    if dumped > major {
        log::warn!(
            "the dump is of PostgreSQL {}, newer than this server ({}); what it does not know will fail",
            header.engine_version,
            into.facts.version
        );
    }
    Ok(())
}

fn analyze(into: &Into<'_>, name: &str) {
    let analyze = ["ANALYZE".to_owned()];
    if let Err(error) = into.server.execute(name, &analyze, into.stop) {
        log::warn!("{name} was restored, but ANALYZE failed: {error:#}");
    }
}
