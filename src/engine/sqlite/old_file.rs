//! Moves aside the old database that a restore replaces without a dump of it.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::sides::{SIDES, add_suffix};
use super::target_path::TargetPath;
use crate::clock;
use crate::content::image::MAGIC;

/// The old database under a new name.
pub(super) struct OldFile<'a> {
    place: &'a TargetPath,
    name: OsString,
}

impl<'a> OldFile<'a> {
    /// Gives the database, if it exists, a second name, and renames its side files. The database
    /// keeps its first name until the new database takes that name. Returns `None` if there is
    /// neither a database nor a side file.
    pub(super) fn keep(place: &'a TargetPath) -> Result<Option<Self>> {
        // A file of zero bytes is no database yet, and nothing is lost with it.
        let is_there = place.old.as_ref().is_some_and(|old| old.st_size > 0);
        if !is_there && place.list_sides().is_empty() {
            return Ok(None);
        }
        let context = || format!("cannot move {} aside", place.path().display());
        if is_there && place.has_links() {
            refuse_foreign(place).with_context(context)?;
        }
        let old_file = OldFile {
            place,
            name: find_free_name(place),
        };
        if is_there {
            place
                .link(place.name(), &old_file.name)
                .with_context(context)?;
            if let Err(error) = place.refuse_exchanged(&old_file.name) {
                let _ = place.remove(&old_file.name);
                return Err(error);
            }
        }
        let moved = old_file.take_sides();
        if moved.is_err() {
            old_file.put_back();
        }
        moved.with_context(context)?;
        Ok(Some(old_file))
    }

    fn take_sides(&self) -> std::io::Result<()> {
        for suffix in SIDES {
            let side = add_suffix(self.place.name(), suffix);
            if self.place.exists(&side) {
                self.place.rename(&side, &add_suffix(&self.name, suffix))?;
            }
        }
        self.place.sync()
    }

    /// Undoes what [`OldFile::keep`] did. The old database still has its name.
    pub(super) fn put_back(&self) {
        for suffix in SIDES {
            let side = add_suffix(self.place.name(), suffix);
            if !self.place.exists(&side) {
                let _ = self.place.rename(&add_suffix(&self.name, suffix), &side);
            }
        }
        let _ = self.place.remove(&self.name);
        let _ = self.place.sync();
    }

    /// Returns the new path of the old database, or of its first side file if there was no
    /// database.
    pub(super) fn path(self) -> PathBuf {
        let sides = self.place.list_sides_of(&self.name);
        match sides.first() {
            Some(side) if !self.place.exists(&self.name) => self.place.path_of(side),
            _ => self.place.path_of(&self.name),
        }
    }
}

/// Refuses a file that is not an SQLite database. A symlink names such a file by mistake, or on
/// purpose.
fn refuse_foreign(place: &TargetPath) -> Result<()> {
    let mut start = Vec::new();
    let file = place.open(place.name())?;
    file.take(MAGIC.len() as u64).read_to_end(&mut start)?;
    ensure!(
        start == MAGIC,
        "it was reached through a symlink and is not an SQLite database; name the file itself if you mean that file"
    );
    Ok(())
}

/// Returns `DATABASE.replaced-TIME`, with a number at its end if a file has that name already.
fn find_free_name(place: &TargetPath) -> OsString {
    let time = clock::now()
        .strftime(".replaced-%Y%m%dT%H%M%SZ")
        .to_string();
    let taken = |name: &OsStr| place.exists(name) || !place.list_sides_of(name).is_empty();
    let mut name = add_suffix(place.name(), &time);
    let mut count = 1;
    while taken(&name) {
        count += 1;
        name = add_suffix(place.name(), &format!("{time}_{count}"));
    }
    name
}
