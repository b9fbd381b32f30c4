//! Detects that a WAL database is used under another name.
//!
//! SQLite keeps the log of a database beside the name that its program opened. A hard link or a
//! mount of the single file is another name, with another log. A dump under this name lacks what
//! the other log holds.

use std::fs;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::fs::{AtFlags, CWD, Stat, StatxAttributes, StatxFlags};
use rustix::process::{Flock, FlockOffsetType, FlockType};

use super::guard;
use super::locks::{describe, find_holders};
use crate::mountinfo;
use crate::stop::Stop;

/// The bytes (start and length) that a reader of any database locks, and those that every user of a
/// `-shm` file locks (SQLite's file format and its `os_unix.c`).
const SHARED: (u64, u64) = (0x4000_0002, 510);
const SHM_USED: (u64, u64) = (128, 1);

/// A program that opens or closes a database has, for a moment, a lock on it without a lock on its
/// `-shm` file. These are the number of times, and the time each, to wait for the end of that
/// moment.
const NAPS: (u32, Duration) = (40, Duration::from_millis(50));

/// How other processes use a database.
enum ProcessUse {
    /// No other process has the database open.
    Unused,
    /// All processes that have the database open also have the `-shm` file open that lies beside
    /// this name.
    Here,
    /// A process, described by this text, has the database open without that `-shm` file.
    Elsewhere(String),
}

/// Refuses a WAL database, open in this process, that others use or may have used under another
/// name. `has_log` is true if a log with content lay beside this name before this process opened
/// the database.
///
/// # Errors
/// Returns one sentence that says how the other name is known.
pub(super) fn refuse(path: &Path, found: &Stat, has_log: bool, stop: Stop) -> Result<()> {
    let shown = path.display();
    let (times, nap) = NAPS;
    let mut how = guard::use_descriptors(path, |file, shm| find_use(file, shm, found));
    for _ in 0..times {
        match &how {
            Some(ProcessUse::Elsewhere(_)) => {
                stop.check()?;
                std::thread::sleep(nap);
            }
            _ => break,
        }
        how = guard::use_descriptors(path, |file, shm| find_use(file, shm, found));
    }
    match how {
        Some(ProcessUse::Elsewhere(who)) => bail!(
            "{who} uses {shown} under another name (a hard link, or a mount of the single file), so what it commits is in a log beside that name; dump the database under the name that its program uses"
        ),
        Some(ProcessUse::Here) => return Ok(()),
        Some(ProcessUse::Unused) | None if has_log => return Ok(()),
        Some(ProcessUse::Unused) | None => {}
    }
    if found.st_nlink > 1 {
        bail!(
            "{shown} has {} names (hard links) and no program uses it under this one, so the newest commits may be in a log beside another name; remove the other names, or dump it while its program runs",
            found.st_nlink
        );
    }
    if is_mounted(path) {
        bail!(
            "{shown} is mounted as a single file and no program uses it under this name, so the newest commits may be in a log beside another name; mount its directory instead, or dump it while its program runs"
        );
    }
    Ok(())
}

fn find_use(file: BorrowedFd<'_>, shm: BorrowedFd<'_>, found: &Stat) -> ProcessUse {
    let Some(user) = find_lock_holder(file, SHARED) else {
        return ProcessUse::Unused;
    };
    if find_lock_holder(shm, SHM_USED).is_none() {
        return ProcessUse::Elsewhere(describe(user));
    }
    // Processes of both kinds may use the database at the same time, but the kernel reports one
    // lock only.
    let shm = rustix::fs::fstat(shm);
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let here = shm
        .map(|shm| find_holders(&locks, &shm))
        .unwrap_or_default();
    let own = i64::from(std::process::id());
    let elsewhere = find_holders(&locks, found)
        .into_iter()
        .find(|pid| *pid != own && !here.contains(pid));
    match elsewhere {
        Some(pid) => ProcessUse::Elsewhere(describe(pid)),
        None => ProcessUse::Here,
    }
}

/// Returns the ID of the process whose lock keeps this process from locking these bytes (start and
/// length), or 0 if that process cannot be seen. Returns `None` if there is no such lock.
pub(super) fn find_lock_holder(file: BorrowedFd<'_>, (start, length): (u64, u64)) -> Option<i64> {
    let wanted = Flock {
        start,
        length,
        pid: None,
        typ: FlockType::WriteLock,
        offset_type: FlockOffsetType::Set,
    };
    let found = rustix::process::fcntl_getlk(file, &wanted).ok()??;
    Some(found.pid.map_or(0, |pid| i64::from(pid.as_raw_pid())))
}

/// Returns true if the file itself is mounted on this path or, as far as this process sees, on
/// another.
fn is_mounted(path: &Path) -> bool {
    is_mount_point(path) || mountinfo::is_bound(path)
}

/// Returns true if the file itself is mounted on this path.
pub(super) fn is_mount_point(path: &Path) -> bool {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    let root = StatxAttributes::MOUNT_ROOT;
    let statx = rustix::fs::statx(CWD, path, flags, StatxFlags::empty());
    statx.is_ok_and(|found| found.stx_attributes.contains(root))
}
