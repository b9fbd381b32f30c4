//! Restores from a destination: downloads the newest good copy, verifies it whole, and loads it with the
//! code that loads any dump.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::catalogue::StoredCopy;
use super::encryption::Identities;
use super::fetch;
use super::location::Location;
use super::name::Folder;
use super::sidecar::Sidecar;
use super::verify::{explain_sidecar_error, is_damage};
use crate::clock;
use crate::engine::Source;
use crate::exit::UsageError;
use crate::header::{DumpKind, Header};
use crate::restore::{RestoreOptions, run_chosen};
use crate::retention::is_future;
use crate::stop::Stop;

/// Restores a copy into `target`: the named copy, else the newest good copy of the database. Returns the
/// number of objects that could not be restored.
///
/// # Errors
/// When no copy can be restored; the old database is then as it was.
pub fn restore(
    place: &Location,
    identities: Option<&Identities>,
    target: &dyn Source,
    options: &RestoreOptions,
) -> Result<usize> {
    let mut choose = |refused: &[PathBuf], stop: Stop| choose(place, identities, refused, stop);
    run_chosen(&mut choose, place.copy.is_some(), target, options)
}

fn choose(
    place: &Location,
    identities: Option<&Identities>,
    refused: &[PathBuf],
    stop: Stop,
) -> Result<(File, PathBuf, Header)> {
    let (folder, copies) = list_one_database(place, stop)?;
    for copy in &copies {
        let url = place.url_of(&folder, &copy.name);
        if refused.iter().any(|path| path == Path::new(&url)) {
            continue;
        }
        match get(place, &folder, copy, identities, stop) {
            Ok((file, header)) => {
                if place.copy.is_none() && is_future(header.time, clock::now()) {
                    log::warn!(
                        "{url} is dated after now; it is restored because no earlier copy is good"
                    );
                }
                return Ok((file, PathBuf::from(url), header));
            }
            Err(error) if is_damage(&error) && place.copy.is_none() => {
                log::warn!("{url} was skipped: {error:#}");
            }
            Err(error) => return Err(error.context(format!("{url} cannot be restored"))),
        }
    }
    bail!(
        "{} has no good copy of {}",
        place.destination,
        folder.name()
    )
}

/// Downloads a copy and verifies it whole.
///
/// # Errors
/// As [`fetch::fetch`].
pub(super) fn get(
    place: &Location,
    folder: &Folder,
    copy: &StoredCopy,
    identities: Option<&Identities>,
    stop: Stop,
) -> Result<(File, Header)> {
    let store = &*place.store;
    let content = match copy.kind {
        Some(kind) => {
            let sidecar = Sidecar::read(store, folder, &copy.name, kind, stop)
                .map_err(explain_sidecar_error)?;
            Some(sidecar.content())
        }
        // A named copy without a sidecar may be whole.
        None => None,
    };
    log::info!("downloading {}", place.url_of(folder, &copy.name));
    let (file, _, header) = fetch::fetch(store, folder, copy, content.as_ref(), identities, stop)?;
    Ok((file, header))
}

/// Returns the copies of the chosen database in the order in which a restore tries them: first the newest
/// that is not dated in the future.
///
/// # Errors
/// [`UsageError`] when the place has copies of several databases.
pub(super) fn list_one_database(place: &Location, stop: Stop) -> Result<(Folder, Vec<StoredCopy>)> {
    let mut all: Vec<_> = place.list_copies(stop)?.into_iter().collect();
    if place.copy.is_none() {
        for (_, copies) in &mut all {
            copies
                .stored
                .retain(|copy| copy.kind == Some(DumpKind::Regular));
        }
        all.retain(|(_, copies)| !copies.stored.is_empty());
    }
    if all.len() > 1 {
        let names: Vec<_> = all.iter().map(|(folder, _)| folder.to_string()).collect();
        let shown = place.destination.to_string();
        let has_plain = all.iter().any(|(folder, _)| folder.directory.is_none());
        let hint = match &place.database {
            Some(name) if has_plain => format!(" (--name {name}@ is the one without a directory)"),
            _ => String::new(),
        };
        return Err(UsageError::new(&format!(
            "{shown} has copies of {}; choose one with --host and --name{hint}",
            names.join(", ")
        ))
        .into());
    }
    let meant = place
        .database
        .as_ref()
        .map(|name| format!(" of {name}"))
        .unwrap_or_default();
    let (folder, copies) = all
        .pop()
        .with_context(|| format!("{} has no finished copy{meant}", place.destination))?;
    Ok((folder, sort_for_restore(copies.stored)))
}

/// Returns copies in the order in which a restore tries them.
pub(super) fn sort_for_restore(mut copies: Vec<StoredCopy>) -> Vec<StoredCopy> {
    let now = clock::now();
    copies.sort_by_key(|copy| {
        let is_ahead = is_future(copy.name.dump.time, now);
        (is_ahead, std::cmp::Reverse(copy.name.dump.key()))
    });
    copies
}
