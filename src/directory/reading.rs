//! Reading a dump directory, which needs no lock.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use super::{damage, mount};
use crate::follow::{FollowedPath, follow, open_regular};
use crate::header::Header;
use crate::name::{DumpName, Name};

/// A directory of dumps.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    fd: OwnedFd,
}

/// A file with the name of a dump.
#[derive(Debug, Clone)]
pub struct DumpFile {
    /// Its name, parsed.
    pub name: DumpName,
    /// Its size in bytes.
    pub bytes: u64,
    /// The number of the user who owns it.
    pub owner: u32,
}

impl Directory {
    /// Opens an existing directory.
    ///
    /// # Errors
    /// When it is missing, not a directory, or not readable; when a symlink on the way is another
    /// user's.
    pub fn open(path: &Path) -> Result<Self> {
        let path = make_absolute(path)?;
        let followed = follow(&path).with_context(|| describe_open_failure(&path))?;
        followed.trust_links()?;
        Self::open_followed(path, &followed)
    }

    /// Opens the directory that a path leads to over symlinks that were found trustworthy.
    fn open_followed(path: PathBuf, followed: &FollowedPath) -> Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&followed.directory, &followed.name, flags, Mode::empty())
            .with_context(|| describe_open_failure(&path))?;
        Ok(Directory { path, fd })
    }

    /// Opens a directory to dump into; creates its last component (0700) where that is missing.
    ///
    /// # Errors
    /// As [`Directory::open`]; when its parent is missing; when a filesystem that should be
    /// mounted above it is not; when a symlink on the way is another user's.
    pub fn open_or_create(path: &Path) -> Result<Self> {
        let path = make_absolute(path)?;
        if let Some(point) = mount::find_unmounted(&path) {
            bail!(
                "{} lies below {}, where a filesystem should be mounted and is not; nothing was written",
                path.display(),
                point.display()
            );
        }
        let shown = path.display();
        let followed = match follow(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
                "cannot create {shown}: its parent directory does not exist; create that first, or correct --to"
            ),
            followed => followed.with_context(|| format!("cannot reach {shown}"))?,
        };
        followed.trust_links()?;
        if followed.found.is_none() {
            if path.symlink_metadata().is_ok() {
                bail!("cannot create {shown}: it is a symlink to a path that does not exist");
            }
            create(&followed, &path)?;
        }
        Self::open_followed(path, &followed)
    }

    /// Returns its absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of the user who owns it.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn read_owner(&self) -> io::Result<u32> {
        Ok(rustix::fs::fstat(self)?.st_uid)
    }

    /// Returns the regular files with the name of a dump, by NAME, the oldest first. Other names are left
    /// out, and so is a file that vanishes during the call.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list_dumps(&self) -> Result<Vec<DumpFile>> {
        self.list("")
    }

    /// Returns the dumps of one NAME, and perhaps some of other NAMEs that begin like it.
    ///
    /// # Errors
    /// As [`Directory::list_dumps`].
    pub fn list_dumps_of(&self, name: &Name) -> Result<Vec<DumpFile>> {
        self.list(name.as_str())
    }

    fn list(&self, beginning: &str) -> Result<Vec<DumpFile>> {
        let context = || format!("cannot list {}", self.path.display());
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.fd).with_context(context)? {
            let entry = entry.with_context(context)?;
            let name = entry.file_name().to_str().ok();
            let name = name.filter(|name| name.starts_with(beginning));
            let Some(name) = name.and_then(DumpName::parse) else {
                continue;
            };
            match rustix::fs::statat(&self.fd, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_file() => {
                    entries.push(DumpFile {
                        name,
                        bytes: u64::try_from(stat.st_size).unwrap_or(0),
                        owner: stat.st_uid,
                    });
                }
                Ok(_) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error).with_context(context),
            }
        }
        entries.sort_by(|a, b| {
            (&a.name.name, a.name.time, a.name.sequence).cmp(&(
                &b.name.name,
                b.name.time,
                b.name.sequence,
            ))
        });
        Ok(entries)
    }

    /// Opens a dump for reading.
    ///
    /// # Errors
    /// `NotFound` when it vanished; any other error of opening it.
    pub fn read(&self, name: &DumpName) -> io::Result<File> {
        open_regular(&self.fd, name.to_string())
    }

    /// Reads the header of a dump, and compares the file's length and its end with it.
    ///
    /// # Errors
    /// As [`Directory::read`] and [`Header::read`]; `InvalidData` when the dump is visibly damaged.
    pub fn read_header(&self, entry: &DumpFile) -> io::Result<Header> {
        let mut file = io::BufReader::with_capacity(4608, self.read(&entry.name)?);
        let (header, _, compression) = Header::read(&mut file)?;
        damage::check_end(file.get_ref(), entry.bytes, &header, compression)?;
        Ok(header)
    }

    /// Gives a file that root created in another user's directory to that user, whose own runs must be
    /// able to replace it.
    pub(super) fn hand_over(&self, file: impl AsFd) {
        let (Ok(owner), Ok(own)) = (rustix::fs::fstat(self), rustix::fs::fstat(&file)) else {
            return;
        };
        // A file with a second name may be any file of root.
        if rustix::process::geteuid().is_root() && owner.st_uid != own.st_uid && own.st_nlink == 1 {
            let (uid, gid) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
            // If root may not give it away, the file stays root's.
            let _ = rustix::fs::fchown(file, Some(uid), Some(gid));
        }
    }

    /// Returns the path of a dump.
    #[must_use]
    pub fn path_of(&self, name: &DumpName) -> PathBuf {
        self.path.join(name.to_string())
    }
}

/// Creates the directory that a path leads to, 0700, and brings its name to the disk.
fn create(followed: &FollowedPath, path: &Path) -> Result<()> {
    let mode = Mode::from_raw_mode(0o700);
    match rustix::fs::mkdirat(&followed.directory, &followed.name, mode) {
        // Another run created it since.
        Err(Errno::EXIST) => return Ok(()),
        made => made.with_context(|| format!("cannot create {}", path.display()))?,
    }
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    rustix::fs::openat(&followed.directory, ".", flags, Mode::empty())
        .and_then(rustix::fs::fsync)
        .with_context(|| {
            let parent = path.parent().unwrap_or(path).display();
            format!("cannot write {parent} to the disk")
        })
}

fn describe_open_failure(path: &Path) -> String {
    format!("cannot open the dump directory {}", path.display())
}

fn make_absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| {
        format!(
            "cannot find the absolute path of the directory {}",
            path.display()
        )
    })
}

impl AsFd for Directory {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
