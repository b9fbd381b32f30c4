//! Restores into the RDB file of a server that is not running.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::Server;
use crate::support::{Env, inventory, names};

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
