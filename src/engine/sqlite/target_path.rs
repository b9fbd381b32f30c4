//! The place where a restore puts its database: a directory, held open by a descriptor, and a name
//! in it.
//!
//! Others may own the directory and exchange its files at any moment. So this module reaches every
//! file in it through the descriptor, by one name, and follows no symlink.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::sides::{SIDES, add_suffix};
use crate::follow::{follow, open_regular};
use crate::rename::rename_without_replacing;

/// The target of a restore.
#[derive(Debug)]
pub(super) struct TargetPath {
    directory: OwnedFd,
    name: OsString,
    path: PathBuf,
    /// The metadata of the file that had the name when the restore began.
    pub(super) old: Option<Stat>,
    has_links: bool,
}

impl TargetPath {
    /// Finds the target. Follows its symlinks if the users who control them could act on the target
    /// themselves.
    pub(super) fn find(target: &Path) -> Result<Self> {
        let shown = target.display();
        let followed = match follow(target) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let parent = target.parent().unwrap_or(target).display();
                bail!("cannot create {shown}: its directory {parent} is missing")
            }
            followed => followed.with_context(|| format!("cannot reach {shown}"))?,
        };
        followed.trust_links()?;
        if let Some(old) = &followed.found {
            let kind = FileType::from_raw_mode(old.st_mode);
            ensure!(!kind.is_dir(), "{shown} is a directory; name a file in it");
            ensure!(kind.is_file(), "{shown} is not a regular file");
        } else if target.symlink_metadata().is_ok() {
            bail!("cannot follow {shown}: it is a symlink to a file that does not exist");
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(&followed.directory, ".", flags, Mode::empty())
            .with_context(|| format!("cannot open the directory of {shown}"))?;
        Ok(TargetPath {
            directory,
            has_links: followed.has_links(),
            name: followed.name,
            path: followed.path,
            old: followed.found,
        })
    }

    /// Returns the database's path without symlinks.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the database's name in its directory.
    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }

    /// Returns the path of another name in the directory.
    pub(super) fn path_of(&self, name: &OsStr) -> PathBuf {
        self.path.with_file_name(name)
    }

    /// Returns true if the target's path leads over a symlink.
    pub(super) fn has_links(&self) -> bool {
        self.has_links
    }

    /// Returns the names of the database's side files that exist.
    pub(super) fn list_sides(&self) -> Vec<OsString> {
        self.list_sides_of(&self.name)
    }

    /// Returns the names of the side files of `name` that exist.
    pub(super) fn list_sides_of(&self, name: &OsStr) -> Vec<OsString> {
        let names = SIDES.iter().map(|suffix| add_suffix(name, suffix));
        names.filter(|name| self.exists(name)).collect()
    }

    /// Returns the metadata of the file with this name, without following a symlink.
    pub(super) fn stat(&self, name: &OsStr) -> rustix::io::Result<Stat> {
        rustix::fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Returns true if a file of any kind has this name.
    pub(super) fn exists(&self, name: &OsStr) -> bool {
        self.stat(name).is_ok()
    }

    /// Opens a regular file for reading.
    pub(super) fn open(&self, name: &OsStr) -> io::Result<File> {
        open_regular(&self.directory, name)
    }

    /// Creates a file that only this user may read.
    pub(super) fn create(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o600);
        Ok(rustix::fs::openat(&self.directory, name, flags, mode)?.into())
    }

    /// Returns the names in the directory.
    pub(super) fn list_names(&self) -> io::Result<Vec<OsString>> {
        use std::os::unix::ffi::OsStringExt;
        let entries = Dir::read_from(&self.directory)?;
        entries
            .map(|entry| Ok(OsString::from_vec(entry?.file_name().to_bytes().to_vec())))
            .collect()
    }

    pub(super) fn link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        let directory = self.directory.as_fd();
        Ok(rustix::fs::linkat(
            directory,
            from,
            directory,
            to,
            AtFlags::empty(),
        )?)
    }

    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(
            &self.directory,
            from,
            &self.directory,
            to,
        )?)
    }

    /// Renames a file, but replaces none.
    pub(super) fn rename_to_nothing(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rename_without_replacing(&self.directory, from, to, Err)?)
    }

    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(
            &self.directory,
            name,
            AtFlags::empty(),
        )?)
    }

    /// Returns the directory's metadata.
    pub(super) fn stat_directory(&self) -> rustix::io::Result<Stat> {
        rustix::fs::fstat(&self.directory)
    }

    /// Writes the directory to the disk, so that renames in it last.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.directory)?)
    }

    /// Checks that `name` is still the file that had the target's name when the restore began.
    ///
    /// # Errors
    /// When another file has the name, or none.
    pub(super) fn refuse_exchanged(&self, name: &OsStr) -> Result<()> {
        let found = self.stat(name).ok();
        let file = |stat: &Stat| (stat.st_dev, stat.st_ino);
        ensure!(
            found.as_ref().map(file) == self.old.as_ref().map(file),
            "{} was replaced or removed while this command ran; stop the program that does that first",
            self.path.display()
        );
        Ok(())
    }
}
