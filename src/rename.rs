//! Renames a file without replacing another one.

use std::ffi::OsStr;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::{Errno, Result};

/// Renames a file within a directory. Some filesystems (NFS, 9p, FUSE) do not support the flag of
/// renameat2(2) against replacing. There the function makes a hard link, which fails on an existing
/// name just as atomically, and removes the old name. If hard links fail too, the function returns
/// the result of `without_links`, which gets the error of linking.
///
/// # Errors
/// `EXIST` when a file already has the new name; any other error of renaming.
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
