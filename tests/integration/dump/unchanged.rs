//! `--skip-unchanged`: unchanged content takes no place in the directory, and changed content is
//! always dumped.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::support::{Env, database, planted};

const DUMP: &str = "dump --skip-unchanged db.sqlite";

#[test]
fn what_did_not_change_takes_no_slot_and_counts_as_dumped() {
    for mode in ["WAL", "DELETE"] {
        let env = Env::new();
        let db = env.path("db.sqlite");
        database::make_small(&db);
        let connection = Connection::open(&db).unwrap();
        connection
            .query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(()))
            .unwrap();
        env.run(DUMP).succeeds();
        let before = env.names();
        // A transaction that changes no content still changes the file.
        connection
            .execute_batch("CREATE TABLE x (y); DROP TABLE x")
            .unwrap();
        connection.execute_batch("CREATE TABLE x (y)").unwrap();
        env.run(DUMP).succeeds();
        let after = env.names();
        assert_eq!(after.len(), 2, "{after:?}");
        let bytes = fs::read(&db).unwrap();
        connection
            .execute_batch("BEGIN IMMEDIATE; UPDATE x SET y = 1; PRAGMA user_version = 0; COMMIT")
            .unwrap();
        if mode == "DELETE" {
            assert_ne!(fs::read(&db).unwrap(), bytes, "nothing was written");
        }

        let run = env.run(DUMP).succeeds();
        assert_eq!(run.stdout, "");
        assert!(run.stderr.contains("unchanged since"), "{run:?}");
        assert_eq!(env.names(), after);
        assert_ne!(before, after);
        assert!(env.temporaries().is_empty());
    }
}

#[test]
fn a_run_that_found_nothing_new_keeps_the_status_fresh() {
    let env = Env::with_database();
    let dump = env.run(DUMP).succeeds().paths().remove(0);
    planted::plant(&dump, planted::ago(7200));
    fs::remove_file(&dump).unwrap();
    env.run("status --max-age 30m").reports(1, "2h old");
    env.run(DUMP).succeeds();
    assert_eq!(env.names().len(), 1);
    let run = env.run("status --max-age 30m").succeeds();
    assert!(run.stdout.contains("(same)"), "{run:?}");
}

#[test]
fn a_changed_row_a_damaged_dump_and_one_without_a_hash_are_dumped_again() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    env.run(DUMP).succeeds(); // the first dump has no hash of its content
    assert_eq!(env.names().len(), 2);
    env.run(DUMP).succeeds();
    assert_eq!(env.names().len(), 2);

    let connection = Connection::open(env.path("db.sqlite")).unwrap();
    connection.execute_batch("CREATE TABLE more (x)").unwrap();
    env.run(DUMP).succeeds();
    assert_eq!(env.names().len(), 3);

    let newest = env.dumps().join(env.names().pop().unwrap());
    let mut bytes = fs::read(&newest).unwrap();
    let middle = planted::header_length(&bytes) + 20;
    bytes[middle] ^= 0xff;
    fs::write(&newest, bytes).unwrap();
    let run = env.run(DUMP).succeeds();
    assert!(run.stderr.contains("it is dumped again"), "{run:?}");
    assert_eq!(env.names().len(), 4);
    env.run(&format!("verify {}", run.paths()[0].display()))
        .succeeds();
}

#[test]
fn what_a_program_prints_is_compared_too() {
    let env = Env::new();
    let print = |what: &str| {
        env.run(&format!(
            "dump --skip-unchanged --name words -- echo {what}"
        ))
        .succeeds();
        env.names().len()
    };
    assert_eq!(
        [print("a"), print("a"), print("b"), print("b")],
        [1, 1, 2, 2]
    );
}

/// Makes an index that does not match its table, which only the thorough check notices.
fn break_index(path: &Path) {
    let open = || {
        let db = Connection::open(path).unwrap();
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)
            .unwrap();
        db.execute_batch("PRAGMA writable_schema = ON").unwrap();
        db
    };
    let db = open();
    let own = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let root = own("SELECT rootpage FROM sqlite_schema WHERE name = 'i'");
    db.execute_batch("DELETE FROM sqlite_schema WHERE name = 'i'; PRAGMA schema_version = 1000")
        .unwrap();
    drop(db);
    let db = open();
    db.execute_batch("UPDATE t SET a = a + 1000000 WHERE a < 100")
        .unwrap();
    db.execute(
        "INSERT INTO sqlite_schema VALUES ('index', 'i', 't', ?1, 'CREATE INDEX i ON t(a)')",
        [root],
    )
    .unwrap();
    db.execute_batch("PRAGMA schema_version = 1001").unwrap();
}

#[test]
fn a_state_that_was_never_checked_thoroughly_is_when_that_is_due() {
    let env = Env::new();
    let path = env.path("db.sqlite");
    // The database is larger than what every dump checks thoroughly.
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = WAL; CREATE TABLE t (a INTEGER, b); CREATE INDEX i ON t(a);
        WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 70000)
        INSERT INTO t SELECT x, zeroblob(1000) FROM n",
    )
    .unwrap();
    drop(db);
    env.run(DUMP).succeeds();
    let checked = || {
        let state = fs::read(env.dumps().join(".dump-database.state")).unwrap();
        let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
        state["databases"]["db"]["unchanged"]["checked"].clone()
    };
    env.run(&format!("{DUMP} --full-check 0")).succeeds();
    let first = checked();
    assert!(first.is_string(), "{first}");
    env.run(DUMP).succeeds();
    assert_eq!(
        checked(),
        first,
        "what was checked and did not change is not checked again"
    );

    break_index(&path);
    env.run(DUMP).succeeds();
    env.run(DUMP).succeeds();
    let run = env.run(&format!("{DUMP} --full-check 0"));
    run.fails(1, "missing from index i");
}
