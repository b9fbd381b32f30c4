//! The directory's one file that lasts between runs: `.dump-database.state`, JSON.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::reading::Directory;
use crate::follow::open_regular;
use crate::state::State;

/// How long another's lock is waited for.
const RETRY_TIME: Duration = Duration::from_secs(5);
/// And how long between two looks.
const NAP: Duration = Duration::from_millis(20);
const NAME: &str = ".dump-database.state";
const NEW: &str = ".dump-database.state.new";
/// More is not ours.
const LONGEST: u64 = 64 << 20;

impl Directory {
    /// What lasted from earlier runs; empty where it is lost or damaged.
    #[must_use]
    pub fn read_state(&self) -> State {
        self.read_state_and_trust().0
    }

    /// Returns what [`Directory::read_state`] does, and true if only this process's user and root could
    /// have written it: everyone who may write into the directory may put another record in its
    /// place.
    #[must_use]
    pub fn read_state_and_trust(&self) -> (State, bool) {
        let read = open_regular(self, NAME).and_then(|file| {
            let is_own = is_own(&file) && is_own(self);
            let mut text = Vec::new();
            file.take(LONGEST).read_to_end(&mut text)?;
            Ok((serde_json::from_slice(&text)?, is_own))
        });
        read.unwrap_or_else(|error| {
            if error.kind() != ErrorKind::NotFound {
                let path = self.path().join(NAME);
                log::warn!(
                    "cannot read {}: {error}; a new record begins",
                    path.display()
                );
            }
            (State::default(), false)
        })
    }

    /// Changes it: a whole new file takes the old one's place. Drills do so beside a run that holds
    /// the directory: the lock on the new file keeps the two apart. Nobody but the directory's
    /// owner and root can take that lock, since nobody else can open the file.
    ///
    /// # Errors
    /// When it cannot be written; it is then as it was.
    pub fn change_state(&self, change: impl FnOnce(&mut State)) -> Result<()> {
        let context = || format!("cannot write {}", self.path().join(NAME).display());
        let mut file = self.new_state().with_context(context)?;
        let mut state = self.read_state();
        change(&mut state);
        let text = serde_json::to_vec_pretty(&state)?;
        let written = file
            .set_len(0)
            .and_then(|()| file.write_all(&text))
            .and_then(|()| file.sync_all())
            .and_then(|()| {
                rustix::fs::renameat(self, NEW, self, NAME)?;
                Ok(rustix::fs::fsync(self)?)
            });
        if written.is_err() {
            let _ = rustix::fs::unlinkat(self, NEW, AtFlags::empty());
        }
        written.with_context(context)
    }

    /// The new state file, locked. A killed run's is taken over. What is no file of our own, a pipe
    /// or another file's second name, is removed.
    fn new_state(&self) -> std::io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let create = flags | OFlags::CREATE | OFlags::EXCL;
        let own = rustix::process::geteuid().as_raw();
        let owners = [own, rustix::fs::fstat(self)?.st_uid];
        let give_up = Instant::now() + RETRY_TIME;
        while Instant::now() < give_up + RETRY_TIME {
            let file = match rustix::fs::openat(self, NEW, create, Mode::from_raw_mode(0o600)) {
                Err(Errno::EXIST) => rustix::fs::openat(self, NEW, flags, Mode::empty()),
                created => created.inspect(|created| self.hand_over(created)),
            };
            let file = match file {
                Err(Errno::NOENT) => continue,
                // A symlink, a pipe that nobody reads, or another user's file.
                Err(Errno::LOOP | Errno::NXIO | Errno::ACCESS) if Instant::now() < give_up => {
                    remove_new(self)?;
                    continue;
                }
                file => file?,
            };
            // Behind someone who keeps the lock, the worst is that one of two records is lost.
            let locked = lock_until(&file, give_up);
            let found = rustix::fs::fstat(&file)?;
            let named = rustix::fs::statat(self, NEW, AtFlags::SYMLINK_NOFOLLOW);
            let is_named = named.is_ok_and(|named| named.st_ino == found.st_ino);
            let is_own = FileType::from_raw_mode(found.st_mode).is_file()
                && found.st_nlink == 1
                && owners.contains(&found.st_uid);
            if is_named && is_own && locked {
                return Ok(File::from(file));
            }
            // Otherwise another run gave it its final name meanwhile.
            if is_named {
                remove_new(self)?;
            }
        }
        Err(ErrorKind::TimedOut.into())
    }
}

/// Returns true if a file or directory is this process's user's or root's, and nobody else may write
/// to it.
fn is_own(file: impl AsFd) -> bool {
    let is_ours = |uid: u32| uid == 0 || uid == rustix::process::geteuid().as_raw();
    let others = (Mode::WGRP | Mode::WOTH).as_raw_mode();
    let stat = rustix::fs::fstat(file);
    stat.is_ok_and(|stat| is_ours(stat.st_uid) && stat.st_mode & others == 0)
}

fn remove_new(directory: &Directory) -> rustix::io::Result<()> {
    match rustix::fs::unlinkat(directory, NEW, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        removed => removed,
    }
}

/// Takes the lock; false where another keeps it too long. A filesystem may have none.
fn lock_until(file: &OwnedFd, give_up: Instant) -> bool {
    loop {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK | Errno::INTR) if Instant::now() < give_up => {
                std::thread::sleep(NAP);
            }
            Err(Errno::WOULDBLOCK | Errno::INTR) => return false,
            _ => return true,
        }
    }
}
