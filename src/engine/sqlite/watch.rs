//! Does work on a database whose schema others wrote.
//!
//! Checking evaluates the schema's expressions: index expressions and generated columns. SQLite
//! checks the deadline and signals between the steps of a statement, but not within one function,
//! and a schema can make a function run for hours. So a thread does such work. If the thread does
//! not end in time, this module abandons it, and it ends with the process. `room.rs` bounds what it
//! keeps from other databases until then.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};

use super::error::find_code;
use super::room::{self, Check};
use crate::stop::Stop;

/// The time between two checks of [`Stop`].
const TICK: Duration = Duration::from_millis(50);
/// The time that SQLite has to notice that it must stop.
const GRACE: Duration = Duration::from_secs(1);

/// A value of a schema's expression may have this length in bytes, or four times the database's
/// size if that is more: a row is never longer than its database.
const LONGEST: u64 = 1 << 20;
/// The greatest such length in bytes while the program works on other databases too: all databases
/// share SQLite's memory.
const LONGEST_OF_MANY: u64 = 64 << 20;
/// SQLite's own limit on the length of any value, in bytes.
const SQLITE_LONGEST: u64 = 1_000_000_000;

/// Keeps the schema of a database of `bytes` bytes from what no schema needs.
pub(super) fn restrict(db: &Connection, bytes: u64) -> rusqlite::Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    limit_values(db, bytes, LONGEST_OF_MANY)?;
    let limits = [
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 1000),
        (Limit::SQLITE_LIMIT_VDBE_OP, 10_000_000),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ];
    for (limit, most) in limits {
        db.set_limit(limit, most)?;
    }
    Ok(())
}

/// Limits the length of values to what a database of `bytes` bytes needs, and to `most` bytes.
fn limit_values(db: &Connection, bytes: u64, most: u64) -> rusqlite::Result<()> {
    let longest = bytes.saturating_mul(4).clamp(LONGEST, most);
    let longest = i32::try_from(longest).unwrap_or(i32::MAX);
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest).map(drop)
}

/// Does `work`. If a value is too long or memory is short, does it once more, with room for the
/// longest value that the database can hold, and for one such database at a time.
fn run_with_room<T>(
    db: &Connection,
    check: &Check,
    stop: Stop,
    work: impl Fn(&Connection) -> Result<T>,
) -> Result<T> {
    let done = work(db);
    if !done.as_ref().is_err_and(lacks_room) {
        return done;
    }
    check.take_turn(stop)?;
    let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    let bytes = db.query_row(sql, [], |row| row.get::<_, i64>(0))?;
    let bytes = u64::try_from(bytes).unwrap_or(0);
    limit_values(db, bytes, SQLITE_LONGEST)?;
    let done = work(db);
    limit_values(db, bytes, LONGEST_OF_MANY)?;
    done
}

fn lacks_room(error: &anyhow::Error) -> bool {
    matches!(
        find_code(error),
        Some(ErrorCode::TooBig | ErrorCode::OutOfMemory)
    )
}

/// Does `work`, sometimes twice, on a connection. Returns the connection and the result.
///
/// # Errors
/// [`Stopped`](crate::stop::Stopped) when the work must stop and does not stop in time; the
/// connection is then lost. Also when too many checks were abandoned before.
pub(super) fn run<T: Send + 'static>(
    db: Connection,
    stop: Stop,
    work: impl Fn(&Connection) -> Result<T> + Send + 'static,
) -> Result<(Connection, Result<T>)> {
    let check = Check::begin()?;
    let number = check.number();
    let (answer, answered) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("check".to_owned())
        .spawn(move || {
            let done = run_with_room(&db, &check, stop, work);
            drop(check);
            let _ = answer.send((db, done));
        })
        .context("cannot start a thread")?;
    let mut give_up = None;
    loop {
        match answered.recv_timeout(TICK) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Disconnected) => {
                bail!("the thread that checks the database died")
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Some(reason) = stop.reason() {
            let give_up = give_up.get_or_insert_with(|| Instant::now() + GRACE);
            if Instant::now() >= *give_up {
                room::lose(number);
                return Err(reason.into());
            }
        }
    }
}
