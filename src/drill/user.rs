//! The user of a drill that root starts. The user exists for this drill only, so no server and no
//! file of the machine trusts it.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::process::{Pid, Signal};

/// The range of user numbers that systemd gives to dynamic users (systemd.exec(5),
/// `DynamicUser=`).
const FIRST: u32 = 61184;
const LAST: u32 = 65519;
/// The directory in which systemd locks the numbers in use.
const LOCKS: &str = "/run/systemd/dynamic-uid";
const OWN_LOCKS: &str = "/run/dump-database-drill";
const ATTEMPTS: usize = 100;

/// A user that no other process runs as while this value lives. Dropping this value kills the
/// processes that still run as the user.
pub(super) struct FreshUser {
    pub(super) id: u32,
    lock: PathBuf,
    _locked: File,
}

impl FreshUser {
    /// Takes a number that belongs to no user, no group and no process.
    ///
    /// # Errors
    /// When every number that was tried is in use, or its lock cannot be made.
    pub(super) fn take() -> Result<Self> {
        let locks = if Path::new(LOCKS).is_dir() {
            Path::new(LOCKS)
        } else {
            let _ = fs::create_dir(OWN_LOCKS);
            Path::new(OWN_LOCKS)
        };
        for _ in 0..ATTEMPTS {
            let id = random()?;
            if let Some(user) = FreshUser::lock(locks, id)? {
                // The checks follow the lock: until then the number may have belonged to another
                // drill.
                if !is_known("passwd", id) && !is_known("group", id) && processes_of(id).is_empty()
                {
                    return Ok(user);
                }
            }
        }
        anyhow::bail!("every user number from {FIRST} to {LAST} that was tried is in use")
    }

    /// Locks the number in the way systemd does: with a file of that name, which is removed while
    /// it is locked. Returns `None` if another process has the lock.
    fn lock(locks: &Path, id: u32) -> Result<Option<Self>> {
        let lock = locks.join(id.to_string());
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let locked = rustix::fs::open(&lock, flags, Mode::from_raw_mode(0o600));
        let locked =
            File::from(locked.with_context(|| {
                format!("cannot lock a user for the drill ({})", lock.display())
            })?);
        if rustix::fs::flock(&locked, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(None);
        }
        // The process that held the lock before may have removed the file.
        let is_there = fs::metadata(&lock).is_ok_and(|meta| {
            locked
                .metadata()
                .is_ok_and(|own| own.ino() == meta.ino() && own.dev() == meta.dev())
        });
        Ok(is_there.then_some(FreshUser {
            id,
            lock,
            _locked: locked,
        }))
    }

    /// Kills every process that runs as this user: all of them were started by the drill.
    pub(super) fn end_processes(&self) {
        for _ in 0..ATTEMPTS {
            let running = processes_of(self.id);
            if running.is_empty() {
                return;
            }
            for process in running {
                let _ = rustix::process::kill_process(process, Signal::KILL);
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

impl Drop for FreshUser {
    fn drop(&mut self) {
        self.end_processes();
        let _ = fs::remove_file(&self.lock);
    }
}

fn random() -> Result<u32> {
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

fn processes_of(id: u32) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let owned = entries.filter(|entry| entry.metadata().is_ok_and(|meta| meta.uid() == id));
    let numbers = owned.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(Pid::from_raw).collect()
}
