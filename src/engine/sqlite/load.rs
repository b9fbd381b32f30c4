//! Restores an image into a file.
//!
//! The restore writes the new database beside the target, checks it and syncs it before it touches
//! the old database. It then holds the old database exclusively until the rename, unless the old
//! database is too damaged for that. The rename happens only when no journal, log or shared memory
//! of the old database remains: SQLite would apply them to the new file. So at every moment the
//! target is the whole old database or the whole new one.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::error::is_corruption;
use super::held_database;
use super::new_file::NewFile;
use super::old_file::OldFile;
use super::target_path::TargetPath;
use crate::engine::access::Access;
use crate::engine::load::{ExistingDatabase, Save};
use crate::engine::source::DamagedInside;
use crate::stop::Stop;

/// Loads `dump` into the file `target`. Replaces an existing file only if `existing` says so.
/// Returns the path of the file that holds the replaced database, if one was replaced.
///
/// # Errors
/// When the dump cannot be restored; the target is then unchanged.
pub fn run(
    dump: &File,
    target: &Path,
    mut existing: ExistingDatabase<'_>,
    access: &Access,
) -> Result<Option<PathBuf>> {
    let stop = access.deadline;
    let place = TargetPath::find(target)?;
    let target = place.path();
    check_replaceable(&place, existing.replaces())?;
    let hidden = held_database::refuse_if_open(&place)?;
    if hidden > 0 && target.exists() {
        log::info!(
            "the open files of {} of other users could not be seen; only SQLite's locks say that none of them uses {}",
            crate::human::format_count(hidden, "process"),
            target.display()
        );
    }
    if let (ExistingDatabase::Save(save), Some(_)) = (&mut existing, &place.old) {
        save.prepare()?;
    }
    let new_file = NewFile::new(&place)?;
    new_file.fill(dump, stop).map_err(|error| match error {
        error if is_corruption(&error) => error.context(DamagedInside),
        error => error,
    })?;
    new_file.copy_ownership()?;
    new_file.sync()?;
    stop.check()?;

    let (saved, held) = match (&place.old, existing) {
        (Some(old), ExistingDatabase::Save(save)) if old.st_size > 0 => {
            dump_old(&place, save, access)?
        }
        (Some(old), ExistingDatabase::Lose) if old.st_size > 0 => (None, hold_old(&place, access)?),
        _ => (None, None),
    };
    // Loading the new database took time. A program that opened the old file meanwhile would go on
    // with the old file.
    held_database::refuse_if_open(&place)?;
    stop.check()?;
    let old_file = match saved {
        None => OldFile::keep(&place)?,
        Some(_) => None,
    };
    if let Err(error) = new_file.become_target() {
        if let Some(old_file) = old_file {
            old_file.put_back();
        }
        return Err(error);
    }
    if let Some(held) = held {
        held.release_replaced();
    }
    place.sync().with_context(|| {
        let directory = target.parent().unwrap_or(target).display();
        format!("the new database is in place, but {directory} could not be written to the disk")
    })?;
    Ok(saved.or(old_file.map(OldFile::path)))
}

/// Checks that the target may be replaced, or that nothing exists there.
///
/// # Errors
/// When something exists that may not be replaced.
fn check_replaceable(place: &TargetPath, replace: bool) -> Result<()> {
    if place.old.is_some() {
        ensure!(
            replace,
            "{} exists; --replace dumps it first and then replaces it",
            place.path().display()
        );
    } else if let Some(side) = place.list_sides().first() {
        ensure!(
            replace,
            "{} is left from an earlier database and would corrupt the new one; --replace moves it aside",
            place.path_of(side).display()
        );
    }
    Ok(())
}

/// Holds the old database, which is not dumped. Returns `None` if it is too damaged to be held.
///
/// # Errors
/// When another program uses the database.
fn hold_old(place: &TargetPath, access: &Access) -> Result<Option<held_database::HeldDatabase>> {
    match held_database::HeldDatabase::take(place, access.lock_timeout, access.deadline) {
        Ok(held) => Ok(Some(held)),
        Err(error) if is_corruption(&error) => Ok(None),
        Err(error) => Err(error.context("the old database is as it was")),
    }
}

/// Dumps the old database and holds it. Returns the dump's path and the held database, or neither
/// if the database is too damaged to be dumped.
fn dump_old(
    place: &TargetPath,
    save: &mut dyn Save,
    access: &Access,
) -> Result<(Option<PathBuf>, Option<held_database::HeldDatabase>)> {
    let stop = access.deadline;
    let mut changed = None;
    let saved =
        held_database::HeldDatabase::take(place, access.lock_timeout, stop).and_then(|mut held| {
            match held.dump(save, stop) {
                Ok(saved) => Ok((Some(saved), Some(held))),
                Err(error) => {
                    changed = held.release();
                    Err(error)
                }
            }
        });
    match saved {
        Err(error) if is_corruption(&error) => {
            // SQLite also calls a database malformed if the disk does not give a page.
            read_whole(place, stop)?;
            log::warn!(
                "{} is too damaged to be dumped first and will be moved aside: {error:#}",
                place.path().display()
            );
            Ok((None, None))
        }
        Err(error) => {
            Err(error
                .context(changed.unwrap_or_else(|| "the old database is as it was".to_owned())))
        }
        saved => saved,
    }
}

/// Reads the old database and its side files to their ends.
fn read_whole(place: &TargetPath, stop: Stop) -> Result<()> {
    let names = std::iter::once(place.name().to_owned()).chain(place.list_sides());
    let mut chunk = vec![0; 1 << 20];
    for name in names {
        let context = || {
            let path = place.path_of(&name);
            let shown = path.display();
            format!("cannot read {shown}, which is as it was; move it away to restore in its place")
        };
        let mut file = place.open(&name).with_context(context)?;
        while file.read(&mut chunk).with_context(context)? > 0 {
            stop.check()?;
        }
    }
    Ok(())
}
