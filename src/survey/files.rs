//! SQLite files, by their first bytes.
//!
//! The owner of a directory chooses what is in it. So nothing is opened that is no regular file,
//! no symlink is followed, and the number of entries, the depth, the length of a path, the time, and what
//! is reported are limited.

use std::collections::HashSet;
use std::ffi::{CStr, OsStr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::skip::{Skip, Skips};
use crate::human::format_duration;
use crate::mountinfo;
use crate::stop::Stop;

/// The first bytes of an SQLite database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The smallest page of SQLite in bytes; the size of a database is a multiple of it.
const PAGE: u64 = 512;
/// The most directories below a place, one in the other.
const DEPTH: usize = 40;
/// The most entries of directories that are looked at.
const ENTRIES: u64 = 5_000_000;
/// The greatest length of a path in bytes (`PATH_MAX`): no program opens a longer one as a whole.
const LONGEST: usize = 4096;
/// The most databases that are reported.
const DATABASES: usize = 20_000;
/// The most directories and files of which it is reported that they were not looked at.
const UNSEEN: usize = 1000;

/// What a search meets.
#[derive(Debug)]
pub(super) enum Met {
    /// An SQLite database.
    Database(PathBuf),
    /// A directory that was not entered, or a file that was not read, and why.
    Unseen(PathBuf, String),
    /// The search ended, and why it is not complete, if it is not.
    End(Option<String>),
}

/// Searches `places` for SQLite files in another thread, because a directory of a file system that
/// hangs would hold up this one. The thread ends at `stop`, or with the process.
pub(super) fn search(places: Vec<PathBuf>, stop: Stop) -> Receiver<Met> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut search = Search {
            skips: Skips::new(mountinfo::list_types()),
            seen: HashSet::new(),
            entries: 0,
            unseen: 0,
            sender,
            stop,
        };
        for place in places {
            search.begin(&place);
        }
        if search.unseen > UNSEEN {
            let more = search.unseen - UNSEEN;
            let more = crate::human::format_count(more, "more place") + " below it";
            search.tell(Met::Unseen(PathBuf::from("/"), more));
        }
        search.tell(Met::End(search.end()));
    });
    receiver
}

/// A search under way.
struct Search {
    skips: Skips,
    /// The device and inode of each database that was found: a file may be mounted twice.
    seen: HashSet<(u64, u64)>,
    entries: u64,
    /// The number of directories and files that were not looked at.
    unseen: usize,
    sender: Sender<Met>,
    stop: Stop,
}

impl Search {
    fn tell(&self, met: Met) {
        // Nobody waits any more after the deadline.
        let _ = self.sender.send(met);
    }

    fn report_unseen(&mut self, path: &Path, why: impl std::fmt::Display) {
        self.unseen += 1;
        if self.unseen <= UNSEEN {
            self.tell(Met::Unseen(path.to_owned(), why.to_string()));
        }
    }

    /// Returns why the search must end, or why it is not complete.
    fn end(&self) -> Option<String> {
        if self.stop.reason().is_some() {
            let limit = format_duration(self.stop.limit());
            Some(format!("it ended after {limit} (--timeout)"))
        } else if self.entries >= ENTRIES {
            Some(format!(
                "there are more than {ENTRIES} files and directories"
            ))
        } else if self.seen.len() > DATABASES {
            Some(format!("there are more than {DATABASES} SQLite databases"))
        } else {
            None
        }
    }

    fn begin(&mut self, place: &Path) {
        // A place that the user names may be a symlink.
        let real = match place.canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => return self.report_unseen(place, error),
        };
        match rustix::fs::open(&real, DIRECTORY, Mode::empty()) {
            Ok(directory) => self.enter(&directory, &real, 0),
            Err(Errno::NOTDIR) => {
                let parent = real.parent().unwrap_or(Path::new("/"));
                let parent = rustix::fs::open(parent, DIRECTORY, Mode::empty());
                let name = real.file_name().unwrap_or_default();
                match (parent, std::ffi::CString::new(name.as_bytes())) {
                    (Ok(parent), Ok(name)) => self.look_at(parent.as_fd(), &name, &real),
                    _ => self.report_unseen(&real, "it cannot be opened"),
                }
            }
            Err(error) => self.report_unseen(&real, error),
        }
    }

    /// Looks at every entry of a directory, and below.
    fn enter(&mut self, directory: &OwnedFd, path: &Path, depth: usize) {
        if depth > DEPTH {
            return self.report_unseen(path, "it lies too deep");
        }
        let entries = match Dir::read_from(directory) {
            Ok(entries) => entries,
            Err(error) => return self.report_unseen(path, error),
        };
        for entry in entries {
            if self.end().is_some() {
                return self.report_unseen(path, "the survey ended before it was looked through");
            }
            self.entries += 1;
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.report_unseen(path, error),
            };
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let below = path.join(OsStr::from_bytes(name.to_bytes()));
            if below.as_os_str().len() >= LONGEST {
                return self.report_unseen(path, "its path is too long");
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match stat(directory.as_fd(), name) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(_) => continue,
                },
                kind => kind,
            };
            if kind.is_dir() {
                match self.skips.judge(&below) {
                    Skip::No => {}
                    Skip::Silently => continue,
                    Skip::Because(why) => {
                        self.report_unseen(&below, why);
                        continue;
                    }
                }
                match rustix::fs::openat(directory, name, DIRECTORY, Mode::empty()) {
                    Ok(directory) => self.enter(&directory, &below, depth + 1),
                    // It was removed or exchanged meanwhile.
                    Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                    Err(error) => self.report_unseen(&below, error),
                }
            } else if kind.is_file() {
                self.look_at(directory.as_fd(), name, &below);
            }
        }
    }

    fn look_at(&mut self, directory: BorrowedFd<'_>, name: &CStr, path: &Path) {
        match is_database(directory, name) {
            Ok(Some(stat)) => {
                if self.seen.insert((stat.st_dev, stat.st_ino)) && self.seen.len() <= DATABASES {
                    self.tell(Met::Database(path.to_owned()));
                }
            }
            Ok(None) | Err(Errno::NOENT | Errno::LOOP) => {}
            Err(error) => self.report_unseen(path, error),
        }
    }
}

const DIRECTORY: OFlags = OFlags::DIRECTORY
    .union(OFlags::RDONLY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

fn stat(directory: BorrowedFd<'_>, name: &CStr) -> Result<Stat, Errno> {
    rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
}

/// Returns the metadata of a file if it begins as an SQLite database does. The file is opened for
/// reading only after a descriptor that cannot read shows that it is a regular file: to open a
/// device or a pipe may have effects or wait.
fn is_database(directory: BorrowedFd<'_>, name: &CStr) -> Result<Option<Stat>, Errno> {
    let may_be = |stat: &Stat| {
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        FileType::from_raw_mode(stat.st_mode).is_file() && size >= PAGE && size % PAGE == 0
    };
    if !may_be(&stat(directory, name)?) {
        return Ok(None);
    }
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = rustix::fs::openat(directory, name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&found)?;
    if !may_be(&stat) {
        return Ok(None);
    }
    let again = format!("/proc/self/fd/{}", found.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let open = |flags| rustix::fs::open(&again, flags, Mode::empty());
    // Only the owner of a file and root may read it without a trace.
    let file = open(flags | OFlags::NOATIME).or_else(|error| match error {
        Errno::PERM => open(flags),
        error => Err(error),
    })?;
    let mut first = [0; MAGIC.len()];
    let read = rustix::io::pread(&file, &mut first, 0)?;
    Ok((read == first.len() && first == *MAGIC).then_some(stat))
}
