//! An SQLite database as an ordinary application has it, the same every time.

use std::io;
use std::path::Path;

use rusqlite::Connection;

const TABLES: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT UNIQUE, created TEXT);
    CREATE TABLE events (
        id INTEGER PRIMARY KEY, user INTEGER, kind TEXT, at INTEGER, amount REAL, payload TEXT,
        tag BLOB);
    CREATE INDEX events_of_user ON events (user, at);
";

/// 20,000 rows; `mix` is a pseudo-random number of the row's.
const ROWS: &str = "
    WITH RECURSIVE
        n (id) AS (SELECT ?1 UNION ALL SELECT id + 1 FROM n LIMIT 20000),
        r (id, mix) AS (SELECT id, (id * 6364136223846793005 + 1442695040888963407) >> 17 FROM n)
    INSERT INTO events (user, kind, at, amount, payload, tag)
    SELECT abs(mix) % 90000,
        substr('orderpaiditemsrefundnotelogin', abs(mix) % 24 + 1, 6),
        1700000000 + id * 3,
        abs(mix) % 500000 / 100.0,
        printf('{\"id\": \"%016x\", \"state\": \"%s\", \"note\": \"%s of %d for customer %d, deliver %s %s\", \"score\": %d}',
            mix, substr('shippedreturnedpackedpending', abs(mix >> 7) % 20 + 1, 8),
            substr('wooden table blue lamp green chair keyboard monitor cable ', abs(mix >> 9) % 40 + 1, 18),
            abs(mix >> 5) % 1000, abs(mix >> 3) % 90000,
            substr('before after morning evening express standard ', abs(mix >> 11) % 30 + 1, 16),
            substr('Berlin Lisbon Osaka Toronto Accra Quito ', abs(mix >> 13) % 30 + 1, 9),
            abs(mix >> 2) % 1000000),
        unhex(printf('%016x', mix))
    FROM r
";

/// Makes a database of about `bytes` bytes.
pub(crate) fn make(path: &Path, bytes: u64, journal_mode: &str) -> io::Result<()> {
    fill(path, bytes, journal_mode).map_err(io::Error::other)
}

fn fill(path: &Path, bytes: u64, journal_mode: &str) -> rusqlite::Result<()> {
    let db = Connection::open(path)?;
    db.execute_batch("PRAGMA synchronous = OFF")?;
    db.query_row(&format!("PRAGMA journal_mode = {journal_mode}"), [], |_| {
        Ok(())
    })?;
    db.execute_batch(TABLES)?;
    db.execute_batch(
        "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT 90000)
         INSERT INTO users SELECT id, printf('user %x', id * 7919 % 90001),
             printf('%x@example.org', id * 104729), '2026-01-01' FROM n",
    )?;
    let mut rows = db.prepare(ROWS)?;
    for batch in 0_i64.. {
        rows.execute([batch * 20_000])?;
        let pages: u64 = db.query_row("PRAGMA page_count", [], |row| {
            row.get(0).map(i64::cast_unsigned)
        })?;
        if pages * 4096 >= bytes {
            break;
        }
    }
    if journal_mode == "wal" {
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    Ok(())
}
