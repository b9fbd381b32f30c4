//! Reports the age of copies: for a destination, from its listings and one sidecar of each database; for a
//! dump directory, from this machine's record.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::catalogue::{Copies, map_parallel};
use super::location::Location;
use super::name::Folder;
use super::sidecar::Sidecar;
use super::state_directory::CopyStateDirectory;
use super::verify::explain_sidecar_error;
use crate::clock;
use crate::header::DumpKind;
use crate::human::{self, escape};
use crate::retention::{is_future, measure_reach};
use crate::status::{CopyRecord, CopyStatus, DatabaseStatus};
use crate::stop::Stop;
use crate::store::Destination;

/// One database in a destination.
#[derive(Debug, Serialize)]
struct StatusRow {
    destination: String,
    host: String,
    database: String,
    /// The time of the newest dump that has a whole copy.
    newest: Option<Timestamp>,
    /// The size of its copy in bytes.
    bytes: Option<u64>,
    /// The number of finished copies that are not dated in the future.
    kept: usize,
    /// The age of the oldest of these copies in seconds.
    reach_seconds: Option<i64>,
    /// The problem in words, or `None`.
    problem: Option<String>,
}

/// Prints a line for each machine and database of each place on stdout. Returns the number of databases with
/// a problem. A place without copies counts as one, and so does a named machine without copies.
///
/// # Errors
/// When a destination cannot be listed or stdout is closed.
pub fn show_status(places: &[Location], max_age: Option<Duration>, json: bool) -> Result<usize> {
    let stop = Stop::until_signal();
    let now = clock::now();
    let mut rows = Vec::new();
    for place in places {
        let all = place.list_copies(stop)?;
        let made = map_parallel(&all, |(folder, copies)| {
            make_row(place, folder, copies, max_age, now, stop)
        });
        let made = made.into_iter().collect::<Result<Vec<_>>>()?;
        if made.is_empty() {
            let host = place.host.as_ref().map(ToString::to_string);
            rows.push(StatusRow {
                destination: place.destination.to_string(),
                host: host.unwrap_or_else(|| "-".to_owned()),
                database: place.database.clone().unwrap_or_else(|| "-".to_owned()),
                newest: None,
                bytes: None,
                kept: 0,
                reach_seconds: None,
                problem: Some("no copies".to_owned()),
            });
        }
        rows.extend(made);
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if json {
        writeln!(out, "{}", human::format_json(&rows)?)?;
    } else {
        print_table(&mut out, &rows, now)?;
    }
    out.flush()?;
    let bad: Vec<_> = rows
        .iter()
        .filter(|row| row.problem.is_some())
        .map(|row| format!("{}/{}", row.host, row.database))
        .collect();
    if !bad.is_empty() {
        // The output has the problems themselves.
        let (some, all) = (
            bad.len(),
            crate::human::format_count(rows.len(), "database"),
        );
        log::error!("problems in {some} of {all}: {}", bad.join(", "));
    }
    Ok(bad.len())
}

fn make_row(
    place: &Location,
    folder: &Folder,
    copies: &Copies,
    max_age: Option<Duration>,
    now: Timestamp,
    stop: Stop,
) -> Result<StatusRow> {
    let finished: Vec<_> = copies
        .stored
        .iter()
        .filter(|copy| copy.kind == Some(DumpKind::Regular))
        .filter(|copy| !is_future(copy.name.dump.time, now))
        .collect();
    let mut problems = Vec::new();
    let mut newest = None;
    for copy in finished.iter().rev() {
        let sidecar = Sidecar::read(&*place.store, folder, &copy.name, DumpKind::Regular, stop);
        let wrong = match sidecar.map_err(explain_sidecar_error) {
            Ok(sidecar) if sidecar.bytes == copy.bytes => None,
            Ok(sidecar) => Some(format!(
                "it has {} and its sidecar says {}",
                crate::human::format_count(copy.bytes, "byte"),
                sidecar.bytes
            )),
            Err(error) if super::verify::is_damage(&error) => Some(format!("{error:#}")),
            Err(error) => return Err(error),
        };
        match wrong {
            None => {
                newest = Some(*copy);
                break;
            }
            Some(how) => problems.push(format!("{} cannot be used: {how}", copy.name)),
        }
    }
    match newest {
        None => problems.push("no whole copy".to_owned()),
        Some(newest) => problems.extend(describe_age(newest.name.dump.time, max_age, now)),
    }
    let times = finished.iter().map(|copy| copy.name.dump.time);
    Ok(StatusRow {
        destination: place.destination.to_string(),
        host: folder.host.to_string(),
        database: folder.name(),
        newest: newest.map(|copy| copy.name.dump.time),
        bytes: newest.map(|copy| copy.bytes),
        kept: finished.len(),
        reach_seconds: measure_reach(times, now).map(|reach| reach.as_secs()),
        problem: (!problems.is_empty()).then(|| problems.join("; ")),
    })
}

fn describe_age(time: Timestamp, max_age: Option<Duration>, now: Timestamp) -> Option<String> {
    let limit = max_age.and_then(|limit| SignedDuration::try_from(limit).ok())?;
    let age = now.duration_since(time);
    (age > limit).then(|| format!("the newest is {} old", human::format_age(age)))
}

fn print_table(out: &mut impl Write, rows: &[StatusRow], now: Timestamp) -> io::Result<()> {
    let width = |cell: fn(&StatusRow) -> &String, head: &str| {
        let widest = rows.iter().map(|row| cell(row).chars().count()).max();
        widest.unwrap_or(0).max(head.len())
    };
    let host = width(|row| &row.host, "host");
    let database = width(|row| &row.database, "database");
    writeln!(
        out,
        "{:host$}  {:database$}  {:>8}  {:>10}  {:>4}  {:>8}",
        "host", "database", "newest", "size", "kept", "reach"
    )?;
    for row in rows {
        let age = row.newest.map_or("never".to_owned(), |time| {
            human::format_age(now.duration_since(time))
        });
        let reach = row
            .reach_seconds
            .map(SignedDuration::from_secs)
            .map(human::format_age);
        let line = format!(
            "{:host$}  {:database$}  {age:>8}  {:>10}  {:>4}  {:>8}  {}",
            escape(&row.host),
            escape(&row.database),
            row.bytes.map(human::format_bytes).unwrap_or_default(),
            row.kept,
            reach.unwrap_or_default(),
            escape(row.problem.as_deref().unwrap_or_default())
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Adds the recorded copies to the rows of dump directories: those in `destinations`, or in every recorded
/// destination if none is given. A copy that is older than `max_age` is a problem, and so is a
/// database without copies, unless its first dump is younger than the last run.
///
/// # Errors
/// When the record cannot be read.
pub fn add_to(
    rows: &mut [DatabaseStatus],
    home: &CopyStateDirectory,
    max_age: Option<Duration>,
    destinations: &[Destination],
) -> Result<()> {
    let mut records = home.read_records()?;
    if !destinations.is_empty() {
        records = destinations
            .iter()
            .map(|destination| {
                let destination = destination.to_string();
                let record = records.remove(&destination).unwrap_or_default();
                (destination, record)
            })
            .collect();
    }
    let now = clock::now();
    for row in rows.iter_mut() {
        let Some(name) = row.name.clone() else {
            continue;
        };
        let mut problems: Vec<_> = row.problem.take().into_iter().collect();
        let mut missing = Vec::new();
        for (destination, directories) in &records {
            let record = directories
                .get(&row.directory)
                .and_then(|databases| databases.get(&name))
                .filter(|record| record.is_of_ended_run());
            let Some(record) = record else {
                if !is_too_new(row, directories, now) {
                    missing.push(format!("never copied to {destination}"));
                }
                continue;
            };
            let copy = CopyStatus {
                destination: destination.clone(),
                record: CopyRecord {
                    claim: None,
                    ..record.clone()
                },
            };
            if max_age.is_some() {
                problems.extend(describe_lateness(&copy, max_age, now));
            }
            row.copies.push(copy);
        }
        if max_age.is_some() {
            match (records.is_empty(), destinations.is_empty()) {
                (true, _) => problems.push("never copied".to_owned()),
                (false, true) if !row.copies.is_empty() => (),
                _ => problems.append(&mut missing),
            }
        }
        row.problem = (!problems.is_empty()).then(|| escape(&problems.join("; ")));
    }
    Ok(())
}

/// Returns true for a database whose first dump was made after the last run of `copy` to a destination.
fn is_too_new(
    row: &DatabaseStatus,
    directories: &BTreeMap<PathBuf, BTreeMap<String, CopyRecord>>,
    now: Timestamp,
) -> bool {
    let records = directories.values().flat_map(BTreeMap::values);
    let last_run = records.filter_map(|record| record.copied).max();
    let first = row
        .reach_seconds
        .map(|reach| now - SignedDuration::from_secs(reach));
    first.zip(last_run).is_some_and(|(first, run)| first > run)
}

/// Returns the problems of a database's copies in one destination.
fn describe_lateness(copy: &CopyStatus, max_age: Option<Duration>, now: Timestamp) -> Vec<String> {
    let destination = &copy.destination;
    let age = match copy.time() {
        None => Some(format!("never copied to {destination}")),
        Some(time) => describe_age(time, max_age, now)
            .map(|how| format!("of the copies in {destination} {how}")),
    };
    let error = copy.record.error.as_ref();
    let error = error.map(|error| format!("the last copy to {destination} failed: {error}"));
    age.into_iter().chain(error).collect()
}
