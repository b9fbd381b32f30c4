//! Loads a dump of either format into a database, and gives the database its settings.

use std::fs::File;

use anyhow::{Context, Result};

use super::archive::{load_by_pg_restore, write_sql};
use super::catalogue::DatabaseSettings;
use super::load::{Scope, load};
use super::script::RestrictMode;
use super::sql::quote_identifier;
use super::target::TargetServer;
use crate::engine::load::Failure;
use crate::header::Header;
use crate::name::Format;
use crate::read::read_whole;

/// Loads the dump into the database `name`. Returns the objects that failed, if failures do not end the
/// restore.
pub(super) fn load_database(
    target: &TargetServer<'_>,
    name: &str,
    dump: &File,
    header: &Header,
    scope: Scope,
) -> Result<Vec<Failure>> {
    let is_archive = header.format == Format::Pgdump;
    let is_ordinary = scope == Scope::EachStatement && !target.keep_going && !target.no_owner;
    // Such a psql gets no SQL without `\restrict`, which a `pg_restore` of its age does not write.
    if is_archive && is_ordinary && RestrictMode::detect(target)? == RestrictMode::Unknown {
        return load_by_pg_restore(target, name, dump).map(|()| Vec::new());
    }
    load(target, name, dump, scope, |script| {
        if is_archive {
            write_sql(dump, script, target.stop)
        } else {
            read_whole(dump, target.stop, script).map(drop)
        }
    })
}

/// Applies the settings to the new database, which will be called `name`. Returns the settings that
/// failed, if failures do not end the restore.
pub(super) fn apply_settings(
    target: &TargetServer<'_>,
    settings: &DatabaseSettings,
    new: &str,
    name: &str,
) -> Result<Vec<Failure>> {
    let statements = if target.no_owner {
        settings.apply_without_owner(new)
    } else {
        settings.apply(new)?
    };
    if !target.keep_going {
        let applied = target.execute(&statements, target.stop);
        applied.context("cannot give the new database its settings")?;
        return Ok(Vec::new());
    }
    let mut failed = Vec::new();
    for statement in statements {
        if let Err(error) = target.execute(std::slice::from_ref(&statement), target.stop) {
            target.stop.check()?;
            let shown = statement.replace(&quote_identifier(new), &quote_identifier(name));
            failed.push(Failure {
                object: format!("setting of the database ({shown})"),
                error: format!("{error:#}"),
            });
        }
    }
    Ok(failed)
}
