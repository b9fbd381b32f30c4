//! Restoring an image into a file.
//!
//! The new database is written beside the target, checked and synced before the old one is
//! touched. The old one is then held exclusively until the rename, which happens only when no
//! journal, log or shared memory of it remains: SQLite would apply one to the new file. So at
//! every moment the target is the old database or the new one, whole.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::aside::Aside;
use super::beside::Beside;
use super::error::is_corruption;
use super::target;
use crate::engine::access::Access;
use crate::engine::source::{DamagedInside, Save};
use crate::stop::Stop;

/// Loads `dump` into the file `target`. A file that exists is replaced only if `save` is given.
/// Returns the path of what was replaced, if something was.
///
/// # Errors
/// Whatever keeps it from being restored; the target is then as it was.
pub fn run(
    dump: &File,
    target: &Path,
    save: Option<Save<'_>>,
    access: &Access,
) -> Result<Option<PathBuf>> {
    let stop = access.deadline;
    let target = real(target)?;
    let old = may_be_taken(&target, save.is_some())?;
    let hidden = target::refuse_if_open(&target)?;
    if hidden > 0 {
        log::info!(
            "the open files of {hidden} processes of other users could not be seen; only SQLite's locks say that none of them uses {}",
            target.display()
        );
    }
    let beside = Beside::new(&target)?;
    beside.fill(dump, stop).map_err(|error| match error {
        error if is_corruption(&error) => error.context(DamagedInside),
        error => error,
    })?;
    beside.own(old.as_ref(), &target)?;
    beside.sync()?;
    stop.check()?;

    let (saved, held) = match (&old, save) {
        (Some(old), Some(save)) if old.len() > 0 => dump_old(&target, save, access)?,
        _ => (None, None),
    };
    // The new database took its time; whoever came meanwhile would go on with the old file.
    target::refuse_if_open(&target)?;
    stop.check()?;
    let aside = match held {
        None => Aside::of(&target)?,
        Some(_) => None,
    };
    if let Err(error) = beside.become_target(&target, old.is_some()) {
        if let Some(aside) = aside {
            aside.put_back();
        }
        return Err(error);
    }
    if let Some(held) = held {
        held.gone();
    }
    target::sync_directory(&target).with_context(|| {
        let directory = target.parent().unwrap_or(&target).display();
        format!("the new database is in place, but {directory} could not be written to the disk")
    })?;
    Ok(saved.or(aside.map(Aside::path)))
}

/// The old file, if there is one that may be replaced.
fn may_be_taken(target: &Path, replace: bool) -> Result<Option<Metadata>> {
    let shown = target.display();
    let old = match target.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        other => Some(other.with_context(|| format!("cannot read {shown}"))?),
    };
    if let Some(old) = &old {
        ensure!(
            replace,
            "{shown} exists; --replace dumps it first and then replaces it"
        );
        ensure!(old.is_file(), "{shown} is not a regular file");
    } else if let Some(side) = target::side_files(target).first() {
        ensure!(
            replace,
            "{} is left from an earlier database, which would corrupt the new one; --replace moves it aside",
            side.display()
        );
    }
    Ok(old)
}

/// Dumps the old database and holds it. Neither where it is too damaged for that.
fn dump_old(
    target: &Path,
    save: Save<'_>,
    access: &Access,
) -> Result<(Option<PathBuf>, Option<target::Held>)> {
    let stop = access.deadline;
    let saved = target::Held::take(target, access.lock_timeout, stop).and_then(|mut held| {
        let saved = Some(held.dump(save, stop)?);
        Ok((saved, Some(held)))
    });
    match saved {
        Err(error) if is_corruption(&error) => {
            // SQLite calls it malformed, too, when the disk does not give a page.
            for file in target::with_side_files(target) {
                read_whole(&file, stop)?;
            }
            log::warn!(
                "{} is too damaged to be dumped first and will be moved aside: {error:#}",
                target.display()
            );
            Ok((None, None))
        }
        Err(error) => Err(error.context("the old database is as it was")),
        saved => saved,
    }
}

fn read_whole(path: &Path, stop: Stop) -> Result<()> {
    let context = || {
        let shown = path.display();
        format!("cannot read {shown}, which is as it was; move it away to restore in its place")
    };
    let mut file = File::open(path).with_context(context)?;
    let mut chunk = vec![0; 1 << 20];
    while file.read(&mut chunk).with_context(context)? > 0 {
        stop.check()?;
    }
    Ok(())
}

/// The target itself, where its name is a symlink.
fn real(target: &Path) -> Result<PathBuf> {
    let shown = target.display();
    match target.symlink_metadata() {
        Ok(meta) if meta.is_dir() => bail!("{shown} is a directory; name a file in it"),
        Ok(_) => target
            .canonicalize()
            .with_context(|| format!("cannot follow {shown}")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let target = std::path::absolute(target)?;
            let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
                bail!("{shown} is not the name of a file");
            };
            let parent = parent.canonicalize().with_context(|| {
                format!(
                    "cannot create {shown}: its directory {} is missing",
                    parent.display()
                )
            })?;
            Ok(parent.join(name))
        }
        Err(error) => Err(error).with_context(|| format!("cannot reach {shown}")),
    }
}
