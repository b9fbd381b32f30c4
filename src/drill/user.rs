//! The user of a drill that root starts. The user exists for this drill only, so no server and no
//! file of the machine trusts it.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::fs::{Access, FlockOperation, Mode, OFlags};

use super::leftovers::{end_processes_of, has_processes};

/// The range of user numbers that systemd gives to dynamic users (systemd.exec(5),
/// `DynamicUser=`).
const FIRST: u32 = 61184;
const LAST: u32 = 65519;
/// The directory in which systemd locks the numbers in use.
const LOCKS: &str = "/run/systemd/dynamic-uid";
/// The directory for the locks where systemd does not run, or where its directory is read-only.
const OWN_LOCKS: &str = "/run/dump-database-drill";
const ATTEMPTS: usize = 100;

/// A user that no other process runs as while this value lives. Dropping this value kills the
/// processes that still run as the user: all of them were started by the drill.
pub(super) struct FreshUser {
    pub(super) id: u32,
    _lock: Lock,
}

impl FreshUser {
    /// Takes a number that belongs to no user, no group and no process.
    ///
    /// # Errors
    /// When every number that was tried is in use, or its lock cannot be made.
    pub(super) fn take() -> Result<Self> {
        let locks = lock_directory()?;
        for _ in 0..ATTEMPTS {
            if let Some(user) = FreshUser::take_number(locks, draw_number()?)? {
                return Ok(user);
            }
        }
        bail!("every user number from {FIRST} to {LAST} that was tried is in use")
    }

    /// Returns the user with this number, or `None` if the number is in use.
    fn take_number(locks: &Path, id: u32) -> Result<Option<Self>> {
        let Some(lock) = Lock::take(locks, id)? else {
            return Ok(None);
        };
        // The checks follow the lock: until then the number may have belonged to another drill.
        // Before them there must be no `FreshUser`, because dropping one kills processes.
        let is_free = !is_known("passwd", id) && !is_known("group", id) && !has_processes(id);
        Ok(is_free.then(|| FreshUser { id, _lock: lock }))
    }
}

impl Drop for FreshUser {
    fn drop(&mut self) {
        end_processes_of(self.id);
    }
}

/// The lock of a user number, which is that of systemd: a file of that name, which is removed while
/// it is locked.
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Locks a number. Returns `None` if another process has the lock.
    fn take(locks: &Path, id: u32) -> Result<Option<Self>> {
        let path = locks.join(id.to_string());
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::open(&path, flags, Mode::from_raw_mode(0o600));
        let file =
            File::from(file.with_context(|| {
                format!("cannot lock a user for the drill ({})", path.display())
            })?);
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(None);
        }
        // The process that held the lock before may have removed the file.
        let is_there = fs::metadata(&path).is_ok_and(|meta| {
            file.metadata()
                .is_ok_and(|own| own.ino() == meta.ino() && own.dev() == meta.dev())
        });
        Ok(is_there.then_some(Lock { path, _file: file }))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Kills the processes that a killed drill left running as `user`. Does nothing if the number is
/// not one of a drill's user, or if it is in use again: by another drill, or by a service of
/// systemd.
pub(super) fn end_leftovers_of(user: u32) {
    if (FIRST..=LAST).contains(&user)
        && let Ok(locks) = lock_directory()
        && let Ok(Some(_lock)) = Lock::take(locks, user)
        && !is_known("passwd", user)
    {
        end_processes_of(user);
    }
}

/// Returns the directory of the locks, and creates it if it is missing: systemd creates its own
/// when it first needs it. Where only the other directory can be written, that one is used.
fn lock_directory() -> Result<&'static Path> {
    let has_systemd = Path::new("/run/systemd/system").is_dir();
    let locks = [LOCKS, OWN_LOCKS].map(Path::new);
    let mut tried = locks.into_iter().skip(usize::from(!has_systemd));
    tried.find(|locks| make_shared(locks)).with_context(|| {
        format!("cannot make {LOCKS} or {OWN_LOCKS}, to lock a user for the drill")
    })
}

/// Makes a directory with the mode that systemd gives it, whatever the umask is. Returns true if
/// the directory exists and can be written.
fn make_shared(directory: &Path) -> bool {
    let made = fs::create_dir(directory);
    if made.is_ok() {
        let _ = fs::set_permissions(directory, Permissions::from_mode(0o755));
    }
    rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

fn draw_number() -> Result<u32> {
    let mut bytes = [0; 4];
    let flags = rustix::rand::GetRandomFlags::empty();
    rustix::rand::getrandom(&mut bytes, flags).context("the kernel gives no random numbers")?;
    Ok(FIRST + u32::from_ne_bytes(bytes) % (LAST - FIRST + 1))
}

/// Asks all sources of users and groups that the system has (nsswitch.conf(5)) with `getent`, a
/// program of glibc. Without `getent`, reads the file in `/etc`.
fn is_known(database: &str, id: u32) -> bool {
    let mut getent = Command::new("getent");
    getent.args([database, &id.to_string()]);
    let asked = getent
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if let Ok(status) = asked {
        return status.success();
    }
    let all = fs::read_to_string(Path::new("/etc").join(database)).unwrap_or_default();
    let id = id.to_string();
    all.lines().any(|line| line.split(':').nth(2) == Some(&id))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;

    use super::*;

    fn sleep_as(user: u32) -> std::process::Child {
        let mut sleep = Command::new("sleep");
        sleep.arg("600").uid(user).gid(user).spawn().unwrap()
    }

    /// A number that somebody uses is not taken, and nothing that runs under it is killed.
    #[test]
    fn a_number_in_use_is_not_taken_and_its_processes_live() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let locks = tempfile::tempdir().unwrap();
        let mut used = sleep_as(FIRST + 1);
        assert!(
            FreshUser::take_number(locks.path(), FIRST + 1)
                .unwrap()
                .is_none()
        );
        assert!(used.try_wait().unwrap().is_none(), "it was killed");
        used.kill().unwrap();
        used.wait().unwrap();
        // The user `nobody` is known, and has no process here or many.
        assert!(
            FreshUser::take_number(locks.path(), 65534)
                .unwrap()
                .is_none()
        );

        let user = FreshUser::take_number(locks.path(), FIRST + 1)
            .unwrap()
            .unwrap();
        let again = FreshUser::take_number(locks.path(), FIRST + 1);
        assert!(again.unwrap().is_none(), "two drills have one user");
        let mut started = sleep_as(user.id);
        drop(user);
        assert!(!started.wait().unwrap().success());
        assert_eq!(fs::read_dir(locks.path()).unwrap().count(), 0);
    }
}
