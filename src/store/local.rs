//! A directory as a destination of copies, such as another disk or a network filesystem. Files are published
//! in the same way as dumps: synced, read back, renamed without replacing anything, and the directory synced.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::bounds::{Bounds, DEEPEST};
use super::error::StoreError;
use super::interface::{Store, StoredFile, UNFINISHED, Upload, UploadContent, UploadResult};
use crate::directory::Directory;
use crate::follow::open_regular;
use crate::rename::rename_without_replacing;
use crate::stop::Stop;

pub(super) struct Local {
    root: Directory,
    owner: String,
}

impl Local {
    /// Opens a directory in the same safe way as a dump directory.
    pub(super) fn open(path: &Path, owner: &str, creates: bool) -> Result<Self> {
        let root = if creates {
            Directory::open_or_create(path)?
        } else {
            Directory::open(path)?
        };
        let owner = owner.to_owned();
        Ok(Local { root, owner })
    }

    /// Opens a folder below the root without following symlinks.
    fn open_folder(&self, path: &str, creates: bool) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder = rustix::fs::openat(&self.root, ".", flags, Mode::empty())?;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if creates {
                match rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o700)) {
                    Ok(()) => rustix::fs::fsync(&folder)?,
                    Err(Errno::EXIST) => {}
                    Err(error) => return Err(error),
                }
            }
            folder = rustix::fs::openat(&folder, part, flags, Mode::empty())?;
        }
        Ok(folder)
    }

    /// Calls `take` with each entry below a folder: its path, and its size if it is a file.
    fn walk(
        folder: &OwnedFd,
        path: &str,
        deep: bool,
        (bounds, stop): (&mut Bounds, Stop),
        take: &mut dyn FnMut(String, Option<u64>),
    ) -> Result<(), StoreError> {
        stop.check()?;
        for entry in Dir::read_from(folder).map_err(io::Error::from)? {
            let entry = entry.map_err(io::Error::from)?;
            let Some(name) = entry
                .file_name()
                .to_str()
                .ok()
                .filter(|name| !matches!(*name, "." | ".."))
            else {
                continue;
            };
            bounds.count()?;
            let below = if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}/{name}")
            };
            let about = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => continue,
                about => about.map_err(io::Error::from)?,
            };
            match FileType::from_raw_mode(about.st_mode) {
                FileType::RegularFile => {
                    take(below, Some(u64::try_from(about.st_size).unwrap_or(0)));
                }
                FileType::Directory if deep && below.split('/').count() <= DEEPEST => {
                    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    let inner = rustix::fs::openat(folder, name, flags, Mode::empty());
                    let inner = inner.map_err(io::Error::from)?;
                    Self::walk(&inner, &below, deep, (bounds, stop), take)?;
                }
                FileType::Directory => take(below, None),
                _ => {}
            }
        }
        Ok(())
    }

    fn visit_entries(
        &self,
        path: &str,
        deep: bool,
        stop: Stop,
        take: &mut dyn FnMut(String, Option<u64>),
    ) -> Result<(), StoreError> {
        match self.open_folder(path, false) {
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            folder => {
                let folder = folder.map_err(io::Error::from)?;
                let mut bounds = Bounds::begin();
                Self::walk(&folder, path, deep, (&mut bounds, stop), take)
            }
        }
    }
}

impl Store for Local {
    fn list(&self, folder: &str, stop: Stop) -> Result<Vec<StoredFile>, StoreError> {
        let mut objects = Vec::new();
        self.visit_entries(folder, true, stop, &mut |path, bytes| {
            objects.extend(bytes.map(|bytes| StoredFile { path, bytes }));
        })?;
        Ok(objects)
    }

    fn list_folders(&self, folder: &str, stop: Stop) -> Result<Vec<String>, StoreError> {
        let mut folders = Vec::new();
        self.visit_entries(folder, false, stop, &mut |path, bytes| {
            if bytes.is_none() {
                folders.extend(path.rsplit('/').next().map(str::to_owned));
            }
        })?;
        Ok(folders)
    }

    fn read(&self, path: &str, stop: Stop) -> Result<Box<dyn Read + '_>, StoreError> {
        let (folder, name) = split_path(path);
        let folder = self.open_folder(folder, false).map_err(io::Error::from)?;
        let file = open_regular(&folder, name)?;
        Ok(Box::new(StoppableReader { file, stop }))
    }

    fn upload(
        &self,
        path: &str,
        _bytes: u64,
        stop: Stop,
    ) -> Result<Box<dyn Upload + '_>, StoreError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (folder, name) = split_path(path);
        let folder = self.open_folder(folder, true).map_err(io::Error::from)?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = format!(
            "{UNFINISHED}{}-{}-{count}.tmp",
            self.owner,
            std::process::id()
        );
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, &temporary, flags, Mode::from_raw_mode(0o600));
        Ok(Box::new(TemporaryFile {
            file: File::from(file.map_err(io::Error::from)?),
            folder,
            name: name.to_owned(),
            temporary: Some(temporary),
            stop,
        }))
    }

    fn remove(&self, path: &str, _stop: Stop) -> Result<(), StoreError> {
        let (folder, name) = split_path(path);
        let removed = self
            .open_folder(folder, false)
            .and_then(|folder| rustix::fs::unlinkat(folder, name, AtFlags::empty()));
        match removed {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(io::Error::from(error).into()),
        }
    }
}

fn split_path(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// A file that is read until work must stop.
struct StoppableReader {
    file: File,
    stop: Stop,
}

impl Read for StoppableReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stop.check().map_err(StoreError::from)?;
        self.file.read(into)
    }
}

/// A file under a temporary name.
struct TemporaryFile {
    file: File,
    folder: OwnedFd,
    name: String,
    temporary: Option<String>,
    stop: Stop,
}

impl TemporaryFile {
    /// Reads the file back and compares it.
    fn compare(&mut self, content: &UploadContent) -> Result<(), StoreError> {
        self.file.rewind()?;
        let file = self.file.try_clone()?;
        content.compare(&mut StoppableReader {
            file,
            stop: self.stop,
        })
    }
}

impl Write for TemporaryFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.stop.check().map_err(StoreError::from)?;
        self.file.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for TemporaryFile {
    fn publish(
        mut self: Box<Self>,
        content: &UploadContent,
        _reads_back: bool,
    ) -> Result<UploadResult, StoreError> {
        self.file.sync_all()?;
        self.compare(content)?;
        let temporary = self.temporary.clone().unwrap_or_default();
        match rename_without_replacing(&self.folder, temporary.as_ref(), self.name.as_ref(), Err) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(UploadResult::Exists),
            Err(error) => return Err(io::Error::from(error).into()),
        }
        self.temporary = None;
        rustix::fs::fsync(&self.folder).map_err(io::Error::from)?;
        Ok(UploadResult::New)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = rustix::fs::unlinkat(&self.folder, temporary, AtFlags::empty());
        }
    }
}
