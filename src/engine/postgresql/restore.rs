//! Restores a dump into a server. The dump is loaded into a new database, which gets its final name
//! after everything succeeded, or into an existing, empty one.

use std::fs::File;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::analyze::analyze;
use super::catalogue;
use super::catalogue::DatabaseSettings;
use super::fill::{self, FilledDatabase};
use super::fresh::NewDatabase;
use super::load::Scope;
use super::load_database::{apply_settings, load_database};
use super::own_name::{insists_on_name, load_under_own_name, mark_of, refuse_marked};
use super::reach::ask;
use super::server::Server;
use super::sql::quote_literal;
use super::target::TargetServer;
use super::{archive, leftovers, swap};
use crate::engine::access::Access;
use crate::engine::load::{ExistingDatabase, LoadOptions, LoadResult};
use crate::engine::missing::MissingRequirements;
use crate::header::Header;
use crate::name::Format;

/// Restores a dump into the database `name`.
///
/// # Errors
/// The reason why the dump cannot be restored. An existing database is then as it was before.
pub fn run(
    dump: &File,
    header: &Header,
    server: &Server,
    name: &str,
    mut options: LoadOptions<'_>,
    access: &Access,
) -> Result<LoadResult> {
    let settings = Value::Object(header.facts.settings.clone());
    let settings: DatabaseSettings = serde_json::from_value(settings)
        .context("the dump's header lacks the database's settings")?;
    let target = TargetServer::connect(server, Some(name), &options, access)?;
    let exists = target.objects.databases.contains(name);
    let mark: Option<String> = ask(server, &target.maintenance, &mark_of(name), target.stop)?;
    refuse_marked(name, mark.as_deref())?;
    if exists && matches!(options.existing, ExistingDatabase::Fill) {
        check_target(&target, header, &settings)?;
        let filled = FilledDatabase::take(&target, name, &settings)?;
        let scope = Scope::OneTransaction;
        let loaded = load_database(&target, name, dump, header, scope);
        let failed = loaded.map_err(|error| filled.explain(error))?;
        fill::set_parameters(&target, name, &settings);
        analyze(&target, name);
        return Ok(LoadResult::new(None, failed));
    }
    ensure!(
        options.existing.replaces() || !exists,
        "the database {name} exists; --replace dumps it first and then replaces it, --into-empty loads into it if it is empty"
    );
    leftovers::remove(&target, name);
    if exists {
        refuse_if_replicated(&target, name)?;
        if let ExistingDatabase::Save(save) = &mut options.existing {
            save.prepare()?;
        }
    }
    check_target(&target, header, &settings)?;

    let scope = Scope::EachStatement;
    let new = NewDatabase::create(&target, name, &settings)?;
    let data = load_database(&target, &new.name, dump, header, scope);
    if insists_on_name(&target, &data, name)? {
        drop(new);
        log::info!(
            "an extension needs a database with the name {name}; the dump is loaded again, into that database"
        );
        let load =
            |old: Option<&str>| load_under_own_name(&target, name, old, dump, header, &settings);
        let (saved, failed) = match options.existing {
            ExistingDatabase::Save(save) if exists => {
                swap::replace_under_own_name(&target, name, Some(save), load)?
            }
            ExistingDatabase::Lose if exists => {
                swap::replace_under_own_name(&target, name, None, load)?
            }
            _ => (None, load(None)?),
        };
        analyze(&target, name);
        return Ok(LoadResult::new(saved, failed));
    }
    let mut failed = data?;
    failed.extend(apply_settings(&target, &settings, &new.name, name)?);
    target.stop.check()?;
    let saved = match options.existing {
        ExistingDatabase::Save(save) if exists => swap::replace(&target, &new, name, Some(save))?,
        ExistingDatabase::Lose if exists => swap::replace(&target, &new, name, None)?,
        _ => {
            swap::name_new(&target, &new, name)?;
            None
        }
    };
    new.keep();
    analyze(&target, name);
    Ok(LoadResult::new(saved, failed))
}

fn refuse_if_replicated(target: &TargetServer<'_>, name: &str) -> Result<()> {
    let query = catalogue::query_replication(&quote_literal(name));
    let found: Vec<String> = ask(target.server, &target.maintenance, &query, target.stop)?;
    ensure!(
        found.is_empty(),
        "the database {name} cannot be replaced while it has {}; drop {} first",
        found.join(", "),
        if found.len() == 1 { "it" } else { "them" }
    );
    Ok(())
}

/// Reports at once everything that the dump needs and the server lacks.
fn check_target(
    target: &TargetServer<'_>,
    header: &Header,
    settings: &DatabaseSettings,
) -> Result<()> {
    settings.check()?;
    let objects = &target.objects;
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
    if !target.no_owner {
        need("the roles", &mut settings.all_roles(), &|name| {
            objects.roles.contains(name)
        });
    }
    need(
        "the extensions",
        &mut settings.extensions.iter().map(String::as_str),
        &|name| objects.extensions.contains(name),
    );
    let spaces = settings.tablespaces.iter().chain([&settings.tablespace]);
    need(
        "the tablespaces",
        &mut spaces.map(String::as_str),
        &|name| objects.tablespaces.contains(name),
    );
    need(
        "the collations",
        &mut settings.collations.iter().map(String::as_str),
        &|name| objects.collations.contains(name),
    );
    let major = target.facts.major;
    match settings.locale_provider.as_deref() {
        Some("i") if major < 15 => lacking.push("ICU as a database's locale provider (15)".into()),
        Some("b") if major < 17 => lacking.push("the builtin locale provider (17)".into()),
        _ => {}
    }
    if header.format == Format::Pgdump {
        lacking.extend(archive::find_missing_version(header, target.stop)?);
    }
    if !lacking.is_empty() {
        let missing = MissingRequirements {
            server: target.server.url().to_string(),
            needs: lacking,
        };
        if !target.keep_going {
            return Err(missing.into());
        }
        log::warn!("{missing}");
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
            "the dump is of PostgreSQL {}, newer than this server ({}); what this server does not know will fail",
            header.engine_version,
            target.facts.version
        );
    }
    Ok(())
}
