//! The place of an RDB file that a restore writes.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{FileType, Mode, OFlags, Stat};

use crate::engine::redis::running::find_server;
use crate::follow::{follow, open_regular};

/// What a server with `appendonly yes` loads in place of its RDB file.
const APPEND_ONLY: [&str; 2] = ["appendonlydir", "appendonly.aof"];

/// The target: a directory, held open, and a name in it.
pub(super) struct TargetFile {
    pub(super) directory: OwnedFd,
    pub(super) name: OsString,
    pub(super) path: PathBuf,
    /// The metadata of the file that has the name.
    pub(super) old: Option<Stat>,
}

impl TargetFile {
    /// Follows `path` to a file or to a free name.
    ///
    /// # Errors
    /// When the path cannot be followed or trusted, or leads to something else than a file.
    pub(super) fn find(path: &Path) -> Result<Self> {
        let shown = path.display();
        let followed = follow(path).with_context(|| format!("cannot reach {shown}"))?;
        followed.trust_links()?;
        if let Some(old) = &followed.found {
            let is_file = FileType::from_raw_mode(old.st_mode).is_file();
            ensure!(is_file, "{shown} is not a regular file");
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(&followed.directory, ".", flags, Mode::empty())
            .with_context(|| format!("cannot open the directory of {shown}"))?;
        Ok(TargetFile {
            directory,
            name: followed.name,
            path: followed.path,
            old: followed.found,
        })
    }

    /// Refuses a target whose server is running or would not load it.
    ///
    /// # Errors
    /// One sentence that says what to do.
    pub(super) fn refuse_running(&self) -> Result<()> {
        let directory = rustix::fs::fstat(&self.directory)?;
        if let Some(process) = find_server(&directory) {
            bail!(
                "a server (process {process}) is running in the directory of {}, which it replaces when it saves; stop it, or restore into it by its URL",
                self.path.display()
            );
        }
        for other in APPEND_ONLY {
            let other = self.path.with_file_name(other);
            ensure!(
                rustix::fs::lstat(&other).is_err(),
                "{} exists, which a server with `appendonly yes` loads in place of {}; move it away, start the server with `appendonly no`, and switch it on again (CONFIG SET appendonly yes), or restore into the running server by its URL",
                other.display(),
                self.path.display()
            );
        }
        Ok(())
    }

    /// Opens the file that has the name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn open_old(&self) -> Result<File> {
        let file = open_regular(&self.directory, &self.name);
        file.with_context(|| format!("cannot read {}", self.path.display()))
    }
}
