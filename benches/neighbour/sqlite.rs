//! Measures the commits of a writer of an SQLite database.

use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::measure::{PROGRAM, Result, timed};
use crate::{Dumper, SECONDS, compare};

/// The time between two commits of the writer.
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) fn measure() -> Result<()> {
    let place = TempDir::new()?;
    let database = place.path().join("shop.db");
    let sql = "PRAGMA journal_mode = WAL;
        CREATE TABLE sold (id INTEGER PRIMARY KEY, item TEXT, note BLOB);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100000)
        INSERT INTO sold SELECT i, hex(randomblob(20)) || ' customer ' || i, randomblob(350) FROM n;
        CREATE TABLE log (at REAL, text TEXT)";
    timed(
        Command::new("sqlite3")
            .arg(&database)
            .arg(sql)
            .stdout(std::process::Stdio::null()),
    )?;
    let dumps = place.path().join("dumps");
    let ours = || {
        let mut command = Command::new(PROGRAM);
        command.args(["dump", "--log", "warn", "--to"]).arg(&dumps);
        command.arg(&database);
        command
    };
    let backup = |compressor: &str| {
        let mut shell = Command::new("sh");
        let script = format!("sqlite3 shop.db '.backup copy.db' && {compressor} < copy.db > piped");
        shell.args(["-euc", &script]).current_dir(place.path());
        shell
    };
    let dumpers: [Dumper<'_>; 4] = [
        ("no dump", None),
        ("dump-database", Some(Box::new(ours))),
        (".backup, gzip", Some(Box::new(|| backup("gzip")))),
        (".backup, zstd", Some(Box::new(|| backup("zstd -q")))),
    ];
    println!("SQLite, a commit every 5 ms, 500 MB in WAL mode:");
    compare(&dumpers, || {
        let writer = Connection::open(&database)?;
        writer.busy_timeout(Duration::from_mins(1))?;
        writer.pragma_update(None, "synchronous", "NORMAL")?;
        let mut insert =
            writer.prepare("INSERT INTO log VALUES (julianday(), hex(randomblob(40)))")?;
        let end = Instant::now() + Duration::from_secs(SECONDS);
        let mut latencies = Vec::new();
        while Instant::now() < end {
            let began = Instant::now();
            insert.execute([])?;
            latencies.push(began.elapsed().as_secs_f64() * 1000.0);
            std::thread::sleep(PAUSE);
        }
        Ok(latencies)
    })
}
