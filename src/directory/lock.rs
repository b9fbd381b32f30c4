//! The lock of a dump directory, which one run at a time holds.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::reading::Directory;

const LOCK: &str = ".dump-database.lock";

/// Another run holds the directory.
#[derive(Debug)]
pub struct DirectoryInUse {
    directory: PathBuf,
    holder: String,
}

impl fmt::Display for DirectoryInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = self.directory.display();
        let holder = match self.holder.trim() {
            "" => "another run",
            holder => holder,
        };
        write!(f, "{directory} is in use by {holder}; nothing was done")
    }
}

impl std::error::Error for DirectoryInUse {}

/// A dump directory that only this process may change, until this value is dropped or the process ends.
#[derive(Debug)]
pub struct LockedDirectory {
    directory: Directory,
    _lock: File,
}

impl Directory {
    /// Locks the directory for this process.
    ///
    /// # Errors
    /// [`DirectoryInUse`] when another run has it; any error of the lock file.
    pub fn lock(self) -> Result<LockedDirectory> {
        let context = || format!("cannot lock {}", self.path().display());
        // Do not wait for the writer of a pipe in its place.
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let create = flags | OFlags::CREATE | OFlags::EXCL;
        let mode = Mode::from_raw_mode(0o600);
        let fd = match rustix::fs::openat(&self, LOCK, create, mode) {
            Err(Errno::EXIST) => rustix::fs::openat(&self, LOCK, flags, Mode::empty()),
            created => created.inspect(|created| self.hand_over(created)),
        }
        .with_context(context)?;
        // The lock file is written to, and another user may have put any file there under this name.
        let stat = rustix::fs::fstat(&fd).with_context(context)?;
        ensure!(
            FileType::from_raw_mode(stat.st_mode).is_file() && stat.st_nlink < 2,
            "cannot lock {}: its {LOCK} is not a regular file with one name; remove it",
            self.path().display()
        );
        let mut file = File::from(fd);
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                let _ = file.take(1024).read_to_string(&mut holder);
                let directory = self.path().to_owned();
                return Err(DirectoryInUse { directory, holder }.into());
            }
            Err(error) => return Err(error).with_context(context),
        }
        // This text is only for the message of another run, so a full disk does not matter.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", describe_process()));
        Ok(LockedDirectory {
            directory: self,
            _lock: file,
        })
    }
}

impl LockedDirectory {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

impl Deref for LockedDirectory {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.directory
    }
}

fn describe_process() -> String {
    let command = std::env::args_os()
        .take(2)
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ");
    format!(
        "process {} on {} (since {}: {command})",
        std::process::id(),
        read_host(),
        crate::clock::now()
    )
}

/// Returns the host's name, with only the characters that a file name may have.
pub(super) fn read_host() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    name.chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
        .take(64)
        .collect()
}
