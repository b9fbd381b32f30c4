//! An SQLite database like that of an ordinary application, the same every time.

use std::io;
use std::path::Path;

use rusqlite::Connection;

#[path = "../compressor/sql.rs"]
mod sql;

const TABLES: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT UNIQUE, created TEXT);
    CREATE TABLE events (id INTEGER PRIMARY KEY, user INTEGER, at INTEGER, what TEXT);
    CREATE INDEX events_of_user ON events (user, at);
";

const USERS: &str = "
    WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT 90000)
    INSERT INTO users
    SELECT id, printf('user %x', id * 7919 % 90001), printf('%x@example.org', id * 104729),
        '2026-01-01'
    FROM n
";

/// Makes a database of about `bytes` bytes.
pub(crate) fn make(path: &Path, bytes: u64, journal_mode: &str) -> io::Result<()> {
    let mut text = Vec::new();
    sql::write(&mut text, bytes / 100 * 82)?;
    fill(path, &String::from_utf8_lossy(&text), journal_mode).map_err(io::Error::other)
}

fn fill(path: &Path, text: &str, journal_mode: &str) -> rusqlite::Result<()> {
    let db = Connection::open(path)?;
    db.execute_batch("PRAGMA synchronous = OFF")?;
    let mode = format!("PRAGMA journal_mode = {journal_mode}");
    db.query_row(&mode, [], |_| Ok(()))?;
    db.execute_batch(TABLES)?;
    db.execute_batch(USERS)?;
    db.execute_batch("BEGIN")?;
    let mut insert = db.prepare("INSERT INTO events (user, at, what) VALUES (?1, ?2, ?3)")?;
    for (index, line) in (0_i64..).zip(text.lines()) {
        insert.execute((index * 48_271 % 90_001, 1_700_000_000 + index, line))?;
        if index % 100_000 == 0 {
            db.execute_batch("COMMIT; BEGIN")?;
        }
    }
    db.execute_batch("COMMIT")?;
    if journal_mode == "wal" {
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    Ok(())
}
