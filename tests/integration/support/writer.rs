//! Programs that write to a database while it is dumped, or that were killed while they wrote.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::database::{self, scalar};

/// A thread that commits every few milliseconds, with checkpoints in WAL mode. Each transaction
/// changes a row somewhere in the file, a running counter, and a sum over all rows.
pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    committed: Arc<AtomicI64>,
    thread: JoinHandle<Duration>,
}

impl Writer {
    /// Creates the database, of about `bytes` bytes, and starts the thread; returns after some
    /// commits.
    pub(crate) fn start(path: &Path, journal_mode: &str, bytes: u64) -> Self {
        let db = database::make_large(path, journal_mode, bytes);
        db.execute_batch(
            "ALTER TABLE blob ADD COLUMN version INTEGER DEFAULT 0;
             CREATE TABLE log (n INTEGER PRIMARY KEY, id INTEGER);
             CREATE TABLE state (n INTEGER, sum INTEGER);
             INSERT INTO state VALUES (0, 0);
             PRAGMA wal_autocheckpoint = 50;",
        )
        .unwrap();
        db.busy_timeout(Duration::from_secs(20)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let committed = Arc::new(AtomicI64::new(0));
        let (until, count) = (Arc::clone(&stop), Arc::clone(&committed));
        let thread = std::thread::spawn(move || {
            let rows = scalar(&db, "SELECT count(*) FROM blob");
            let mut longest = Duration::ZERO;
            while !until.load(Ordering::Relaxed) {
                let n = count.load(Ordering::Relaxed) + 1;
                let begun = Instant::now();
                commit(&db, n, 1 + n * 7919 % rows).unwrap();
                longest = longest.max(begun.elapsed());
                count.store(n, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
            longest
        });
        while committed.load(Ordering::Relaxed) < 20 {
            std::thread::sleep(Duration::from_millis(1));
        }
        Writer {
            stop,
            committed,
            thread,
        }
    }

    /// Returns the number of transactions that the thread has committed.
    pub(crate) fn committed(&self) -> i64 {
        self.committed.load(Ordering::Relaxed)
    }

    /// Stops the thread, and returns the duration of its longest transaction.
    pub(crate) fn stop(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("no transaction failed")
    }
}

fn commit(db: &Connection, n: i64, id: i64) -> rusqlite::Result<()> {
    db.execute_batch("BEGIN IMMEDIATE")?;
    db.execute(
        "UPDATE state SET n = ?1, sum = sum + ?1 - (SELECT version FROM blob WHERE id = ?2)",
        params![n, id],
    )?;
    db.execute(
        "UPDATE blob SET version = ?1, content = randomblob(4000) WHERE id = ?2",
        params![n, id],
    )?;
    db.execute("INSERT INTO log VALUES (?1, ?2)", params![n, id])?;
    db.execute_batch("COMMIT")
}

/// Returns the number of the transaction whose state a restored copy holds, and asserts that this
/// state is complete.
pub(crate) fn state(copy: &Path) -> i64 {
    let db = Connection::open(copy).unwrap();
    let sound: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    let n = scalar(&db, "SELECT n FROM state");
    assert_eq!(scalar(&db, "SELECT count(*) FROM log"), n);
    assert_eq!(scalar(&db, "SELECT max(n) FROM log"), n);
    assert_eq!(
        scalar(&db, "SELECT sum(version) FROM blob"),
        scalar(&db, "SELECT sum FROM state")
    );
    n
}

/// Runs SQL in a separate process, and kills the process before it can close the database.
pub(crate) fn killed(path: &Path, sql: &str) {
    let mut sqlite = Command::new("sqlite3")
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sqlite3 is installed");
    let mut input = sqlite.stdin.take().unwrap();
    writeln!(input, "{sql}\nSELECT 'done';").unwrap();
    let mut lines = BufReader::new(sqlite.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "done"), "{sql}");
    sqlite.kill().unwrap();
    sqlite.wait().unwrap();
}
