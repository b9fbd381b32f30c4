//! Is a WAL database used under another name?
//!
//! SQLite keeps the log of a database beside the name that its program opened. A hard link or a
//! mount of the single file is another name, with another log: what that log holds is missing under
//! this one.

use std::fs;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::fs::{AtFlags, CWD, Stat, StatxAttributes, StatxFlags};
use rustix::process::{Flock, FlockOffsetType, FlockType};

use super::guard;
use super::locks::{describe, holders};
use crate::mountinfo;
use crate::stop::Stop;

/// The bytes that a reader of any database locks, and the byte that every user of a `-shm` file
/// locks (SQLite's file format and its `os_unix.c`).
const SHARED: (u64, u64) = (0x4000_0002, 510);
const SHM_USED: (u64, u64) = (128, 1);

/// Who opens or closes a database has a lock on it for a moment without one on its `-shm`: how
/// often, and how long each time, that moment is waited for.
const NAPS: (u32, Duration) = (40, Duration::from_millis(50));

/// How the other processes use a database.
enum Use {
    /// None has it open.
    Unused,
    /// All that have it open also have the `-shm` file that lies beside this name.
    Here,
    /// One does not.
    Elsewhere(String),
}

/// Refuses a WAL database, open in this process, that others use or may have used under another
/// name. `has_log`: a log with content lay beside this name before it was opened.
///
/// # Errors
/// One sentence that says how the other name is known.
pub(super) fn refuse(path: &Path, found: &Stat, has_log: bool, stop: Stop) -> Result<()> {
    let shown = path.display();
    let (times, nap) = NAPS;
    let mut how = guard::with_descriptors(path, |file, shm| by_others(file, shm, found));
    for _ in 0..times {
        match &how {
            Some(Use::Elsewhere(_)) => {
                stop.check()?;
                std::thread::sleep(nap);
            }
            _ => break,
        }
        how = guard::with_descriptors(path, |file, shm| by_others(file, shm, found));
    }
    match how {
        Some(Use::Elsewhere(who)) => bail!(
            "{who} uses {shown} under another name (a hard link, or a mount of the single file), so what it commits is in a log beside that name; dump the database under the name that its program uses"
        ),
        Some(Use::Here) => return Ok(()),
        Some(Use::Unused) | None if has_log => return Ok(()),
        Some(Use::Unused) | None => {}
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

fn by_others(file: BorrowedFd<'_>, shm: BorrowedFd<'_>, found: &Stat) -> Use {
    let Some(user) = lock_of_others(file, SHARED) else {
        return Use::Unused;
    };
    if lock_of_others(shm, SHM_USED).is_none() {
        return Use::Elsewhere(describe(user));
    }
    // Both kinds of users may be there at once; the kernel tells of one lock only.
    let shm = rustix::fs::fstat(shm);
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let here = shm.map(|shm| holders(&locks, &shm)).unwrap_or_default();
    let own = i64::from(std::process::id());
    let elsewhere = holders(&locks, found)
        .into_iter()
        .find(|pid| *pid != own && !here.contains(pid));
    match elsewhere {
        Some(pid) => Use::Elsewhere(describe(pid)),
        None => Use::Here,
    }
}

/// The process that keeps this one from locking so many bytes, 0 where it cannot be seen.
fn lock_of_others(file: BorrowedFd<'_>, (start, length): (u64, u64)) -> Option<i64> {
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

/// Is the file mounted somewhere by itself, here or, as far as this process sees, elsewhere?
fn is_mounted(path: &Path) -> bool {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    let root = StatxAttributes::MOUNT_ROOT;
    let statx = rustix::fs::statx(CWD, path, flags, StatxFlags::empty());
    statx.is_ok_and(|found| found.stx_attributes.contains(root)) || mountinfo::is_bound(path)
}
