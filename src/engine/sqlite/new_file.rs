//! The new database of a restore: a file beside the target, until it takes the target's name.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use super::target_path::TargetPath;
use super::{check, lock_free, watch};
use crate::engine::attributes;
use crate::human::format_hexadecimal;
use crate::progress;
use crate::read::read_whole;
use crate::stop::Stop;

/// The number of names that are tried: in a directory that others may write, they may have taken
/// some.
const NAMES: u32 = 100;

/// The new file. Dropping the value removes the file if it still has its temporary name. An `flock`
/// on it says that its restore is still at work.
pub(super) struct NewFile<'a> {
    place: &'a TargetPath,
    name: OsString,
    path: PathBuf,
    file: File,
}

impl<'a> NewFile<'a> {
    /// Creates the file, which is empty and which only this user may read. Removes the files that
    /// killed restores of the same target left.
    pub(super) fn new(place: &'a TargetPath) -> Result<Self> {
        let prefix = make_prefix(place);
        remove_stale(place, &prefix);
        let mut number = std::process::id();
        let last = number + NAMES;
        loop {
            let mut name = prefix.clone();
            name.push(number.to_string());
            let path = place.path_of(&name);
            let context = || format!("cannot create {}", path.display());
            let file = match place.create(&name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < last => {
                    number += 1;
                    continue;
                }
                file => file.with_context(context)?,
            };
            flock(&file, FlockOperation::LockExclusive).with_context(context)?;
            // Another restore may have removed the file as stale before it was locked.
            if file.metadata().with_context(context)?.nlink() > 0 {
                let new_file = NewFile {
                    place,
                    name,
                    path: path.clone(),
                    file,
                };
                attributes::remove_list(&new_file.file).with_context(context)?;
                return Ok(new_file);
            }
        }
    }

    /// Loads the dump into the file, and checks the database in it.
    pub(super) fn fill(&self, dump: &File, stop: Stop) -> Result<()> {
        let context = || format!("cannot load the dump into {}", self.path.display());
        let mut writer = BufWriter::new(&self.file);
        let header = read_whole(dump, stop, &mut writer).with_context(context)?;
        writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .with_context(context)?;
        progress::begin_phase("checking");
        ensure!(
            self.hash(stop).with_context(context)? == header.sha256,
            "the SHA-256 of what was written to {} differs from that in the dump's header; the dump, the disk or the memory is faulty",
            self.path.display()
        );
        let database = lock_free::open(&self.path, &self.file, stop)?;
        let path = self.path.clone();
        let (_, checked) = watch::run(database, stop, move |database| {
            check::check_integrity(database, &path, true)
        })?;
        stop.check()?;
        checked
    }

    /// Returns the SHA-256 of the file as it is read back, not of what was to be written.
    fn hash(&self, stop: Stop) -> io::Result<String> {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 256 << 10];
        let mut position = 0;
        loop {
            stop.check().map_err(io::Error::other)?;
            match self.file.read_at(&mut buffer, position) {
                Ok(0) => return Ok(format_hexadecimal(&hash.finalize())),
                Ok(read) => {
                    hash.update(&buffer[..read]);
                    position += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives the file the old file's owner, permissions, access list and extended attributes.
    /// Without an old file, gives it the directory's owner if this user may do that. The bits that
    /// make a program run as its owner or group are never kept.
    pub(super) fn copy_ownership(&self) -> Result<()> {
        let shown = self.place.path().display();
        let old = self.place.old.as_ref();
        let parent = self.place.stat_directory()?;
        let like = old.unwrap_or(&parent);
        let mine = self.file.metadata()?;
        if (mine.uid(), mine.gid()) != (like.st_uid, like.st_gid) {
            match std::os::unix::fs::fchown(&self.file, Some(like.st_uid), Some(like.st_gid)) {
                Err(error) if old.is_some() => {
                    return Err(error)
                        .with_context(|| format!("cannot give the new file the owner of {shown}"));
                }
                // This user may not give the file away, so the file stays this user's.
                Ok(()) | Err(_) => {}
            }
        }
        if let Some(old) = old {
            let mode = fs::Permissions::from_mode(old.st_mode & 0o777);
            self.file
                .set_permissions(mode)
                .with_context(|| format!("cannot give the new file the permissions of {shown}"))?;
            let old = self.place.open(self.place.name())?;
            attributes::copy(&old, &self.file).with_context(|| {
                format!("cannot give the new file the access list and attributes of {shown}")
            })?;
        }
        Ok(())
    }

    /// Writes the file to the disk.
    pub(super) fn sync(&self) -> Result<()> {
        let context = || format!("cannot write {} to the disk", self.path.display());
        self.file.sync_all().with_context(context)
    }

    /// Renames the file to the target's name. This replaces the old file, if there is one. After
    /// this the target is the new database.
    pub(super) fn become_target(&self) -> Result<()> {
        let place = self.place;
        if let Some(side) = place.list_sides().first() {
            bail!(
                "{} was created during the restore: a program uses the database",
                place.path_of(side).display()
            );
        }
        let own = self.file.metadata()?;
        let named = place.stat(&self.name);
        ensure!(
            named.is_ok_and(|named| (named.st_dev, named.st_ino) == (own.dev(), own.ino())),
            "{} was replaced or removed while this command ran; stop the program that does that first",
            self.path.display()
        );
        let renamed = match place.old {
            Some(_) => {
                place.refuse_exchanged(place.name())?;
                place.rename(&self.name, place.name())
            }
            None => place.rename_to_nothing(&self.name, place.name()),
        };
        let shown = place.path().display();
        renamed.with_context(|| format!("cannot rename the restored file to {shown}"))
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        let _ = self.place.remove(&self.name);
    }
}

/// Returns `.TARGET.restoring-`, with TARGET cut so that a process ID fits after it.
fn make_prefix(place: &TargetPath) -> OsString {
    let name = place.name().as_bytes();
    let mut prefix = b".".to_vec();
    prefix.extend(&name[..name.len().min(200)]);
    prefix.extend(b".restoring-");
    OsString::from_vec(prefix)
}

/// Removes the files that killed restores left. A running restore locks its file, which is not
/// removed.
fn remove_stale(place: &TargetPath, prefix: &OsString) {
    for name in place.list_names().unwrap_or_default() {
        let rest = name.as_bytes().strip_prefix(prefix.as_bytes());
        if !rest.is_some_and(|pid| !pid.is_empty() && pid.iter().all(u8::is_ascii_digit)) {
            continue;
        }
        let free = place
            .open(&name)
            .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok());
        if free && place.remove(&name).is_ok() {
            log::info!(
                "removed {}, left by a restore that was killed",
                place.path_of(&name).display()
            );
        }
    }
}
