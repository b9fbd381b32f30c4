//! Follows a path whose symlinks may belong to other users.
//!
//! The owner of a symlink, or of the directory that holds it, chooses where it leads. A program
//! that runs as root would then act there for that user. So each component is opened by descriptor,
//! and a symlink is trusted only if it and its directory belong to root, to this user, or to the
//! owner of the target.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

/// The maximum number of symlinks in a path, the same as Linux's.
const LINKS: usize = 40;

/// The target of a path.
#[derive(Debug)]
pub struct FollowedPath {
    /// The directory that holds the target.
    pub directory: OwnedFd,
    /// The name of the target in that directory; `.` if the directory itself is the target.
    pub name: OsString,
    /// The path of the target, without symlinks.
    pub path: PathBuf,
    /// The metadata of the target; `None` if it does not exist.
    pub found: Option<Stat>,
    /// The symlinks in the path, each with the user ids of its owner and its directory's owner.
    links: Vec<(PathBuf, [u32; 2])>,
}

impl FollowedPath {
    /// Returns true if the path contains a symlink.
    #[must_use]
    pub fn has_links(&self) -> bool {
        !self.links.is_empty()
    }

    /// Returns true if the target exists and is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.has_type(FileType::Directory)
    }

    /// Returns true if the target exists and is a regular file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.has_type(FileType::RegularFile)
    }

    fn has_type(&self, kind: FileType) -> bool {
        let found = self.found.as_ref();
        found.is_some_and(|found| FileType::from_raw_mode(found.st_mode) == kind)
    }

    /// Opens the target, which must be a regular file, for reading. Follows no symlink that took
    /// its name meanwhile.
    ///
    /// # Errors
    /// When the target is not a regular file or cannot be opened.
    pub fn open(&self) -> io::Result<File> {
        open_regular(&self.directory, &self.name)
    }

    /// Checks that no symlink is controlled by a user who could not act on the target directly.
    ///
    /// # Errors
    /// When one is; the error names the symlink.
    pub fn trust_links(&self) -> Result<()> {
        let owner = match &self.found {
            Some(found) => found.st_uid,
            None => rustix::fs::fstat(&self.directory)?.st_uid,
        };
        let trusted = [0, rustix::process::geteuid().as_raw(), owner];
        for (link, owners) in &self.links {
            if let Some(other) = owners.iter().find(|owner| !trusted.contains(owner)) {
                bail!(
                    "{} is a symlink that user {other} controls, and {} belongs to user {owner}; name the file itself if you mean that file",
                    link.display(),
                    self.path.display()
                );
            }
        }
        Ok(())
    }
}

/// Follows `path` to its target. The last component may be missing.
///
/// # Errors
/// When another component is missing or a component cannot be opened.
pub fn follow(path: &Path) -> io::Result<FollowedPath> {
    let mut left: VecDeque<OsString> = VecDeque::new();
    push(&mut left, &std::path::absolute(path)?);
    let mut directory = open_root()?;
    let mut real = PathBuf::from("/");
    let mut links = Vec::new();
    while let Some(name) = left.pop_front() {
        if name == ".." {
            directory = open_component(&directory, OsStr::new(".."))?;
            real.pop();
            continue;
        }
        let entry = match open_component(&directory, &name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && left.is_empty() => {
                real.push(&name);
                return Ok(FollowedPath {
                    directory,
                    name,
                    path: real,
                    found: None,
                    links,
                });
            }
            entry => entry?,
        };
        let found = rustix::fs::fstat(&entry)?;
        if FileType::from_raw_mode(found.st_mode).is_symlink() {
            let holder = rustix::fs::fstat(&directory)?;
            links.push((real.join(&name), [found.st_uid, holder.st_uid]));
            if links.len() > LINKS {
                return Err(Errno::LOOP.into());
            }
            let to = rustix::fs::readlinkat(&entry, "", Vec::new())?;
            let to = PathBuf::from(OsString::from_vec(to.into_bytes()));
            if to.is_absolute() {
                directory = open_root()?;
                real = PathBuf::from("/");
            }
            push(&mut left, &to);
        } else if left.is_empty() {
            real.push(&name);
            return Ok(FollowedPath {
                directory,
                name,
                path: real,
                found: Some(found),
                links,
            });
        } else {
            directory = entry;
            real.push(&name);
        }
    }
    let found = Some(rustix::fs::fstat(&directory)?);
    let name = OsString::from(".");
    Ok(FollowedPath {
        directory,
        name,
        path: real,
        found,
        links,
    })
}

/// Opens a regular file for reading. Does not follow a symlink and does not wait for the writer of
/// a pipe.
///
/// # Errors
/// When the file is not a regular file or cannot be opened.
pub fn open_regular(directory: impl AsFd, name: impl rustix::path::Arg) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(directory, name, flags, Mode::empty())?;
    let found = rustix::fs::fstat(&fd)?;
    if !FileType::from_raw_mode(found.st_mode).is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a regular file",
        ));
    }
    Ok(File::from(fd))
}

/// Follows the path of something that exists and that the user named. Follows only symlinks that
/// [`FollowedPath::trust_links`] accepts.
///
/// # Errors
/// As [`follow`]; `NotFound` when nothing has this path; `PermissionDenied`, as
/// [`FollowedPath::trust_links`] says it.
pub fn follow_named(path: &Path) -> io::Result<FollowedPath> {
    let followed = follow(path)?;
    if followed.found.is_none() {
        return Err(Errno::NOENT.into());
    }
    followed
        .trust_links()
        .map_err(|error| io::Error::new(io::ErrorKind::PermissionDenied, error.to_string()))?;
    Ok(followed)
}

/// Inserts the components of `path` in front of `left`.
fn push(left: &mut VecDeque<OsString>, path: &Path) {
    for component in path.components().rev() {
        match component {
            Component::Normal(name) => left.push_front(name.to_owned()),
            Component::ParentDir => left.push_front(OsString::from("..")),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
}

fn open_root() -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open("/", flags, Mode::empty())?)
}

/// Opens one component. The flag `DIRECTORY` makes the kernel mount the filesystem of an automount
/// that is not mounted yet.
fn open_component(directory: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(directory, name, flags | OFlags::DIRECTORY, Mode::empty()) {
        Err(Errno::NOTDIR) => Ok(rustix::fs::openat(directory, name, flags, Mode::empty())?),
        opened => Ok(opened?),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn it_leads_where_the_kernel_leads() {
        let scratch = tempfile::tempdir().unwrap();
        let base = scratch.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("a/b")).unwrap();
        fs::write(base.join("a/b/file"), "").unwrap();
        symlink("a/b", base.join("relative")).unwrap();
        symlink(base.join("relative/file"), base.join("a/absolute")).unwrap();
        symlink("loop", base.join("loop")).unwrap();
        for path in [
            "a/b/file",
            "relative/file",
            "a/absolute",
            "relative/../b/file",
            "relative",
            ".",
            "a/b/..",
        ] {
            let path = base.join(path);
            let followed = follow(&path).unwrap();
            assert_eq!(followed.path, path.canonicalize().unwrap());
            assert!(followed.found.is_some());
        }
        let missing = follow(&base.join("relative/missing")).unwrap();
        assert_eq!(missing.path, base.join("a/b/missing"));
        assert!(missing.found.is_none() && missing.has_links());
        assert_eq!(
            follow(&base.join("loop")).unwrap_err().raw_os_error(),
            Some(Errno::LOOP.raw_os_error())
        );
        assert!(follow(&base.join("none/missing")).is_err());
        assert_eq!(follow(Path::new("/")).unwrap().path, Path::new("/"));
        assert!(open_regular(rustix::fs::CWD, base.join("a/b/file")).is_ok());
        assert!(open_regular(rustix::fs::CWD, base.join("a/absolute")).is_err());
        assert!(open_regular(rustix::fs::CWD, base.join("a")).is_err());
    }
}
