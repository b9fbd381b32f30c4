//! What a file has beside its owner and permissions: an access list and extended attributes. A file
//! that replaces another one gets those of the old file, and none from its directory.

use std::ffi::CString;
use std::fs::File;
use std::io;

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;

/// The kernel's limit in bytes, both for the list of names and for one value.
const LONGEST: usize = 64 << 10;
/// The attribute that is the access list.
const LIST: &str = "system.posix_acl_access";
/// The names, or beginnings of names, of the attributes that are copied. A capability, which makes
/// a program run with more rights, is not copied.
const KEPT: [&[u8]; 3] = [LIST.as_bytes(), b"security.selinux", b"user."];

/// Removes the access list that a new file has from its directory: the list may let users read the
/// file who could not read the old one.
///
/// # Errors
/// When the list cannot be removed.
pub(super) fn remove_list(new: &File) -> io::Result<()> {
    match fremovexattr(new, LIST) {
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(()),
        removed => Ok(removed?),
    }
}

/// Gives `new` the access list and the extended attributes that `old` has.
///
/// # Errors
/// When one of them cannot be read or set.
pub(super) fn copy(old: &File, new: &File) -> io::Result<()> {
    let mut names = vec![0; LONGEST];
    let length = match flistxattr(old, &mut names) {
        // The filesystem has no extended attributes.
        Err(Errno::NOTSUP) => return Ok(()),
        length => length?,
    };
    let names = names[..length].split(|byte| *byte == 0);
    for name in names.filter(|name| KEPT.iter().any(|kept| name.starts_with(kept))) {
        let name = CString::new(name)?;
        let mut value = vec![0; LONGEST];
        let length = fgetxattr(old, &name, &mut value)?;
        let value = &value[..length];
        let mut present = vec![0; LONGEST];
        // Setting a label needs a privilege, so skip one that the kernel gave both files.
        if fgetxattr(new, &name, &mut present).is_ok_and(|length| present[..length] == *value) {
            continue;
        }
        fsetxattr(new, &name, value, XattrFlags::empty())?;
    }
    Ok(())
}
