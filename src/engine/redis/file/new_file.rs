//! The new RDB file of a restore, before it has its final name.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use rustix::fs::{AtFlags, Mode, OFlags};
use sha2::{Digest, Sha256};

use super::target::TargetFile;
use crate::engine::attributes;
use crate::header::Header;
use crate::human::format_hexadecimal;
use crate::read::read_whole;
use crate::rename::rename_without_replacing;
use crate::stop::Stop;

/// The new file beside the target. Dropping the value removes it if it still has its own name.
pub(super) struct NewRdbFile<'a> {
    target: &'a TargetFile,
    name: OsString,
    file: File,
}

impl<'a> NewRdbFile<'a> {
    /// Creates an empty file in the target's directory.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(super) fn create(target: &'a TargetFile) -> Result<Self> {
        let mut name = OsString::from(".");
        name.push(&target.name);
        name.push(format!(".restoring-{}", std::process::id()));
        let path = target.path.with_file_name(&name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o600);
        let file = rustix::fs::openat(&target.directory, &name, flags, mode)
            .with_context(|| format!("cannot create {}", path.display()))?;
        let new_file = NewRdbFile {
            target,
            name,
            file: file.into(),
        };
        attributes::remove_list(&new_file.file)
            .with_context(|| format!("cannot create {}", path.display()))?;
        Ok(new_file)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.target.path.with_file_name(&self.name)
    }

    /// Writes the content of the dump, reads it back, and gives the file its owner.
    ///
    /// # Errors
    /// When the file cannot be written, or what is read back is not what the dump holds.
    pub(super) fn fill(&self, dump: &File, header: &Header, stop: Stop) -> Result<()> {
        let mut writer = BufWriter::new(&self.file);
        read_whole(dump, stop, &mut writer)?;
        writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        self.set_owner()?;
        self.file.sync_all()?;
        ensure!(
            self.hash(stop)? == header.sha256,
            "what was written is not what the dump's header says (SHA-256); the disk or the memory is faulty"
        );
        Ok(())
    }

    fn hash(&self, stop: Stop) -> Result<String> {
        let mut file = &self.file;
        file.rewind()?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            stop.check()?;
            match file.read(&mut buffer)? {
                0 => return Ok(format_hexadecimal(&hash.finalize())),
                read => hash.update(&buffer[..read]),
            }
        }
    }

    /// Gives the file the owner, the permissions, the access list and the extended attributes of the
    /// old file, or the owner of the directory.
    fn set_owner(&self) -> Result<()> {
        let directory = rustix::fs::fstat(&self.target.directory)?;
        let like = self.target.old.as_ref().unwrap_or(&directory);
        let owned = std::os::unix::fs::fchown(&self.file, Some(like.st_uid), Some(like.st_gid));
        if let Some(old) = &self.target.old {
            owned.context("cannot give it the owner of the old file")?;
            let mode = Permissions::from_mode(old.st_mode & 0o666);
            self.file.set_permissions(mode)?;
            attributes::copy(&self.target.open_old()?, &self.file)
                .context("cannot give it the access list and attributes of the old file")?;
        }
        Ok(())
    }

    /// Gives the file the target's name.
    ///
    /// # Errors
    /// When it cannot be renamed, or the directory cannot be written to the disk.
    pub(super) fn publish(&self) -> Result<()> {
        let (directory, name) = (&self.target.directory, &self.target.name);
        let renamed = match self.target.old {
            Some(_) => rustix::fs::renameat(directory, &self.name, directory, name),
            None => rename_without_replacing(directory, &self.name, name, Err),
        };
        renamed.with_context(|| format!("cannot rename it to {}", self.target.path.display()))?;
        rustix::fs::fsync(directory).context("cannot write its directory to the disk")
    }
}

impl Drop for NewRdbFile<'_> {
    fn drop(&mut self) {
        let _ = rustix::fs::unlinkat(&self.target.directory, &self.name, AtFlags::empty());
    }
}
