//! Where throwaway databases live.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::human;

const NOBODY: u32 = 65534;

/// A longer path leaves no room for a socket's name: `sun_path` of unix(7) has 108 bytes.
const LONGEST: usize = 80;

/// A directory that goes with this value.
pub(super) struct Scratch {
    place: TempDir,
    /// Where sockets are instead, if its own path is too long.
    sockets: Option<TempDir>,
}

impl Scratch {
    /// Below `parent`, for at least `bytes`.
    pub(super) fn new(parent: Option<&Path>, bytes: u64) -> Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
        let context = || format!("cannot make a directory in {}", parent.display());
        let place = tempfile::Builder::new()
            .prefix("drill-")
            .tempdir_in(&parent)
            .with_context(context)?;
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
            let short = tempfile::Builder::new().prefix("drill-").tempdir_in("/tmp");
            Some(short.context("cannot make a directory for a socket in /tmp")?)
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
