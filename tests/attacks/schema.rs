//! A schema that its owner made to keep whoever checks it busy.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{give, scene};
use crate::support::{Env, Run, end_and_peak_memory};

/// Makes `home/shop.db`, the second user's.
fn shop(env: &Env, sql: &str) {
    let db = Connection::open(env.path("home/shop.db")).unwrap();
    db.execute_batch(sql).unwrap();
    drop(db);
    give(&env.path("home/shop.db"));
}

#[test]
fn the_deadline_and_signals_end_a_check_that_cannot_be_interrupted() {
    let Some(env) = scene() else { return };
    // Built without its index being computed: that would take as long.
    let db = Connection::open(env.path("home/shop.db")).unwrap();
    db.execute_batch(
        "CREATE TABLE t (a TEXT); CREATE INDEX i ON t (0);
         INSERT INTO t VALUES (hex(zeroblob(8000000)));
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql =
           'CREATE INDEX i ON t (instr(a || ''b'', substr(a, 1, 8000000) || ''c''))'
           WHERE name = 'i';",
    )
    .unwrap();
    drop(db);
    give(&env.path("home/shop.db"));
    let begun = Instant::now();
    env.run("dump home/shop.db --timeout 2s")
        .fails(1, "not done within 2s");
    assert!(
        begun.elapsed() < Duration::from_secs(12),
        "{:?}",
        begun.elapsed()
    );
    assert!(env.names().is_empty() && env.temporaries().is_empty());

    let dump = env.start("dump home/shop.db");
    std::thread::sleep(Duration::from_secs(2));
    let begun = Instant::now();
    let pid = rustix::process::Pid::from_child(&dump);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(Run::end_of(dump).signal, Some(15));
    assert!(
        begun.elapsed() < Duration::from_secs(6),
        "{:?}",
        begun.elapsed()
    );
    assert!(env.temporaries().is_empty());
}

#[test]
fn a_small_database_takes_little_memory() {
    let Some(env) = scene() else { return };
    shop(
        &env,
        "CREATE TABLE t (a); INSERT INTO t VALUES (1); CREATE INDEX i ON t (0);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql =
           'CREATE INDEX i ON t (length(hex(zeroblob(a * 500000000))))' WHERE name = 'i';",
    );
    let (run, peak) = end_and_peak_memory(env.start("dump home/shop.db"));
    run.fails(1, "shop was not dumped");
    assert!(peak < 200 << 20, "{peak}");
}

/// A pattern that takes SQLite long to match.
#[test]
fn a_long_pattern_is_refused() {
    let Some(env) = scene() else { return };
    let pattern = "%a".repeat(10_000);
    shop(
        &env,
        &format!(
            "CREATE TABLE t (a); INSERT INTO t VALUES (replace(hex(zeroblob(20000)), '0', 'a'));
             CREATE INDEX i ON t (0);
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (a LIKE ''{pattern}b'')'
               WHERE name = 'i';"
        ),
    );
    let begun = Instant::now();
    env.run("dump home/shop.db")
        .fails(1, "LIKE or GLOB pattern too complex");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

/// What an honest schema has still is checked: LIKE, generated columns, functions of SQLite's own.
#[test]
fn an_honest_schema_is_still_checked() {
    let Some(env) = scene() else { return };
    shop(
        &env,
        "CREATE TABLE t (a, b GENERATED ALWAYS AS (upper(a)), c AS (json_extract(a, '$')) STORED,
                         CHECK (a NOT LIKE '%;%'));
         CREATE INDEX i ON t (replace(a, 'x', 'yy')); CREATE INDEX l ON t (a LIKE 'x%');
         CREATE INDEX p ON t (b) WHERE instr(a, 'q') > 0;
         CREATE VIRTUAL TABLE f USING fts5(text); INSERT INTO f VALUES ('words');
         INSERT INTO t (a) VALUES ('1'), ('22'), ('333');",
    );
    let run = env.run("dump home/shop.db").succeeds();
    assert!(!run.stderr.contains("warn"), "{run:?}");
    assert!(!run.stderr.contains("needs the function"), "{run:?}");
}
