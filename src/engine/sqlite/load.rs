//! Restoring an image into a file.
//!
//! The new database is written beside the target, checked and synced before the old one is
//! touched. The old one is then held exclusively until the rename, which happens only when no
//! journal, log or shared memory of it remains: SQLite would apply one to the new file. So at
//! every moment the target is the old database or the new one, whole.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::aside::Aside;
use super::beside::Beside;
use super::error::is_corruption;
use super::place::Place;
use super::target;
use crate::engine::access::Access;
use crate::engine::load::{Existing, Save};
use crate::engine::source::DamagedInside;
use crate::stop::Stop;

/// Loads `dump` into the file `target`. A file that exists is replaced only if `existing`
/// says so. Returns the path of what was replaced, if something was.
///
/// # Errors
/// Whatever keeps it from being restored; the target is then as it was.
pub fn run(
    dump: &File,
    target: &Path,
    mut existing: Existing<'_>,
    access: &Access,
) -> Result<Option<PathBuf>> {
    let stop = access.deadline;
    let place = Place::find(target)?;
    let target = place.path();
    may_be_taken(&place, existing.replaces())?;
    let hidden = target::refuse_if_open(&place)?;
    if hidden > 0 && target.exists() {
        log::info!(
            "the open files of {hidden} processes of other users could not be seen; only SQLite's locks say that none of them uses {}",
            target.display()
        );
    }
    if let (Existing::Save(save), Some(_)) = (&mut existing, &place.old) {
        save.prepare()?;
    }
    let beside = Beside::new(&place)?;
    beside.fill(dump, stop).map_err(|error| match error {
        error if is_corruption(&error) => error.context(DamagedInside),
        error => error,
    })?;
    beside.own()?;
    beside.sync()?;
    stop.check()?;

    let (saved, held) = match (&place.old, existing) {
        (Some(old), Existing::Save(save)) if old.st_size > 0 => dump_old(&place, save, access)?,
        _ => (None, None),
    };
    // The new database took its time; whoever came meanwhile would go on with the old file.
    target::refuse_if_open(&place)?;
    stop.check()?;
    let aside = match held {
        None => Aside::of(&place)?,
        Some(_) => None,
    };
    if let Err(error) = beside.become_target() {
        if let Some(aside) = aside {
            aside.put_back();
        }
        return Err(error);
    }
    if let Some(held) = held {
        held.gone();
    }
    place.sync().with_context(|| {
        let directory = target.parent().unwrap_or(target).display();
        format!("the new database is in place, but {directory} could not be written to the disk")
    })?;
    Ok(saved.or(aside.map(Aside::path)))
}

/// # Errors
/// When something exists that may not be replaced.
fn may_be_taken(place: &Place, replace: bool) -> Result<()> {
    if place.old.is_some() {
        ensure!(
            replace,
            "{} exists; --replace dumps it first and then replaces it",
            place.path().display()
        );
    } else if let Some(side) = place.sides().first() {
        ensure!(
            replace,
            "{} is left from an earlier database, which would corrupt the new one; --replace moves it aside",
            place.path_of(side).display()
        );
    }
    Ok(())
}

/// Dumps the old database and holds it. Neither where it is too damaged for that.
fn dump_old(
    place: &Place,
    save: &mut dyn Save,
    access: &Access,
) -> Result<(Option<PathBuf>, Option<target::HeldDatabase>)> {
    let stop = access.deadline;
    let mut changed = None;
    let saved = target::HeldDatabase::take(place, access.lock_timeout, stop).and_then(
        |mut held| match held.dump(save, stop) {
            Ok(saved) => Ok((Some(saved), Some(held))),
            Err(error) => {
                changed = held.let_go();
                Err(error)
            }
        },
    );
    match saved {
        Err(error) if is_corruption(&error) => {
            // SQLite calls it malformed, too, when the disk does not give a page.
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
fn read_whole(place: &Place, stop: Stop) -> Result<()> {
    let names = std::iter::once(place.name().to_owned()).chain(place.sides());
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
