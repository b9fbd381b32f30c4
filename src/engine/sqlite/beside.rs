//! The new database of a restore: a file beside the target until it takes the target's name.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::{check, lock_free, target};
use crate::human::hexadecimal;
use crate::stop::Stop;
use crate::verify::read_whole;

/// Removed when dropped. An `flock` says that its restore is still at work.
pub(super) struct Beside {
    path: PathBuf,
    file: File,
}

impl Beside {
    /// Creates it empty, and removes those that killed restores of the same target left.
    pub(super) fn new(target: &Path) -> Result<Self> {
        let prefix = prefix(target);
        remove_stale(target, &prefix);
        let mut name = prefix;
        name.push(std::process::id().to_string());
        let path = target.with_file_name(name);
        let context = || format!("cannot create {}", path.display());
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .with_context(context)?;
            flock(&file, FlockOperation::LockExclusive).with_context(context)?;
            // Another restore may have taken it for stale before it was locked.
            if file.metadata().with_context(context)?.nlink() > 0 {
                return Ok(Beside { path, file });
            }
        }
    }

    /// Loads the dump and checks the database in it.
    pub(super) fn fill(&self, dump: &File, stop: Stop) -> Result<()> {
        let context = || format!("cannot load the dump into {}", self.path.display());
        let mut writer = BufWriter::new(Unless {
            file: &self.file,
            stop,
        });
        let header = read_whole(dump, &mut writer).with_context(context)?;
        writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .with_context(context)?;
        ensure!(
            self.hash(stop).with_context(context)? == header.sha256,
            "what was written to {} is not what the dump's header says (SHA-256); the dump, the disk or the memory is faulty",
            self.path.display()
        );
        let mut database = lock_free::open(&self.path)?;
        database.progress_handler(10_000, Some(move || stop.reason().is_some()))?;
        let checked = check::integrity(&database, &self.path, true);
        stop.check()?;
        checked
    }

    /// The SHA-256 of the file as it is read back, not of what was to be written.
    fn hash(&self, stop: Stop) -> io::Result<String> {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 256 << 10];
        let mut position = 0;
        loop {
            stop.check().map_err(io::Error::other)?;
            match self.file.read_at(&mut buffer, position) {
                Ok(0) => return Ok(hexadecimal(&hash.finalize())),
                Ok(read) => {
                    hash.update(&buffer[..read]);
                    position += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives it the old file's owner and mode; without one, the directory's owner where this user
    /// may.
    pub(super) fn own(&self, old: Option<&Metadata>, target: &Path) -> Result<()> {
        let parent = target.parent().unwrap_or(target).metadata()?;
        let like = old.unwrap_or(&parent);
        let mine = self.file.metadata()?;
        if (mine.uid(), mine.gid()) != (like.uid(), like.gid()) {
            match std::os::unix::fs::fchown(&self.file, Some(like.uid()), Some(like.gid())) {
                Err(error) if old.is_some() => {
                    return Err(error).with_context(|| {
                        format!("cannot give the new file the owner of {}", target.display())
                    });
                }
                // Not ours to give away; it stays this user's.
                Ok(()) | Err(_) => {}
            }
        }
        if let Some(old) = old {
            let mode = fs::Permissions::from_mode(old.mode() & 0o7777);
            self.file.set_permissions(mode).with_context(|| {
                format!(
                    "cannot give the new file the permissions of {}",
                    target.display()
                )
            })?;
        }
        Ok(())
    }

    /// Brings it to the disk.
    pub(super) fn sync(&self) -> Result<()> {
        let context = || format!("cannot write {} to the disk", self.path.display());
        self.file.sync_all().with_context(context)
    }

    /// Takes the target's name, in place of the old one where one is to be `replaced`. From here
    /// on the target is the new database.
    pub(super) fn become_target(&self, target: &Path, replaced: bool) -> Result<()> {
        if let Some(side) = target::side_files(target).first() {
            bail!(
                "{} appeared meanwhile: someone uses the database",
                side.display()
            );
        }
        let renamed = if replaced {
            fs::rename(&self.path, target)
        } else {
            rename_to_nothing(&self.path, target)
        };
        renamed.with_context(|| format!("cannot rename the restored file to {}", target.display()))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Some filesystems (NFS, FUSE) do not know the flag; a hard link fails on an existing name too.
fn rename_to_nothing(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        result => Ok(result?),
    }
}

/// `.TARGET.restoring-`, cut so that a process's number fits behind it.
fn prefix(target: &Path) -> OsString {
    let name = target.file_name().unwrap_or_default().as_bytes();
    let mut prefix = b".".to_vec();
    prefix.extend(&name[..name.len().min(200)]);
    prefix.extend(b".restoring-");
    OsString::from_vec(prefix)
}

/// The lock of a restore at work keeps its file.
fn remove_stale(target: &Path, prefix: &OsString) {
    let entries = target.parent().and_then(|parent| fs::read_dir(parent).ok());
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.as_bytes().strip_prefix(prefix.as_bytes());
        if !rest.is_some_and(|pid| !pid.is_empty() && pid.iter().all(u8::is_ascii_digit)) {
            continue;
        }
        let path = entry.path();
        let free = File::open(&path)
            .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok());
        if free && fs::remove_file(&path).is_ok() {
            log::info!(
                "removed {}, left by a restore that was killed",
                path.display()
            );
        }
    }
}

/// Writes to the file, unless work must stop.
struct Unless<'a> {
    file: &'a File,
    stop: Stop,
}

impl io::Write for Unless<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.stop.check().map_err(io::Error::other)?;
        self.file.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
