//! Restoring an image into a file.
//!
//! The new database is written beside the target, checked and synced before the old one is
//! touched. The old one is then held exclusively until the rename, which happens only when no
//! journal, log or shared memory of it remains: SQLite would apply one to the new file. So at
//! every moment the target is the old database or the new one, whole.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{BufWriter, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use super::{check, lock_free, target};
use crate::dump::Options;
use crate::meter::hexadecimal;
use crate::stop::Stop;
use crate::verify::read_whole;

/// Loads `dump` into the file `target`. Where the replaced database can be found, if there was
/// one.
///
/// # Errors
/// Whatever keeps it from being restored; the target is then as it was.
pub fn run(
    dump: &File,
    target: &Path,
    replace: bool,
    options: &Options,
) -> Result<Option<PathBuf>> {
    let target = real(target)?;
    let shown = target.display();
    let old = match target.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        other => Some(other.with_context(|| format!("cannot read {shown}"))?),
    };
    if old.is_some() {
        ensure!(
            replace,
            "{shown} exists; --replace dumps it first and then replaces it"
        );
    } else if let Some(side) = target::side_files(&target).first() {
        ensure!(
            replace,
            "{} is left from an earlier database, which would corrupt the new one; --replace moves it aside",
            side.display()
        );
    }
    if let Some(old) = &old {
        ensure!(old.is_file(), "{shown} is not a regular file");
        target::refuse_if_open(&target)?;
    }

    let stop = Stop::after(options.timeout);
    let beside = Beside::new(&target)?;
    beside.fill(dump, stop)?;
    beside.own(old.as_ref(), &target)?;
    beside.sync()?;
    stop.check()?;

    let Some(old) = old else {
        let moved = target::move_aside(&target, false)?;
        beside.become_target(&target)?;
        return Ok(moved);
    };
    if old.len() == 0 && target::side_files(&target).is_empty() {
        beside.become_target(&target)?;
        return Ok(None);
    }
    let held = target::Held::take(&target, options.busy_timeout);
    let (saved, held) = match held.and_then(|mut held| Ok((held.dump(options, stop)?, held))) {
        Ok((saved, held)) => (Some(saved), Some(held)),
        Err(error) if check::is_corruption(&error) => {
            log::warn!(
                "{shown} is too damaged to be dumped first, so it is moved aside: {error:#}"
            );
            (target::move_aside(&target, true)?, None)
        }
        Err(error) => {
            return Err(error.context("the old database is as it was"));
        }
    };
    beside.become_target(&target)?;
    if let Some(held) = held {
        held.gone();
    }
    Ok(saved)
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

/// The new database in the target's directory, removed when dropped.
struct Beside {
    path: PathBuf,
    file: File,
}

impl Beside {
    fn new(target: &Path) -> Result<Self> {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(format!(".restoring-{}", std::process::id()));
        let path = target.with_file_name(name);
        // What a killed run with this process id left is nobody's.
        let _ = fs::remove_file(&path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Beside { path, file })
    }

    fn fill(&self, dump: &File, stop: Stop) -> Result<()> {
        let context = || format!("cannot load the dump into {}", self.path.display());
        let mut writer = Hashing {
            inner: BufWriter::new(&self.file),
            hash: Sha256::new(),
            stop,
        };
        let header = read_whole(dump, &mut writer).with_context(context)?;
        writer
            .inner
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)
            .with_context(context)?;
        ensure!(
            hexadecimal(&writer.hash.finalize()) == header.sha256,
            "the dump's content is not the one its header says (SHA-256)"
        );
        let mut database = lock_free::open(&self.path)?;
        database.progress_handler(10_000, Some(move || stop.reason().is_some()))?;
        let checked = check::integrity(&database, &self.path, true);
        stop.check()?;
        checked
    }

    /// Gives it the old file's owner and mode; without one, the directory's owner where this user
    /// may.
    fn own(&self, old: Option<&Metadata>, target: &Path) -> Result<()> {
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
            self.file.set_permissions(mode)?;
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        let context = || format!("cannot write {} to the disk", self.path.display());
        self.file.sync_all().with_context(context)
    }

    fn become_target(&self, target: &Path) -> Result<()> {
        let context = || format!("cannot rename the restored file to {}", target.display());
        if let Some(side) = target::side_files(target).first() {
            bail!(
                "{} appeared meanwhile: someone uses the database",
                side.display()
            );
        }
        fs::rename(&self.path, target).with_context(context)?;
        target::sync_directory(target).with_context(context)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

struct Hashing<W> {
    inner: W,
    hash: Sha256,
    stop: Stop,
}

impl<W: std::io::Write> std::io::Write for Hashing<W> {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.stop.check().map_err(std::io::Error::other)?;
        let written = self.inner.write(data)?;
        self.hash.update(&data[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}
