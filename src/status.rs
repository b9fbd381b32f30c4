//! Is every database dumped? Judged by the dumps themselves, never by what ran.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::clock;
use crate::directory::{Directory, Entry};
use crate::human;
use crate::retention;
use crate::rotate::Series;

/// One database; the times and sizes of one that was never dumped are absent.
#[derive(Debug, Serialize)]
struct Row {
    database: String,
    directory: PathBuf,
    newest: Option<Timestamp>,
    /// In bytes, compressed.
    bytes: Option<u64>,
    /// Of the dump before it, in bytes.
    bytes_before: Option<u64>,
    kept: usize,
    reach_seconds: Option<i64>,
    /// What is wrong, in words; absent when nothing is.
    problem: Option<String>,
}

/// Prints a line for each database of each directory on stdout. How many have no dump younger than
/// `max_age`; a directory without dumps counts as one.
///
/// # Errors
/// When stdout is closed.
pub fn run(directories: &[PathBuf], max_age: Option<Duration>, json: bool) -> Result<usize> {
    let now = clock::now();
    let rows: Vec<Row> = directories
        .iter()
        .flat_map(|path| of_directory(path, max_age, now))
        .collect();
    let mut out = io::BufWriter::new(io::stdout().lock());
    if json {
        serde_json::to_writer_pretty(&mut out, &rows)?;
        writeln!(out)?;
    } else {
        table(&mut out, &rows, now)?;
    }
    out.flush()?;
    let bad = rows
        .iter()
        .filter_map(|row| Some((row, row.problem.as_ref()?)));
    let bad: Vec<_> = bad
        .map(|(row, problem)| format!("{} ({problem})", row.database))
        .collect();
    if !bad.is_empty() {
        log::error!("without a fresh dump: {}", bad.join(", "));
    }
    Ok(bad.len())
}

fn of_directory(path: &Path, max_age: Option<Duration>, now: Timestamp) -> Vec<Row> {
    let read = Directory::open(path).and_then(|directory| {
        let entries = directory.dumps()?;
        Ok(Series::all(&directory, &entries))
    });
    let series = match read {
        Ok(series) => series,
        Err(error) => return vec![never(path, &format!("{error:#}"))],
    };
    let rows: Vec<_> = series
        .iter()
        .filter_map(|series| of_series(path, series, max_age, now))
        .collect();
    if rows.is_empty() {
        return vec![never(path, "never dumped")];
    }
    rows
}

fn never(path: &Path, problem: &str) -> Row {
    Row {
        database: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        directory: path.to_owned(),
        newest: None,
        bytes: None,
        bytes_before: None,
        kept: 0,
        reach_seconds: None,
        problem: Some(problem.to_owned()),
    }
}

fn of_series(
    path: &Path,
    series: &Series,
    max_age: Option<Duration>,
    now: Timestamp,
) -> Option<Row> {
    let dumps = series.dumps.iter().map(|(entry, _)| entry);
    // What a clock that jumped dated ahead says nothing about how fresh the dumps are.
    let past: Vec<&Entry> = dumps
        .filter(|entry| !retention::is_future(entry.name.time, now))
        .collect();
    let (newest, before) = match past.as_slice() {
        [.., before, newest] => (newest, Some(before.bytes)),
        [newest] => (newest, None),
        [] => return None,
    };
    let age = now.duration_since(newest.name.time);
    let limit = max_age.and_then(|limit| SignedDuration::try_from(limit).ok());
    let stale = limit.is_some_and(|limit| age > limit);
    let reach = retention::reach(past.iter().map(|entry| entry.name.time), now);
    Some(Row {
        database: series.database(),
        directory: path.to_owned(),
        newest: Some(newest.name.time),
        bytes: Some(newest.bytes),
        bytes_before: before,
        kept: past.len(),
        reach_seconds: reach.map(|reach| reach.as_secs()),
        problem: stale.then(|| format!("the newest is {} old", human::age(age))),
    })
}

fn table(out: &mut impl Write, rows: &[Row], now: Timestamp) -> io::Result<()> {
    let width = rows.iter().map(|row| row.database.chars().count()).max();
    let width = width.unwrap_or(0).max("database".len());
    writeln!(
        out,
        "{:width$}  {:>8}  {:>10}  {:>7}  {:>5}  {:>8}",
        "database", "newest", "size", "change", "kept", "reach"
    )?;
    for row in rows {
        let age = row
            .newest
            .map(|newest| human::age(now.duration_since(newest)));
        let reach = row
            .reach_seconds
            .map(|s| human::age(SignedDuration::from_secs(s)));
        let line = format!(
            "{:width$}  {:>8}  {:>10}  {:>7}  {:>5}  {:>8}  {}",
            row.database,
            age.unwrap_or_else(|| "never".to_owned()),
            row.bytes.map(human::bytes).unwrap_or_default(),
            change(row.bytes, row.bytes_before).unwrap_or_default(),
            row.kept,
            reach.unwrap_or_default(),
            row.problem.as_deref().unwrap_or_default()
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// `+3 %`: how the newest dump's size differs from the one's before.
fn change(bytes: Option<u64>, before: Option<u64>) -> Option<String> {
    let (bytes, before) = (bytes? as f64, before? as f64);
    (before > 0.0).then(|| format!("{:+.0} %", 100.0 * (bytes - before) / before))
}
