//! Restores into the RDB file of a server that is not running.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use rustix::fs::{XattrFlags, getxattr, setxattr};
use rustix::io::Errno;

use super::Server;
use crate::restore::access_lists::access_list;
use crate::support::{Env, inventory, names, set_mode, skipped};

#[test]
#[ignore = "needs Redis"]
fn a_stopped_server_loads_the_restored_file() {
    let env = Env::new();
    let server = Server::start();
    server.fill();
    env.dump(&server.url());
    let expected = server.everything();

    let mut target = Server::start();
    target.run("SET old 1");
    target.save();
    let file = target.directory().join("dump.rdb");
    let restore = |options: &str| env.run(&format!("restore {options} dump {}", file.display()));
    restore("--replace").fails(1, "is running in the directory of ");
    target.stop();
    let before = inventory(target.directory());
    restore("").fails(1, "the file exists; --replace");
    assert_eq!(inventory(target.directory()), before);
    let old = file.metadata().unwrap();
    restore("--replace --to saved").succeeds();
    let new = file.metadata().unwrap();
    assert_eq!((new.uid(), new.gid()), (old.uid(), old.gid()));
    assert_eq!(new.permissions().mode(), old.permissions().mode());
    target.resume();
    assert_eq!(target.everything(), expected);

    // What was replaced comes back, into a directory without the file.
    target.stop();
    std::fs::remove_file(&file).unwrap();
    let saved = names(&env.path("saved"));
    let saved = saved
        .iter()
        .find(|name| name.starts_with("redis-"))
        .unwrap();
    env.run(&format!("restore saved/{saved} {}", file.display()))
        .succeeds();
    assert_eq!(file.metadata().unwrap().uid(), old.uid());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    target.resume();
    assert_eq!(target.run("GET old"), "1");
}

#[test]
#[ignore = "needs Redis"]
fn a_file_that_the_server_would_not_load_is_refused() {
    let env = Env::new();
    let server = Server::start();
    server.run("SET a 1");
    env.dump(&server.url());
    let mut target = Server::start_with("--appendonly yes");
    target.run("SET b 2");
    target.stop();
    let file = target.directory().join("dump.rdb");
    let restore = format!("restore dump {}", file.display());
    env.run(&restore).fails(
        1,
        "appendonlydir exists, which a server with `appendonly yes` loads",
    );
    assert!(!file.exists());
    env.run("restore dump /nowhere/dump.rdb")
        .fails(1, "cannot reach /nowhere/dump.rdb");
    env.run(&format!("dump {}", file.display())).fails(
        1,
        "is as old as the server's last save; name the running server",
    );
    std::fs::create_dir(env.path("x.rdb")).unwrap();
    env.run("restore dump x.rdb")
        .fails(1, "is not a regular file");
}

#[test]
#[ignore = "needs Redis"]
fn a_damaged_old_file_is_replaced_only_without_saving() {
    let env = Env::new();
    let server = Server::start();
    server.run("SET a 1");
    let dump = env.dump(&server.url());
    std::fs::write(env.path("dump.rdb"), "REDIS0011 damaged").unwrap();
    env.run("restore --replace --to saved dump dump.rdb")
        .fails(1, "could not be dumped first");
    assert_eq!(
        std::fs::read(env.path("dump.rdb")).unwrap(),
        b"REDIS0011 damaged"
    );
    env.run("restore --replace --without-saving dump dump.rdb")
        .succeeds();
    let restored = std::fs::read(env.path("dump.rdb")).unwrap();
    assert!(restored == super::dumped::content(&dump));
    let left = names(env.root());
    assert!(
        !left.iter().any(|name| name.contains("restoring")),
        "{left:?}"
    );
}

/// The old file's access list and attributes stay. The default access list of the directory would let
/// a user read the new file who could not read the old one.
#[test]
#[ignore = "needs Redis"]
fn the_new_file_has_the_access_list_and_attributes_of_the_old_one_only() {
    const LIST: &str = "system.posix_acl_access";
    const DEFAULT: &str = "system.posix_acl_default";
    let env = Env::new();
    let mut server = Server::start();
    server.run("SET a 1");
    env.dump(&server.url());
    server.save();
    server.stop();
    let own = std::fs::read(server.directory().join("dump.rdb")).unwrap();
    let (listed, plain) = (env.path("listed.rdb"), env.path("plain.rdb"));
    for path in [&listed, &plain] {
        std::fs::write(path, &own).unwrap();
        set_mode(path, 0o660);
    }
    let list = access_list(4);
    let attributes = [(LIST, list.as_slice()), ("user.note", b"kept")];
    let default = (env.root(), DEFAULT, access_list(6));
    let is_set = attributes
        .iter()
        .all(|(name, value)| setxattr(&listed, *name, value, XattrFlags::empty()).is_ok())
        && setxattr(default.0, default.1, &default.2, XattrFlags::empty()).is_ok();
    if !is_set {
        return skipped("this filesystem has no access lists");
    }
    for target in ["listed.rdb", "plain.rdb"] {
        env.run(&format!(
            "restore dump {target} --replace --to for-{target}"
        ))
        .succeeds();
    }
    env.run("restore dump new.rdb").succeeds();
    let value_of = |path: &std::path::Path, name: &str| {
        let mut found = [0; 256];
        getxattr(path, name, &mut found).map(|length| found[..length].to_vec())
    };
    for (name, value) in attributes {
        assert_eq!(value_of(&listed, name).as_deref(), Ok(value), "{name}");
    }
    for (path, mode) in [(plain, 0o660), (env.path("new.rdb"), 0o600)] {
        assert_eq!(value_of(&path, LIST), Err(Errno::NODATA), "{path:?}");
        assert_eq!(path.metadata().unwrap().mode() & 0o777, mode, "{path:?}");
    }
}
