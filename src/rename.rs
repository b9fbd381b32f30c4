//! Renaming a file without replacing another.

use std::ffi::OsStr;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::{Errno, Result};

/// Renames a file within a directory. Some filesystems (NFS, 9p, FUSE) do not know the flag of
/// renameat2(2) that replaces nothing: there a hard link fails on an existing name just as
/// atomically. Where hard links fail too, the result is that of `without_links`, which gets the
/// error of linking.
///
/// # Errors
/// `EXIST` when a file has the new name; any other error of renaming.
pub(crate) fn rename_without_replacing(
    directory: impl AsFd,
    from: &OsStr,
    to: &OsStr,
    without_links: impl FnOnce(Errno) -> Result<()>,
) -> Result<()> {
    let directory = directory.as_fd();
    match rustix::fs::renameat_with(directory, from, directory, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
        renamed => return renamed,
    }
    match rustix::fs::linkat(directory, from, directory, to, AtFlags::empty()) {
        Ok(()) => rustix::fs::unlinkat(directory, from, AtFlags::empty()),
        Err(Errno::EXIST) => Err(Errno::EXIST),
        Err(error) => without_links(error),
    }
}
