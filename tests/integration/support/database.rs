//! SQLite databases for the tests, and their contents.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rusqlite::{Connection, OpenFlags};

/// Makes a WAL database of three rows in one table, and checkpoints it.
pub(crate) fn make_small(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
         INSERT INTO person (name) VALUES ('Ada'), ('Grace'), ('Barbara');
         PRAGMA wal_checkpoint(TRUNCATE);",
    )
    .unwrap();
    db
}

/// Makes a database in `journal_mode` with about `bytes` bytes of content that compresses badly.
pub(crate) fn make_large(path: &Path, journal_mode: &str, bytes: u64) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch(&format!(
        "PRAGMA journal_mode = {journal_mode};
         PRAGMA synchronous = OFF;
         CREATE TABLE blob (id INTEGER PRIMARY KEY, content BLOB);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})
         INSERT INTO blob SELECT i, randomblob(4000) FROM n;",
        bytes.div_ceil(4000)
    ))
    .unwrap();
    db
}

/// Returns every row of every table, as SQL: what `sqlite3 PATH .dump` prints. Checks the database
/// first, and opens it in a way that does not change it.
pub(crate) fn contents(path: &Path) -> String {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sound: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok", "{}", path.display());
    drop(db);
    let dumped = Command::new("sqlite3")
        .args(["-readonly", "-cmd", ".timeout 5000"])
        .arg(path)
        .arg(".dump")
        .output()
        .expect("sqlite3 is installed");
    assert!(dumped.status.success(), "{dumped:?}");
    String::from_utf8(dumped.stdout).unwrap()
}

/// Returns the single number that a query gives.
pub(crate) fn scalar(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0))
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Overwrites `length` bytes at `offset` with 0xA5.
pub(crate) fn corrupt(path: &Path, offset: usize, length: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[offset..offset + length].fill(0xA5);
    fs::write(path, bytes).unwrap();
}

/// A database that another process locks until this value is dropped. The test's own process
/// cannot hold the lock: POSIX locks end when any descriptor of the file is closed, and tests read
/// the files that they check.
pub(crate) struct Lock(Child);

impl Lock {
    /// Locks a database so that no other process can read it.
    pub(crate) fn exclusive(path: &Path) -> Self {
        let mut sqlite = Command::new("sqlite3")
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sqlite3 is installed");
        let mut input = sqlite.stdin.as_ref().unwrap();
        writeln!(input, "PRAGMA locking_mode = EXCLUSIVE;").unwrap();
        writeln!(input, "BEGIN EXCLUSIVE; SELECT 'locked';").unwrap();
        let output = BufReader::new(sqlite.stdout.as_mut().unwrap()).lines();
        let locked = output.map_while(Result::ok).any(|line| line == "locked");
        assert!(locked, "{}", path.display());
        Lock(sqlite)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.kill().expect("sqlite3 was started here");
        self.0.wait().expect("sqlite3 was started here");
    }
}
