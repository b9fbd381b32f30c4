//! The directory's one file that lasts between runs: `.dump-database.state`, JSON.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::Directory;
use crate::state::State;

/// How often, and how long each time, another's lock is waited for.
const NAPS: (u32, Duration) = (100, Duration::from_millis(50));
const NAME: &str = ".dump-database.state";
const NEW: &str = ".dump-database.state.new";
/// More is not ours.
const LONGEST: u64 = 64 << 20;

impl Directory {
    /// What lasted from earlier runs; empty where it is lost or damaged.
    #[must_use]
    pub fn state(&self) -> State {
        // A pipe in its place must not be waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(self, NAME, flags, Mode::empty());
        let read = opened.map_err(std::io::Error::from).and_then(|fd| {
            let mut text = Vec::new();
            File::from(fd).take(LONGEST).read_to_end(&mut text)?;
            Ok(serde_json::from_slice(&text)?)
        });
        read.unwrap_or_else(|error| {
            if error.kind() != ErrorKind::NotFound {
                let path = self.path().join(NAME);
                log::warn!(
                    "{} cannot be read and is begun anew: {error}",
                    path.display()
                );
            }
            State::default()
        })
    }

    /// Returns true if only this process's user and root could have written the record. Whoever
    /// owns the directory may put a record of their own in its place.
    #[must_use]
    pub fn has_own_state(&self) -> bool {
        let is_own = |uid: u32| uid == 0 || uid == rustix::process::geteuid().as_raw();
        let state = rustix::fs::statat(self, NAME, AtFlags::SYMLINK_NOFOLLOW);
        let directory = rustix::fs::fstat(self);
        let owners = [state, directory].map(|stat| stat.map(|stat| stat.st_uid));
        owners.into_iter().all(|owner| owner.is_ok_and(is_own))
    }

    /// Changes it: a whole new file takes the old one's place. Drills do so beside a run that holds
    /// the directory, so a lock of its own, on the directory itself, keeps the two apart for the
    /// moment it takes.
    ///
    /// # Errors
    /// When it cannot be written; it is then as it was.
    pub fn change_state(&self, change: impl FnOnce(&mut State)) -> Result<()> {
        let context = || format!("cannot write {}", self.path().join(NAME).display());
        let own = rustix::fs::openat(
            self,
            ".",
            OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .with_context(context)?;
        wait_for(&own);
        let mut state = self.state();
        change(&mut state);
        let text = serde_json::to_vec_pretty(&state)?;
        // Whatever is left there, a pipe or another file's second name, is not written into.
        let _ = rustix::fs::unlinkat(&own, NEW, AtFlags::empty());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let written = rustix::fs::openat(&own, NEW, flags, Mode::from_raw_mode(0o600))
            .map_err(std::io::Error::from)
            .and_then(|fd| {
                self.hand_over(&fd);
                let mut file = File::from(fd);
                file.write_all(&text)?;
                file.sync_all()?;
                rustix::fs::renameat(&own, NEW, &own, NAME)?;
                Ok(rustix::fs::fsync(&own)?)
            });
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&own, NEW, AtFlags::empty());
        }
        written.with_context(context)
    }
}

/// Takes the lock. Without it, on a filesystem that has none or behind someone who keeps it, the
/// worst is that one of two records is lost.
fn wait_for(directory: &OwnedFd) {
    let (times, nap) = NAPS;
    for _ in 0..times {
        match rustix::fs::flock(directory, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK | Errno::INTR) => std::thread::sleep(nap),
            _ => return,
        }
    }
}
