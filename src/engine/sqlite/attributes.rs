//! What a file has beside its owner and permissions: an access list, extended attributes.

use std::ffi::CString;
use std::fs::File;
use std::io;

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

/// In bytes, as the kernel limits both the list of names and a value.
const LONGEST: usize = 64 << 10;
/// Those that are kept. A capability, which makes a program run with more rights, is not.
const KEPT: [&[u8]; 3] = [b"system.posix_acl_access", b"security.selinux", b"user."];

/// Gives `new` the access list and the attributes that `old` has.
///
/// # Errors
/// When one of them cannot be read or set.
pub(super) fn copy(old: &File, new: &File) -> io::Result<()> {
    let mut names = vec![0; LONGEST];
    let length = match flistxattr(old, &mut names) {
        // The filesystem has none.
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
        // A label that the kernel gave both needs no privilege.
        if fgetxattr(new, &name, &mut present).is_ok_and(|length| present[..length] == *value) {
            continue;
        }
        fsetxattr(new, &name, value, XattrFlags::empty())?;
    }
    Ok(())
}
