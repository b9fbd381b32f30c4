//! A schema that its owner made to keep every check of the database busy.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{give, scene};
use crate::support::ended::end_and_peak_memory;
use crate::support::{Env, Run};

/// Makes `home/shop.db`, which belongs to the second user.
fn shop(env: &Env, sql: &str) {
    let db = Connection::open(env.path("home/shop.db")).unwrap();
    db.execute_batch(sql).unwrap();
    drop(db);
    give(&env.path("home/shop.db"));
}

/// Makes `home/shop.db`, whose check takes hours. The index is not computed while the database is
/// made, because that would take as long.
fn make_slow_to_check(env: &Env, journal_mode: &str) {
    shop(
        env,
        &format!(
            "PRAGMA journal_mode = {journal_mode};
             CREATE TABLE t (a TEXT); CREATE INDEX i ON t (0);
             INSERT INTO t VALUES (hex(zeroblob(8000000)));
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql =
               'CREATE INDEX i ON t (instr(a || ''b'', substr(a, 1, 8000000) || ''c''))'
               WHERE name = 'i';"
        ),
    );
}

/// A restore replaces a database with such a schema: the restore ends, and reports correctly in
/// which journal mode it leaves the database.
#[test]
fn a_restore_over_it_ends_and_says_how_it_left_it() {
    let Some(env) = scene() else { return };
    drop(crate::support::database::make_small(&env.path("db.sqlite")));
    let dump = env.dump("db.sqlite");
    make_slow_to_check(&env, "WAL");
    let restore = format!(
        "restore {} home/shop.db --replace --to saved",
        dump.display()
    );
    let begun = Instant::now();
    let run = env.run(&format!("{restore} --timeout 2s"));
    let run = run.fails(1, "not done within 2s");
    assert!(begun.elapsed() < Duration::from_secs(15), "{run:?}");
    let is_wal = std::fs::read(env.path("home/shop.db")).unwrap()[18] == 2;
    let says_wal_is_gone = run.stderr.contains("its journal mode is no longer WAL");
    assert_eq!(says_wal_is_gone, !is_wal, "{run:?}");
    assert_eq!(run.stderr.contains("is as it was"), is_wal, "{run:?}");

    // The limits that make SQLite refuse a schema apply here too.
    std::fs::remove_file(env.path("home/shop.db")).unwrap();
    long_pattern(&env);
    let begun = Instant::now();
    env.run(&restore)
        .fails(1, "LIKE or GLOB pattern too complex");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

/// A value that is longer than the limit for many databases at once is still checked.
#[test]
fn a_long_honest_value_is_dumped_and_restored() {
    let env = Env::new();
    let sql = "CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(70000000));
               CREATE INDEX i ON t (x)";
    Connection::open(env.path("db.sqlite"))
        .unwrap()
        .execute_batch(sql)
        .unwrap();
    let dump = env.dump("db.sqlite");
    env.run(&format!("restore {} new.sqlite", dump.display()))
        .succeeds();
    let restored = Connection::open(env.path("new.sqlite")).unwrap();
    let sql = "SELECT count(*) FROM t INDEXED BY i WHERE x = zeroblob(70000000)";
    assert_eq!(crate::support::database::scalar(&restored, sql), 1);
}

#[test]
fn the_deadline_and_signals_end_a_check_that_cannot_be_interrupted() {
    let Some(env) = scene() else { return };
    make_slow_to_check(&env, "DELETE");
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

/// An abandoned check keeps the memory of its longest value, and its turn to check such a value.
/// Another database that needs both is still dumped.
#[test]
#[ignore = "takes more than ten seconds"]
fn an_abandoned_check_takes_nothing_from_another_database() {
    let Some(env) = scene() else { return };
    keeps_the_turn(&env, "home/shop.db");
    honest(&env);
    let run = env.run("dump home/shop.db honest.sqlite --timeout 20s");
    let run = run.fails(1, "error: shop    FAILED  not done within 20s");
    assert_eq!(run.paths().len(), 1, "{run:?}");
}

/// Makes a database of the second user whose check needs the turn of the longest values and then
/// takes hours.
fn keeps_the_turn(env: &Env, name: &str) {
    shop(
        env,
        "CREATE TABLE t (a TEXT); CREATE INDEX i ON t (0);
         INSERT INTO t VALUES (hex(zeroblob(10000000)));
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (
             length(zeroblob(length(a) * 7 / 2)) + instr(a || ''b'', substr(a, 1, 8000000) || ''c''))'
           WHERE name = 'i';",
    );
    std::fs::rename(env.path("home/shop.db"), env.path(name)).unwrap();
}

fn honest(env: &Env) {
    let sql = "CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(70000000));
               CREATE INDEX i ON t (x)";
    let honest = Connection::open(env.path("honest.sqlite")).unwrap();
    honest.execute_batch(sql).unwrap();
}

/// A database that waits for its turn gets it from one that keeps it.
#[test]
#[ignore = "takes more than ten seconds"]
fn a_check_that_keeps_the_turn_does_not_keep_it_from_one_that_waits() {
    let Some(env) = scene() else { return };
    keeps_the_turn(&env, "home/shop.db");
    honest(&env);
    let run = env.run("dump home/shop.db honest.sqlite --jobs 2 --timeout 40s");
    let run = run.fails(1, "error: shop    FAILED  not done within 40s");
    assert_eq!(run.paths().len(), 1, "{run:?}");
}

/// A run abandons three checks at most, so that its memory and its threads have a ceiling.
#[test]
#[ignore = "takes more than ten seconds"]
fn after_three_abandoned_checks_no_other_database_is_dumped() {
    let Some(env) = scene() else { return };
    for name in ["a.db", "b.db", "c.db"] {
        keeps_the_turn(&env, name);
    }
    drop(crate::support::database::make_small(&env.path("db.sqlite")));
    let (run, peak) = end_and_peak_memory(env.start("dump a.db b.db c.db db.sqlite --timeout 3s"));
    let run = run.fails(
        1,
        "the checks of 3 other databases of this run could not be ended",
    );
    assert_eq!(run.paths().len(), 0, "{run:?}");
    assert!(peak < 2 << 30, "{peak}");
    env.run("dump a.db db.sqlite --timeout 3s")
        .fails(1, "a was not dumped");
    assert_eq!(env.names().len(), 1);
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

/// A pattern that SQLite takes long to match.
#[test]
fn a_long_pattern_is_refused() {
    let Some(env) = scene() else { return };
    long_pattern(&env);
    let begun = Instant::now();
    env.run("dump home/shop.db")
        .fails(1, "LIKE or GLOB pattern too complex");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

fn long_pattern(env: &Env) {
    let pattern = "%a".repeat(10_000);
    shop(
        env,
        &format!(
            "CREATE TABLE t (a); INSERT INTO t VALUES (replace(hex(zeroblob(20000)), '0', 'a'));
             CREATE INDEX i ON t (0);
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (a LIKE ''{pattern}b'')'
               WHERE name = 'i';"
        ),
    );
}

/// What an honest schema contains is still checked: LIKE, generated columns, and SQLite's own
/// functions.
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
