//! The directories in which throwaway databases live.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Gid, Mode, OFlags, Uid};
use rustix::process::{getegid, geteuid};
use tempfile::TempDir;

use super::leftovers::end_own_processes_in;
use super::user::end_leftovers_of;
use crate::human;

const PREFIX: &str = "dump-database-drill-";
/// The number of random letters and digits after the prefix.
const RANDOM: usize = 12;
/// The name of the work directory, which the drill's user owns.
const WORK: &str = "work";
/// The name of a file in each directory of a drill; a directory without it is never removed,
/// whatever its name is.
const MARK: &str = ".dump-database-drill";

/// The longest path, in bytes, that leaves room for a socket's name: `sun_path` of unix(7) has 108
/// bytes.
const LONGEST: usize = 80;
const SHORT: &str = "/tmp";

/// A directory that only this user can enter, whatever the umask is; dropping this value removes
/// the directory.
pub(super) struct PrivateDirectory {
    directory: TempDir,
    /// The open directory, which is locked while a drill works in it.
    held: File,
}

impl PrivateDirectory {
    /// Makes and locks a directory. It is locked before the mark is made, so a directory with a
    /// mark and no lock is a leftover.
    fn new(parent: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .rand_bytes(RANDOM)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)?;
        let held = File::from(open_directory(directory.path())?);
        // On a filesystem without locks this fails, and no process can get the lock, so no
        // directory there is ever removed as a leftover.
        let _ = rustix::fs::flock(&held, FlockOperation::NonBlockingLockExclusive);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY;
        rustix::fs::openat(&held, MARK, flags, Mode::from_raw_mode(0o600))?;
        Ok(PrivateDirectory { directory, held })
    }

    /// Makes a directory in `/tmp` for the socket of a server whose work directory is `work`;
    /// returns `None` if the path of `work` is short enough for a socket.
    pub(super) fn for_sockets(work: &Path) -> Result<Option<Self>> {
        if work.as_os_str().len() <= LONGEST {
            return Ok(None);
        }
        let short = Path::new(SHORT);
        remove_stale(short);
        let place =
            PrivateDirectory::new(short).context("cannot make a directory for a socket in /tmp")?;
        Ok(Some(place))
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Makes a directory in this directory, with mode 0700 whatever the umask is, and gives it to
    /// `user`.
    fn make(&self, name: &str, user: Option<u32>) -> io::Result<PathBuf> {
        rustix::fs::mkdirat(&self.held, name, Mode::from_raw_mode(0o700))?;
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let made = rustix::fs::openat(&self.held, name, flags, Mode::empty())?;
        rustix::fs::fchmod(&made, Mode::from_raw_mode(0o700))?;
        if let Some(user) = user {
            rustix::fs::fchown(&made, Some(Uid::from_raw(user)), Some(Gid::from_raw(user)))?;
        }
        Ok(self.path().join(name))
    }
}

/// The directories of one drill.
pub(super) struct Scratch {
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "it is held until this value goes")
    )]
    place: PrivateDirectory,
    /// The work directory, which the drill's user owns.
    pub(super) work: PathBuf,
    /// An empty directory, on which the root directory of the sandbox is mounted.
    pub(super) root: PathBuf,
}

impl Scratch {
    /// Makes the directories of a drill below `parent`, which must have at least `bytes` free; the
    /// work directory belongs to `user`.
    pub(super) fn new(parent: Option<&Path>, bytes: u64, user: Option<u32>) -> Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
        let context = || format!("cannot make a directory in {}", parent.display());
        // The path must be the real one: a bind mount into the sandbox needs it, and a symbolic
        // link among its parents may change.
        let parent = parent.canonicalize().with_context(context)?;
        refuse_foreign(&parent)?;
        remove_stale(&parent);
        let place = PrivateDirectory::new(&parent).with_context(context)?;
        let stat = rustix::fs::fstatvfs(&place.held).with_context(context)?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        ensure!(
            free >= bytes,
            "{} has {} free and the content of the dump needs {}; name another directory with --scratch",
            parent.display(),
            human::format_bytes(free),
            human::format_bytes(bytes)
        );
        Ok(Scratch {
            work: place.make(WORK, user).with_context(context)?,
            root: place.make("root", None).with_context(context)?,
            place,
        })
    }
}

/// Refuses a directory in which another user can replace what this program makes, because that
/// user owns the directory or one of its parents, or can write to one of them.
fn refuse_foreign(parent: &Path) -> Result<()> {
    let (own, group) = (geteuid().as_raw(), getegid().as_raw());
    for above in parent.ancestors() {
        let meta = fs::symlink_metadata(above)
            .with_context(|| format!("cannot look at {}", above.display()))?;
        let mode = meta.mode();
        let is_sticky = mode & 0o1000 != 0;
        let is_own_group = meta.gid() == group || meta.gid() == 0;
        let is_shared = mode & 0o002 != 0 || mode & 0o020 != 0 && !is_own_group;
        let is_roots = meta.uid() == 0 || above == Path::new("/") && is_unmapped(meta.uid());
        let foreign = meta.uid() != own && !is_roots;
        ensure!(
            !foreign && (is_sticky || !is_shared),
            "another user can replace files in {}, because {} {}; name another directory with --scratch",
            parent.display(),
            above.display(),
            if foreign {
                format!("belongs to user {}", meta.uid())
            } else {
                "is writable by others and not sticky".to_owned()
            }
        );
    }
    Ok(())
}

/// Returns true if `user` stands for all users that this user namespace does not know. A `/` of
/// this user belongs to root.
fn is_unmapped(user: u32) -> bool {
    let overflow = fs::read_to_string("/proc/sys/kernel/overflowuid").unwrap_or_default();
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let is_mapped = map.lines().any(|line| {
        let numbers: Vec<u32> = line.split_whitespace().flat_map(str::parse).collect();
        matches!(numbers[..], [first, _, count] if user >= first && user - first < count)
    });
    overflow.trim() == user.to_string() && !is_mapped
}

fn open_directory(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty())
}

/// Removes what a killed drill left: a copy of a database.
fn remove_stale(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| is_named(&entry.file_name())) {
        let path = entry.path();
        let Ok(held) = open_directory(&path) else {
            continue;
        };
        let operation = FlockOperation::NonBlockingLockExclusive;
        if !is_marked(&held) || rustix::fs::flock(&held, operation).is_err() {
            continue;
        }
        end_leftovers(&held, &path.join(WORK));
        match fs::remove_dir_all(&path) {
            Ok(()) => log::info!(
                "removed {}, left by a drill that was killed",
                path.display()
            ),
            Err(error) => log::warn!("cannot remove {}: {error}", path.display()),
        }
    }
}

/// Kills what a killed drill left running. `held` is the directory of the drill, in which only this
/// user could make the directory `work`.
fn end_leftovers(held: &OwnedFd, work: &Path) {
    let user = rustix::fs::statat(held, WORK, AtFlags::SYMLINK_NOFOLLOW).map(|work| work.st_uid);
    match user {
        Ok(user) if geteuid().is_root() => end_leftovers_of(user),
        Ok(_) => end_own_processes_in(work),
        Err(_) => {}
    }
}

fn is_named(name: &OsStr) -> bool {
    let random = name.as_bytes().strip_prefix(PREFIX.as_bytes());
    random.is_some_and(|random| {
        random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric)
    })
}

/// Returns true if the directory belongs to this user and has the mark of a drill of this user.
/// Another user can give a file of this user the name of the mark, in a directory that belongs to that user.
fn is_marked(directory: impl AsFd) -> bool {
    let user = geteuid().as_raw();
    let owner = rustix::fs::fstat(&directory).map(|directory| directory.st_uid);
    let mark = rustix::fs::statat(&directory, MARK, AtFlags::SYMLINK_NOFOLLOW);
    owner == Ok(user)
        && mark.is_ok_and(|mark| {
            FileType::from_raw_mode(mark.st_mode).is_file() && mark.st_uid == user
        })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Leaves the directory as if the process of its drill had been killed: unlocked and not
    /// removed.
    fn kill(place: PrivateDirectory) -> PathBuf {
        place.directory.keep()
    }

    #[test]
    fn only_what_a_drill_left_goes() {
        let parent = tempfile::tempdir().unwrap();
        let long = parent.path().join("x".repeat(LONGEST));
        fs::create_dir(&long).unwrap();
        let make = || Scratch::new(Some(&long), 0, None).unwrap();
        let make_sockets = || PrivateDirectory::for_sockets(&long).unwrap().unwrap();
        let (at_work, sockets) = (make(), make_sockets());
        let unmarked = Path::new(SHORT).join(format!("{PREFIX}{}", "x".repeat(RANDOM)));
        let _ = fs::create_dir(&unmarked);
        drop((make(), make_sockets()));
        assert!(at_work.work.exists() && sockets.path().exists() && unmarked.exists());
        fs::remove_dir(unmarked).unwrap();

        let left = [kill(at_work.place), kill(sockets)];
        // Another test may have forked a process that holds the locks until it starts its program.
        let give_up = Instant::now() + Duration::from_secs(5);
        while left.iter().any(|path| path.exists()) {
            assert!(Instant::now() < give_up, "{left:?}");
            drop((make(), make_sockets()));
        }
    }
}
