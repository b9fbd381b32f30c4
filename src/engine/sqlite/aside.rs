//! Moving aside what a restore replaces and cannot dump.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::target::{SIDES, side_files, sync_directory, with_suffix};
use crate::clock;

/// What was moved aside, under names of its own.
pub(super) struct Aside {
    database: PathBuf,
    path: PathBuf,
}

impl Aside {
    /// Gives the database itself, if there is one, a second name, and renames what lies beside it;
    /// it keeps its own name until the new one takes it. None where there was nothing.
    pub(super) fn of(database: &Path) -> Result<Option<Self>> {
        // Zero bytes are no database yet, and nothing is lost with them.
        let is_there = database.metadata().is_ok_and(|meta| meta.len() > 0);
        if !is_there && side_files(database).is_empty() {
            return Ok(None);
        }
        let aside = Aside {
            database: database.to_owned(),
            path: free_name(database),
        };
        let context = || format!("cannot move {} aside", database.display());
        if is_there {
            fs::hard_link(database, &aside.path).with_context(context)?;
        }
        let moved = aside.take_sides();
        if moved.is_err() {
            aside.put_back();
        }
        moved.with_context(context)?;
        Ok(Some(aside))
    }

    fn take_sides(&self) -> std::io::Result<()> {
        for suffix in SIDES {
            let side = with_suffix(&self.database, suffix);
            if side.symlink_metadata().is_ok() {
                fs::rename(&side, with_suffix(&self.path, suffix))?;
            }
        }
        sync_directory(&self.database)
    }

    /// The old database has its name still and is to be as it was.
    pub(super) fn put_back(&self) {
        for suffix in SIDES {
            let side = with_suffix(&self.database, suffix);
            if side.symlink_metadata().is_err() {
                let _ = fs::rename(with_suffix(&self.path, suffix), side);
            }
        }
        let _ = fs::remove_file(&self.path);
        let _ = sync_directory(&self.database);
    }

    /// Where the old database is now.
    pub(super) fn path(self) -> PathBuf {
        self.path
    }
}

/// `DATABASE.replaced-TIME`, or that with a number where something has the name already.
fn free_name(database: &Path) -> PathBuf {
    let time = clock::now()
        .strftime(".replaced-%Y%m%dT%H%M%SZ")
        .to_string();
    let taken = |path: &PathBuf| path.symlink_metadata().is_ok() || !side_files(path).is_empty();
    let mut name = with_suffix(database, &time);
    let mut count = 1;
    while taken(&name) {
        count += 1;
        name = with_suffix(database, &format!("{time}_{count}"));
    }
    name
}
