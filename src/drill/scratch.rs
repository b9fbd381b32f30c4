//! Where throwaway databases live.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::fs::{FlockOperation, Mode, OFlags};
use tempfile::TempDir;

use crate::human;

const NOBODY: u32 = 65534;

const PREFIX: &str = "dump-database-drill-";
/// A younger one may be about to be locked.
const MINUTE: Duration = Duration::from_secs(60);

/// A longer path leaves no room for a socket's name: `sun_path` of unix(7) has 108 bytes.
const LONGEST: usize = 80;

/// A directory that goes with this value.
pub(super) struct Scratch {
    place: TempDir,
    /// Where sockets are instead, if its own path is too long.
    sockets: Option<TempDir>,
    /// Locked: a drill is at work in it.
    _held: File,
}

impl Scratch {
    /// Below `parent`, for at least `bytes`.
    pub(super) fn new(parent: Option<&Path>, bytes: u64) -> Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
        let context = || format!("cannot make a directory in {}", parent.display());
        remove_stale(&parent);
        let place = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(&parent)
            .with_context(context)?;
        let held = File::open(place.path()).with_context(context)?;
        let _ = rustix::fs::flock(&held, FlockOperation::NonBlockingLockExclusive);
        let stat = rustix::fs::statvfs(place.path()).with_context(context)?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        ensure!(
            free >= bytes,
            "{} has {} free and what the dump holds takes {}; --scratch names another place",
            parent.display(),
            human::bytes(free),
            human::bytes(bytes)
        );
        let sockets = if place.path().as_os_str().len() > LONGEST {
            let short = tempfile::Builder::new().prefix(PREFIX).tempdir_in("/tmp");
            Some(short.context("cannot make a directory for a socket in /tmp")?)
        } else {
            None
        };
        Ok(Scratch {
            place,
            sockets,
            _held: held,
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.place.path()
    }

    /// A directory whose path leaves room for a socket's name, `user`'s as well.
    pub(super) fn sockets<'a>(&'a self, otherwise: &'a Path, user: &User) -> Result<&'a Path> {
        let Some(sockets) = &self.sockets else {
            return Ok(otherwise);
        };
        user.owns(sockets.path())?;
        Ok(sockets.path())
    }

    /// A directory of this name that a server run by `user` owns; the way to it as well.
    pub(super) fn give(&self, name: &str, user: &User) -> Result<PathBuf> {
        let path = self.path().join(name);
        fs::create_dir(&path)?;
        user.owns(self.path())?;
        user.owns(&path)?;
        Ok(path)
    }
}

/// Removes what a drill left that was killed: a copy of a database.
fn remove_stale(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().as_bytes().starts_with(PREFIX.as_bytes()))
    {
        let age = entry.metadata().and_then(|meta| meta.modified());
        let is_old = age.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > MINUTE));
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let Ok(held) = rustix::fs::open(entry.path(), flags, Mode::empty()) else {
            continue;
        };
        let operation = FlockOperation::NonBlockingLockExclusive;
        if is_old && rustix::fs::flock(&held, operation).is_ok() {
            let path = entry.path();
            match fs::remove_dir_all(&path) {
                Ok(()) => log::info!(
                    "removed {}, left by a drill that was killed",
                    path.display()
                ),
                Err(error) => log::warn!("cannot remove {}: {error}", path.display()),
            }
        }
    }
}

/// Whom a server runs as: servers refuse to run as root.
pub(super) struct User(Option<(u32, u32)>);

impl User {
    /// This process's own; root's servers run as `name`, else as nobody.
    pub(super) fn of_server(name: &str) -> Self {
        if !rustix::process::geteuid().is_root() {
            return User(None);
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let ids = users.lines().find_map(|line| {
            let mut fields = line
                .strip_prefix(name)?
                .strip_prefix(':')?
                .split(':')
                .skip(1);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        });
        User(Some(ids.unwrap_or((NOBODY, NOBODY))))
    }

    fn owns(&self, path: &Path) -> Result<()> {
        if let Some((uid, gid)) = self.0 {
            chown(path, Some(uid), Some(gid))
                .with_context(|| format!("cannot give {} away", path.display()))?;
        }
        Ok(())
    }

    pub(super) fn runs(&self, command: &mut Command) {
        if let Some((uid, gid)) = self.0 {
            command.uid(uid).gid(gid);
        }
    }
}
