//! Restores everything that a directory holds of a server: first the server-wide objects, then each
//! database, then the grants on the databases' objects.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::choose::RequestedDump;
use super::database::{ReplaceMode, RestoreOptions, restore};
use crate::clock;
use crate::directory::Directory;
use crate::engine::Source;
use crate::exit::UsageError;
use crate::human::{self, escape};
use crate::identity::Identity;
use crate::series::Series;
use crate::stop::{self, Stopped};

/// Restores the newest good dump of each database into `server`. A failure does not stop the
/// others. Returns the number of databases and grants that failed.
///
/// # Errors
/// When the directory has no dump for the server, a signal stops the restore, or the server cannot
/// be reached for the grants. [`UsageError`] when two NAMEs hold dumps of one database.
pub(super) fn run(path: &Path, server: &dyn Source, options: &RestoreOptions) -> Result<usize> {
    let all = find_series(path, server)?;
    let mut options = options.clone();
    // A new server already has some databases, which are empty.
    if options.replace == ReplaceMode::No {
        options.replace = ReplaceMode::Empty;
    }
    let mut outcomes: Vec<(String, Result<usize, String>)> = Vec::new();
    let mut grants = Vec::new();
    for (name, identity) in all {
        let restored = find_part(server, &identity).and_then(|target| {
            let from = RequestedDump {
                path: path.to_owned(),
                name: Some(name.clone()),
            };
            let loaded = restore(
                &from,
                target.as_deref().unwrap_or(server),
                &options,
                &options.output.begin_access(),
            )?;
            for failure in &loaded.failed {
                log::error!("{name}: not restored: {failure}");
            }
            grants.extend(loaded.grants);
            let is_left_out = loaded.left_out.is_some();
            Ok((!is_left_out).then_some(loaded.failed.len()))
        });
        if let Some(signal) = stop::get_signal() {
            log_table(&outcomes);
            return Err(Stopped::Signal(signal).into());
        }
        if restored.is_err() {
            log::info!("{name} was not restored; the last lines say why");
        }
        if let Some(outcome) = restored.map_err(|error| format!("{error:#}")).transpose() {
            outcomes.push((name, outcome));
        }
    }
    let denied = server
        .grant(&grants, &options.output.begin_access())
        .inspect_err(|_| log_table(&outcomes))?;
    for failure in &denied {
        log::error!("not restored: {failure}");
    }
    log_table(&outcomes);
    let failed = outcomes.iter().filter(|(_, outcome)| *outcome != Ok(0));
    Ok(failed.count() + denied.len())
}

/// Returns the names and identities of the series that hold dumps for `server`, the server-wide
/// objects first. Warns if the dumps are of several servers.
///
/// # Errors
/// When there is no such series. [`UsageError`] when two series would be restored into one database.
fn find_series(path: &Path, server: &dyn Source) -> Result<Vec<(String, Identity)>> {
    let directory = Directory::open(path)?;
    let now = clock::now();
    let mut found = Vec::new();
    for series in Series::read_all(&directory, &directory.list_dumps()?) {
        let Some((_, header)) = series.restorable(now).next() else {
            log::warn!("{}: there is no dump to restore", series.name);
            continue;
        };
        if header.identity.engine == server.engine() {
            found.push((series.name.to_string(), header.identity.clone()));
        } else {
            log::info!(
                "{} is left out: its newest dump is of {}",
                series.name,
                header.identity
            );
        }
    }
    ensure!(
        !found.is_empty(),
        "{} holds no dump of {}",
        path.display(),
        server.kind()
    );
    found.sort_by_key(|(_, identity)| identity.database.is_some());
    refuse_two_of_one_database(path, &found)?;
    let locations: BTreeSet<_> = found.iter().map(|(_, of)| of.location.as_str()).collect();
    if locations.len() > 1 {
        let locations: Vec<_> = locations.into_iter().collect();
        log::warn!(
            "the dumps in {} are of several servers: {}",
            path.display(),
            locations.join(", ")
        );
    }
    Ok(found)
}

/// Checks that no two series hold dumps of databases with one name, or of the server-wide objects:
/// the second restore would add to the result of the first or replace it.
fn refuse_two_of_one_database(path: &Path, found: &[(String, Identity)]) -> Result<()> {
    let mut seen = HashMap::new();
    for (name, identity) in found {
        if let Some(other) = seen.insert(&identity.database, name) {
            let what = match &identity.database {
                Some(database) => format!("the database {}", escape(database)),
                None => "server-wide objects".to_owned(),
            };
            return Err(UsageError::new(&format!(
                "{other} and {name} in {} are both dumps of {what}; restore one database at a time with --name",
                path.display()
            ))
            .into());
        }
    }
    Ok(())
}

/// Returns the database of `server` that a dump with this identity is of, or `None` for the
/// server-wide objects.
fn find_part(
    server: &dyn Source,
    identity: &Identity,
) -> Result<Option<std::sync::Arc<dyn Source>>> {
    let Some(database) = &identity.database else {
        return Ok(None);
    };
    let target = server.with_database(database);
    target
        .map(Some)
        .with_context(|| format!("{server} has no databases"))
}

/// Logs the result of each database at the end of a restore of several databases.
fn log_table(outcomes: &[(String, Result<usize, String>)]) {
    let width = outcomes.iter().map(|(name, _)| name.chars().count());
    let width = width.max().unwrap_or(0);
    for (name, outcome) in outcomes {
        match outcome {
            Ok(0) => log::info!("{name:width$}  restored"),
            Ok(number) => log::error!(
                "{name:width$}  restored without {}",
                human::format_count(*number, "object")
            ),
            Err(error) => log::error!("{name:width$}  FAILED  {error}"),
        }
    }
}
