//! Limits which files SQLite may open and remove.
//!
//! SQLite reaches files by path. The owner of a database's directory can exchange the files in it
//! at any moment: for a symlink, for a pipe that nobody writes to, or for a file of root. A journal
//! can even name any file of the machine (a "super-journal"), which SQLite then reads and removes.
//! So this module replaces the system calls by which SQLite opens, removes and gives away files.
//! The replacements reach only a database that was admitted, its side files and SQLite's temporary
//! files. They follow no symlink, and they reach only regular files. If root runs the program, they
//! reach only files that belong to the database's owner or to the group that may write the
//! database.

#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr, c_char, c_int};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rusqlite::ffi;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use rustix::process::{Gid, RawGid as gid_t, RawUid as uid_t, Uid};

use super::sides::SIDES;
use crate::follow::follow;

/// The greatest amount of memory in bytes that SQLite may have in use for the checks of a run: a
/// schema can ask for any amount. `room.rs` allows some checks as much each.
pub(super) const MEMORY: i64 = 512 << 20;

/// Another process of root creates a side file and then gives it away. These are the number of
/// times, and the time each, to wait for that.
const NAPS: (u32, Duration) = (50, Duration::from_millis(2));

/// A database that SQLite may open.
#[derive(Debug, Clone, Copy)]
struct AdmittedDatabase {
    file: (u64, u64),
    owner: u32,
    /// The group that may write the database, if one may.
    group: Option<u32>,
    /// SQLite's descriptors of the database and of its `-shm` file, as it last opened them.
    descriptors: [Option<RawFd>; 2],
}

impl AdmittedDatabase {
    /// Returns true if the side file belongs to the database's owner, or if a member of the group
    /// that may write the database created it. The group may read and write such a file, so root
    /// reveals nothing by using it.
    fn may_have(&self, side: &Stat) -> bool {
        let is_groups =
            Some(side.st_gid) == self.group && side.st_mode & 0o060 == 0o060 && side.st_nlink == 1;
        side.st_uid == self.owner || is_groups
    }
}

static ADMITTED: Mutex<BTreeMap<PathBuf, AdmittedDatabase>> = Mutex::new(BTreeMap::new());

fn lock_admitted() -> MutexGuard<'static, BTreeMap<PathBuf, AdmittedDatabase>> {
    ADMITTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets SQLite open the file `found` at `path`, which has no symlinks, and its side files.
pub(super) fn admit(path: &Path, found: &Stat) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(install);
    let file = (found.st_dev, found.st_ino);
    let mut admitted = lock_admitted();
    if admitted.get(path).is_none_or(|known| known.file != file) {
        let known = AdmittedDatabase {
            file,
            owner: found.st_uid,
            group: (found.st_mode & 0o020 != 0).then_some(found.st_gid),
            descriptors: [None; 2],
        };
        admitted.insert(path.to_owned(), known);
    }
}

/// Lets SQLite open a file that this process created and holds open. Returns its path without
/// symlinks.
///
/// # Errors
/// When another file has the path.
pub(super) fn admit_own(path: &Path, file: &File) -> Result<PathBuf> {
    let context = || format!("cannot reach {}", path.display());
    let own = rustix::fs::fstat(file).with_context(context)?;
    let followed = follow(path).with_context(context)?;
    let is_own = followed
        .found
        .as_ref()
        .is_some_and(|found| (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino));
    ensure!(
        is_own,
        "{} was replaced or removed while this command ran",
        path.display()
    );
    admit(&followed.path, &own);
    Ok(followed.path)
}

/// Calls `look` with SQLite's own descriptors of a database and of its `-shm` file, and returns the
/// result. Returns `None` if SQLite has not opened both. The program must not open these files
/// again: closing another descriptor of them drops this process's locks.
pub(super) fn use_descriptors<T>(
    path: &Path,
    look: impl FnOnce(BorrowedFd<'_>, BorrowedFd<'_>) -> T,
) -> Option<T> {
    let [file, shm] = lock_admitted().get(path)?.descriptors;
    // SAFETY: the caller's connection keeps both open. If it did not, another file could have the
    // number, and only its locks would be asked for.
    let (file, shm) = unsafe { (BorrowedFd::borrow_raw(file?), BorrowedFd::borrow_raw(shm?)) };
    Some(look(file, shm))
}

/// Calls `look` with SQLite's own descriptor of a database, as [`use_descriptors`] does.
pub(super) fn use_descriptor<T>(path: &Path, look: impl FnOnce(BorrowedFd<'_>) -> T) -> Option<T> {
    let [file, _] = lock_admitted().get(path)?.descriptors;
    // SAFETY: as in `use_descriptors`.
    Some(look(unsafe { BorrowedFd::borrow_raw(file?) }))
}

/// Sets the greatest amount of memory in bytes that SQLite may have in use.
pub(super) fn limit_memory(bytes: i64) {
    // SAFETY: the call takes and returns numbers, and SQLite locks its state for it.
    unsafe {
        ffi::sqlite3_hard_heap_limit64(bytes);
    }
}

/// Replaces SQLite's `open`, `unlink` and `fchown`.
fn install() {
    type SystemCall = unsafe extern "C" fn();
    let calls: [(&CStr, SystemCall); 3] = [
        // SAFETY: SQLite calls each function with the types of its definition.
        (c"open", unsafe {
            std::mem::transmute::<extern "C" fn(*const c_char, c_int, c_int) -> c_int, SystemCall>(
                open,
            )
        }),
        (c"unlink", unsafe {
            std::mem::transmute::<extern "C" fn(*const c_char) -> c_int, SystemCall>(unlink)
        }),
        (c"fchown", unsafe {
            std::mem::transmute::<extern "C" fn(c_int, uid_t, gid_t) -> c_int, SystemCall>(fchown)
        }),
    ];
    // SAFETY: the default VFS exists until the process ends. It is the unix VFS, which has these
    // calls.
    unsafe {
        ffi::sqlite3_hard_heap_limit64(MEMORY);
        let vfs = ffi::sqlite3_vfs_find(std::ptr::null());
        if let Some(set) = vfs.as_ref().and_then(|vfs| vfs.xSetSystemCall) {
            for (name, call) in calls {
                set(vfs, name.as_ptr(), Some(call));
            }
        }
    }
}

extern "C" fn open(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    // SAFETY: SQLite gives a path that ends in a zero byte.
    let path = unsafe { CStr::from_ptr(path) };
    let flags = OFlags::from_bits_retain(flags.cast_unsigned());
    let mode = Mode::from_raw_mode(mode.cast_unsigned());
    match open_admitted(Path::new(OsStr::from_bytes(path.to_bytes())), flags, mode) {
        Ok(file) => file.into_raw_fd(),
        Err(error) => fail(error),
    }
}

extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: as in `open`.
    let path = unsafe { CStr::from_ptr(path) };
    let path = Path::new(OsStr::from_bytes(path.to_bytes()));
    let removed = if is_temporary(path) || find_admitted(path).is_some() {
        rustix::fs::unlinkat(CWD, path, AtFlags::empty())
    } else {
        Err(Errno::ACCESS)
    };
    removed.map_or_else(fail, |()| 0)
}

/// Gives a side file that root created to the database's owner. SQLite would also give away a side
/// file that another user created, and that user then could not open it any more.
extern "C" fn fchown(file: c_int, owner: uid_t, group: gid_t) -> c_int {
    // SAFETY: SQLite has the file open.
    let file = unsafe { BorrowedFd::borrow_raw(file) };
    let given = rustix::fs::fstat(file).and_then(|found| {
        if found.st_uid != rustix::process::geteuid().as_raw() {
            return Ok(());
        }
        let (owner, group) = (Uid::from_raw(owner), Gid::from_raw(group));
        rustix::fs::fchown(file, Some(owner), Some(group))
    });
    given.map_or_else(fail, |()| 0)
}

fn fail(error: Errno) -> c_int {
    errno::set_errno(errno::Errno(error.raw_os_error()));
    -1
}

fn open_admitted(path: &Path, flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    if ["/dev/urandom", "/dev/null"]
        .iter()
        .any(|device| path == Path::new(device))
        || (is_temporary(path) && flags.contains(OFlags::EXCL))
    {
        return rustix::fs::open(path, flags, mode);
    }
    let known = lock_admitted().get(path).copied();
    if let Some(known) = known {
        let file = resolve(path, flags.difference(OFlags::CREATE), mode)?;
        let found = rustix::fs::fstat(&file)?;
        if (found.st_dev, found.st_ino) != known.file {
            return Err(Errno::ACCESS);
        }
        remember(path, 0, &file);
        return Ok(file);
    }
    if let Some((database, known)) = find_admitted(path) {
        let file = open_side(path, flags, mode, known)?;
        if path.as_os_str().as_bytes().ends_with(b"-shm") {
            remember(&database, 1, &file);
        }
        return Ok(file);
    }
    if lock_admitted()
        .keys()
        .any(|database| database.parent() == Some(path))
    {
        return resolve(path, flags | OFlags::DIRECTORY, mode);
    }
    Err(Errno::ACCESS)
}

/// Opens a side file, or creates it if `flags` ask for that. Root opens only a side file that
/// [`AdmittedDatabase::may_have`] allows.
fn open_side(
    path: &Path,
    flags: OFlags,
    mode: Mode,
    database: AdmittedDatabase,
) -> rustix::io::Result<OwnedFd> {
    let (times, nap) = NAPS;
    for _ in 0..times {
        if flags.contains(OFlags::CREATE) {
            match resolve(path, flags | OFlags::EXCL, mode) {
                Err(Errno::EXIST) => {}
                created => return created,
            }
        }
        let file = match resolve(path, flags.difference(OFlags::CREATE), mode) {
            // Another process removed the file meanwhile.
            Err(Errno::NOENT) if flags.contains(OFlags::CREATE) => continue,
            file => file?,
        };
        let found = rustix::fs::fstat(&file)?;
        if !FileType::from_raw_mode(found.st_mode).is_file() {
            return Err(Errno::ACCESS);
        }
        if !rustix::process::geteuid().is_root() || database.may_have(&found) {
            return Ok(file);
        }
        std::thread::sleep(nap);
    }
    Err(Errno::ACCESS)
}

/// Opens a path that must contain no symlinks.
fn resolve(path: &Path, flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
    let flags_without_mode = !flags.contains(OFlags::CREATE);
    let given = if flags_without_mode {
        Mode::empty()
    } else {
        mode
    };
    match rustix::fs::openat2(CWD, path, flags, given, ResolveFlags::NO_SYMLINKS) {
        // An old kernel or a filter of system calls refuses `openat2`.
        Err(Errno::NOSYS | Errno::PERM) => {}
        opened => return opened,
    }
    let raw = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    let followed = follow(path).map_err(raw)?;
    if followed.has_links() {
        return Err(Errno::LOOP);
    }
    rustix::fs::openat(&followed.directory, &followed.name, flags, mode)
}

/// Records the number of a descriptor that SQLite now has: `which` is 0 for the database and 1 for
/// its `-shm` file.
fn remember(database: &Path, which: usize, file: &OwnedFd) {
    use std::os::fd::AsRawFd;
    if let Some(known) = lock_admitted().get_mut(database) {
        known.descriptors[which] = Some(file.as_fd().as_raw_fd());
    }
}

/// Returns the admitted database that `path` is a side file of, or `None`.
fn find_admitted(path: &Path) -> Option<(PathBuf, AdmittedDatabase)> {
    let bytes = path.as_os_str().as_bytes();
    SIDES.iter().find_map(|suffix| {
        let database = Path::new(OsStr::from_bytes(bytes.strip_suffix(suffix.as_bytes())?));
        let known = *lock_admitted().get(database)?;
        Some((database.to_owned(), known))
    })
}

/// Returns true if `path` has the kind of name that SQLite gives its temporary files.
fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_bytes().starts_with(b"etilqs_")
}
