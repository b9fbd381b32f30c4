//! The access lists and attributes of a restored file.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{XattrFlags, getxattr, setxattr};
use rustix::io::Errno;

use super::failing::scene;
use crate::support::database::contents;
use crate::support::{set_mode, skipped};

/// Returns an access list as the kernel stores it: `rights` for the user 12345, the group and the
/// mask, read and write for the owner, nothing for others.
pub(crate) fn access_list(rights: u16) -> Vec<u8> {
    // The version.
    let mut list = vec![2, 0, 0, 0];
    for (tag, rights, id) in [
        (1u16, 6u16, u32::MAX),
        (2, rights, 12345),
        (4, rights, u32::MAX),
        (16, rights, u32::MAX),
        (32, 0, u32::MAX),
    ] {
        list.extend(tag.to_le_bytes());
        list.extend(rights.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    list
}

#[test]
#[ignore = "needs sqlite3"]
fn the_new_database_has_the_access_list_and_attributes_of_the_old_one() {
    const LIST: &str = "system.posix_acl_access";
    let (env, dump) = scene();
    let target = env.path("old.sqlite");
    let list = access_list(4);
    for (name, value) in [(LIST, list.as_slice()), ("user.note", b"kept")] {
        if setxattr(&target, name, value, XattrFlags::empty()).is_err() {
            return skipped("this filesystem has no access lists");
        }
    }
    env.run(&format!("restore {dump} old.sqlite --replace --to saved"))
        .succeeds();
    for (name, value) in [(LIST, list.as_slice()), ("user.note", b"kept")] {
        let mut found = [0; 256];
        let length = getxattr(&target, name, &mut found).unwrap();
        assert_eq!(&found[..length], value, "{name}");
    }
    assert_eq!(contents(&target), contents(&env.path("db.sqlite")));
}

/// The directory's default access list would let a user read the new file who could not read the
/// old one.
#[test]
#[ignore = "needs sqlite3"]
fn the_new_database_has_no_access_list_of_its_directory() {
    let (env, dump) = scene();
    let old = env.path("old.sqlite");
    set_mode(&old, 0o660);
    let list = access_list(6);
    let name = "system.posix_acl_default";
    if setxattr(env.root(), name, &list, XattrFlags::empty()).is_err() {
        return skipped("this filesystem has no access lists");
    }
    fs::write(env.path("inherits"), "").unwrap();
    let list_of = |path: &Path| getxattr(path, "system.posix_acl_access", &mut [0; 256]);
    assert!(list_of(&env.path("inherits")).is_ok());
    env.run(&format!("restore {dump} old.sqlite --replace --to saved"))
        .succeeds();
    env.run(&format!("restore {dump} new.sqlite")).succeeds();
    for (path, mode) in [(old, 0o660), (env.path("new.sqlite"), 0o600)] {
        assert_eq!(list_of(&path), Err(Errno::NODATA), "{}", path.display());
        assert_eq!(path.metadata().unwrap().mode() & 0o777, mode);
    }
}
