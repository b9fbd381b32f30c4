//! Where throwaway databases live.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use tempfile::TempDir;

use crate::human;

const NOBODY: u32 = 65534;

const PREFIX: &str = "dump-database-drill-";
/// Letters and digits after it, chosen at random.
const RANDOM: usize = 12;
/// In each of them; no other directory goes, whatever it is called.
const MARK: &str = ".dump-database-drill";

/// A longer path leaves no room for a socket's name: `sun_path` of unix(7) has 108 bytes.
const LONGEST: usize = 80;
const SHORT: &str = "/tmp";

/// A directory that goes with this value.
struct Place {
    directory: TempDir,
    /// Locked: a drill is at work in it.
    _held: File,
}

impl Place {
    /// It is locked before it is marked, so one that is marked and not locked was left behind.
    fn new(parent: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .rand_bytes(RANDOM)
            .tempdir_in(parent)?;
        let held = File::open(directory.path())?;
        // On a filesystem without locks nobody gets one, so nothing is ever taken for left behind.
        let _ = rustix::fs::flock(&held, FlockOperation::NonBlockingLockExclusive);
        File::create_new(directory.path().join(MARK))?;
        Ok(Place {
            directory,
            _held: held,
        })
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Where one drill works.
pub(super) struct Scratch {
    place: Place,
    /// Where sockets are instead, if its own path is too long.
    sockets: Option<Place>,
}

impl Scratch {
    /// Below `parent`, for at least `bytes`.
    pub(super) fn new(parent: Option<&Path>, bytes: u64) -> Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
        let context = || format!("cannot make a directory in {}", parent.display());
        remove_stale(&parent);
        let place = Place::new(&parent).with_context(context)?;
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
            let short = Path::new(SHORT);
            remove_stale(short);
            let sockets = Place::new(short);
            Some(sockets.context("cannot make a directory for a socket in /tmp")?)
        } else {
            None
        };
        Ok(Scratch { place, sockets })
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
    for entry in entries.filter(|entry| is_named(&entry.file_name())) {
        let path = entry.path();
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let Ok(held) = rustix::fs::open(&path, flags, Mode::empty()) else {
            continue;
        };
        let operation = FlockOperation::NonBlockingLockExclusive;
        if !is_marked(&held) || rustix::fs::flock(&held, operation).is_err() {
            continue;
        }
        match fs::remove_dir_all(&path) {
            Ok(()) => log::info!(
                "removed {}, left by a drill that was killed",
                path.display()
            ),
            Err(error) => log::warn!("cannot remove {}: {error}", path.display()),
        }
    }
}

fn is_named(name: &OsStr) -> bool {
    let random = name.as_bytes().strip_prefix(PREFIX.as_bytes());
    random.is_some_and(|random| {
        random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric)
    })
}

/// Does it bear the mark of this user's drills?
fn is_marked(directory: &OwnedFd) -> bool {
    let mark = rustix::fs::statat(directory, MARK, AtFlags::SYMLINK_NOFOLLOW);
    mark.is_ok_and(|mark| {
        FileType::from_raw_mode(mark.st_mode).is_file()
            && mark.st_uid == rustix::process::geteuid().as_raw()
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As if its process had been killed: nobody holds it, and it is still there.
    fn killed(place: Place) -> PathBuf {
        place.directory.keep()
    }

    #[test]
    fn only_what_a_drill_left_goes() {
        let parent = tempfile::tempdir().unwrap();
        let long = parent.path().join("x".repeat(LONGEST));
        fs::create_dir(&long).unwrap();
        let at_work = Scratch::new(Some(&long), 0).unwrap();
        let sockets = at_work.sockets.as_ref().unwrap().path().to_owned();
        let unmarked = Path::new(SHORT).join(format!("{PREFIX}{}", "x".repeat(RANDOM)));
        let _ = fs::create_dir(&unmarked);
        // It looks into both places.
        drop(Scratch::new(Some(&long), 0).unwrap());
        assert!(at_work.path().exists() && sockets.exists() && unmarked.exists());
        fs::remove_dir(unmarked).unwrap();

        let Scratch { place, sockets } = at_work;
        let left = [killed(place), killed(sockets.unwrap())];
        drop(Scratch::new(Some(&long), 0).unwrap());
        assert!(left.iter().all(|path| !path.exists()), "{left:?}");
    }
}
