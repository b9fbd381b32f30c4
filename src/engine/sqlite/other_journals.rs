//! Detects that a commit into a database in a rollback mode was cut off under another name.
//!
//! Before SQLite changes a database, it keeps the old pages in a journal beside the name that its
//! program opened. If the program is killed within a commit, the next one that opens the database
//! under the same name puts the old pages back. Under another name (a hard link, or a mount of the
//! single file) there is no journal, so the database holds a part of a transaction.
//!
//! A program at work is no danger: its locks are those of the file, whatever its name is.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use rustix::fs::{CWD, Stat};

use super::sides::add_suffix;
use super::{guard, other_processes};
use crate::follow::open_regular;
use crate::human::format_count;
use crate::mountinfo;
use crate::stop::Stop;

/// The bytes (start and length) that a program locks while it writes a journal (SQLite's file
/// format).
const RESERVED: (u64, u64) = (0x4000_0001, 1);
/// The first bytes of a journal that SQLite plays back.
const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// Refuses a database if a journal that SQLite would play back lies beside another name of it. The
/// database must be open in this process with a lock that keeps others from changing it, and have no
/// journal beside this name. Logs a warning if the database has names that cannot be found.
///
/// # Errors
/// Returns one sentence that names the journal; [`Stopped`](crate::stop::Stopped) when work must end.
pub(super) fn refuse(path: &Path, found: &Stat, stop: Stop) -> Result<()> {
    let shown = path.display();
    let is_mount_point = other_processes::is_mount_point(path);
    let by_mount = find_by_mount(path, found);
    let by_link = match found.st_nlink {
        0 | 1 => Vec::new(),
        names => find_beside(path, found, names - 1, stop),
    };
    stop.check()?;
    for name in by_mount.iter().chain(&by_link) {
        let journal = PathBuf::from(add_suffix(name.as_os_str(), "-journal"));
        if is_hot(path, &journal, found) {
            bail!(
                "a program was killed while it changed {shown} under the name {}, so the database holds a part of a transaction, which {} undoes; open the database under that name for writing once (by that program, or sqlite3)",
                name.display(),
                journal.display()
            );
        }
    }
    let danger = "a program that was killed while it wrote under another name left its journal there, and without the journal this dump can hold a part of a transaction";
    // The name on which a file is mounted is not one of the file's own names.
    let own = if is_mount_point {
        by_mount.len().min(1)
    } else {
        1
    };
    let names = usize::try_from(found.st_nlink).unwrap_or(usize::MAX);
    let hidden = names.saturating_sub(own + by_link.len());
    if is_mount_point && by_mount.is_empty() {
        log::warn!(
            "{shown} is mounted as a single file, and its other name cannot be found: {danger}; mount its directory instead"
        );
    } else if hidden > 0 {
        log::warn!(
            "{shown} has {} (hard links), of which {hidden} cannot be found: {danger}; dump the database under the name that its program uses, and remove the other names",
            format_count(names, "name")
        );
    }
    Ok(())
}

/// Returns the other names of the file that this process sees by way of mounts.
fn find_by_mount(path: &Path, found: &Stat) -> Vec<PathBuf> {
    let mut names = mountinfo::list_other_paths(path);
    names.retain(|name| is_same(name, found));
    names
}

/// Returns the other names of the file in its directory, at most `most` of them. The owner of the directory can
/// put any number of files into it, so this ends when work must end.
fn find_beside(path: &Path, found: &Stat, most: u64, stop: Stop) -> Vec<PathBuf> {
    let entries = path.parent().and_then(|parent| fs::read_dir(parent).ok());
    let names = entries.into_iter().flatten().flatten();
    let names = names.map(|entry| entry.path());
    names
        .take_while(|_| stop.check().is_ok())
        .filter(|name| name != path && is_same(name, found))
        .take(usize::try_from(most).unwrap_or(usize::MAX))
        .collect()
}

/// Returns true if the name leads to the file. The file must not be opened under another name:
/// closing it would drop the locks that this process has on it.
fn is_same(name: &Path, found: &Stat) -> bool {
    rustix::fs::lstat(name)
        .is_ok_and(|other| (other.st_dev, other.st_ino) == (found.st_dev, found.st_ino))
}

/// Returns true if SQLite would play back this journal of the database `path`: it begins as a journal
/// does, and no program is writing it.
fn is_hot(path: &Path, journal: &Path, database: &Stat) -> bool {
    let Some(before) = read_journal(journal, database) else {
        return false;
    };
    let is_written = guard::use_descriptor(path, |file| {
        other_processes::find_lock_holder(file, RESERVED).is_some()
    });
    // A program removes its journal before it drops its lock.
    is_written == Some(false) && read_journal(journal, database) == Some(before)
}

/// Returns the inode of a journal with content.
fn read_journal(journal: &Path, database: &Stat) -> Option<u64> {
    let found = rustix::fs::lstat(journal).ok()?;
    if is_same(journal, database) {
        return None;
    }
    let mut start = [0; MAGIC.len()];
    let mut file = open_regular(CWD, journal).ok()?;
    file.read_exact(&mut start).ok()?;
    (start == MAGIC).then_some(found.st_ino)
}
