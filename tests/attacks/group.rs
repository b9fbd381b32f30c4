//! A database that one user owns, and that programs of a group write to.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::process::Stdio;

use super::{OTHER, as_other, scene};
use crate::support::database::{contents, make_large};
use crate::support::set_mode;

/// A third user, who owns the database that the second user's programs write to.
const OWNER: u32 = 1235;

#[test]
#[ignore = "needs sqlite3"]
fn a_log_that_the_group_writes_is_dumped_and_no_other() {
    let Some(env) = scene() else { return };
    let shop = env.path("home/shop.db");
    drop(make_large(&shop, "WAL", 10_000));
    chown(&shop, Some(OWNER), Some(OTHER)).unwrap();
    set_mode(&shop, 0o660);
    let mut program = as_other(&env, "sqlite3")
        .arg("shop.db")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = program.stdin.as_mut().unwrap();
    input
        .write_all(b"CREATE TABLE late (x); INSERT INTO late VALUES ('in the log'); SELECT 1;\n")
        .unwrap();
    let output = BufReader::new(program.stdout.as_mut().unwrap());
    assert_eq!(output.lines().next().unwrap().unwrap(), "1");
    let log = env.path("home/shop.db-wal");
    assert_eq!(log.metadata().unwrap().uid(), OTHER);

    let dump = env.dump("home/shop.db");
    env.run(&format!("restore {} new.sqlite", dump.display()))
        .succeeds();
    assert!(contents(&env.path("new.sqlite")).contains("in the log"));

    assert_eq!(log.metadata().unwrap().uid(), OTHER, "it keeps its owner");

    // A run refuses a log that the group may not read, and a log with a second name.
    set_mode(&log, 0o600);
    env.run("dump home/shop.db")
        .fails(1, "belongs to user 1234");
    set_mode(&log, 0o660);
    std::fs::hard_link(&log, env.path("second")).unwrap();
    env.run("dump home/shop.db")
        .fails(1, "belongs to user 1234");
    drop(program.stdin.take());
    program.wait().unwrap();
}
