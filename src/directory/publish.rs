//! Giving a dump its final name, and removing dumps.

use anyhow::{Context, Result, bail};
use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::lock::LockedDirectory;
use super::temporary::Temporary;
use crate::name::DumpName;
use crate::rename::rename_without_replacing;

impl LockedDirectory {
    /// Gives a finished temporary file its final name: `name`, or the next free sequence number
    /// within its second. Returns that name.
    ///
    /// # Errors
    /// When the file or the directory cannot be synced, or the name cannot be given; nothing is
    /// replaced and the temporary file is removed.
    pub fn publish(&self, temporary: Temporary<'_>, name: &DumpName) -> Result<DumpName> {
        let context = || format!("cannot publish {}", self.path_of(name).display());
        temporary.file().sync_all().with_context(context)?;
        let mut name = name.clone();
        while let Err(error) = self.rename(temporary.name(), &name.to_string()) {
            if error != Errno::EXIST {
                return Err(error).with_context(context);
            }
            name.sequence += 1;
        }
        temporary.mark_published();
        rustix::fs::fsync(self.fd()).with_context(context)?;
        Ok(name)
    }

    /// Renames without replacing. Where a filesystem has no hard links either, the lock keeps other
    /// runs from taking the name between the check and the renaming.
    fn rename(&self, from: &str, to: &str) -> rustix::io::Result<()> {
        let fd = self.fd();
        rename_without_replacing(
            fd,
            from.as_ref(),
            to.as_ref(),
            |_| match rustix::fs::statat(fd, to, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => Err(Errno::EXIST),
                Err(Errno::NOENT) => rustix::fs::renameat(fd, from, fd, to),
                Err(error) => Err(error),
            },
        )
    }

    /// Removes a dump; one that is already gone is no error.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, name: &DumpName) -> Result<()> {
        match rustix::fs::unlinkat(self.fd(), name.to_string(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error)
                .with_context(|| format!("cannot remove {}", self.path_of(name).display())),
        }
    }

    /// Checks that `wanted` bytes are free.
    ///
    /// # Errors
    /// When fewer are free: a sentence with both numbers.
    pub fn check_space(&self, wanted: u64) -> Result<()> {
        let stat = rustix::fs::fstatvfs(self.fd())
            .with_context(|| format!("cannot read the free space of {}", self.path().display()))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free < wanted {
            bail!(
                "{} has {} free and this dump is expected to need {}; nothing was written",
                self.path().display(),
                crate::human::format_bytes(free),
                crate::human::format_bytes(wanted)
            );
        }
        Ok(())
    }
}
