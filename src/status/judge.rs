//! Judges databases by their dumps and by how the last run ended.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::disk;
use super::forecast::Growth;
use super::row::DatabaseStatus;
use crate::directory::{Directory, DumpFile};
use crate::header::{DumpKind, LeftOut};
use crate::human;
use crate::retention;
use crate::series::{Series, UncountedDump};
use crate::state::{Attempt, DrillRecord, Record};

/// Returns a row for each database of each directory. That a database did not change since its
/// newest dump is believed only of a record that is this user's or root's, unless `trust_records`.
/// A database has a problem if it has no dump younger than `max_age` or its last run failed; a directory
/// without dumps has a row with a problem.
#[must_use]
pub fn judge_directories(
    directories: &[PathBuf],
    max_age: Option<Duration>,
    trust_records: bool,
    now: Timestamp,
) -> Vec<DatabaseStatus> {
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or(path.clone());
    let mut rows: Vec<_> = directories
        .iter()
        .flat_map(|path| judge_directory(&absolute(path), max_age, trust_records, now))
        .collect();
    disk::add(&mut rows);
    rows
}

fn judge_directory(
    path: &Path,
    max_age: Option<Duration>,
    trust_records: bool,
    now: Timestamp,
) -> Vec<DatabaseStatus> {
    let read = Directory::open(path).and_then(|directory| {
        let entries = directory.list_dumps()?;
        let (mut state, is_own) = directory.read_state_and_trust();
        if !trust_records && !is_own {
            for record in state.databases.values_mut() {
                record.unchanged = None;
            }
        }
        Ok((Series::read_all(&directory, &entries), state))
    });
    let (series, mut state) = match read {
        Ok(read) => read,
        Err(error) => {
            let problem = format!("{error:#}");
            return vec![judge_without_dumps(path, None, Record::default(), &problem)];
        }
    };
    let mut rows = Vec::new();
    for series in &series {
        let record = state.databases.remove(series.name.as_str());
        // A restore saved the database here. No run dumps it here.
        let is_saved_only = series.uncounted.is_empty()
            && series
                .dumps
                .iter()
                .all(|(_, header)| header.kind == DumpKind::Replaced);
        if is_saved_only
            && record
                .as_ref()
                .is_none_or(|record| record.attempt.is_none())
        {
            continue;
        }
        let record = record.unwrap_or_default();
        rows.push(judge_series(path, series, record, max_age, now));
    }
    // Databases that were never dumped, or whose dumps are gone.
    for (name, record) in state.databases {
        let problem = match record.attempt.as_ref().map(|attempt| &attempt.error) {
            Some(Some(error)) => describe_failed_run(error),
            Some(None) => "its dumps are gone".to_owned(),
            None => continue,
        };
        rows.push(judge_without_dumps(path, Some(&name), record, &problem));
    }
    if rows.is_empty() {
        rows.push(judge_without_dumps(
            path,
            None,
            Record::default(),
            "never dumped",
        ));
    }
    rows
}

fn describe_failed_run(error: &str) -> String {
    format!("the last run failed: {error}")
}

fn judge_without_dumps(
    path: &Path,
    name: Option<&str>,
    record: Record,
    problem: &str,
) -> DatabaseStatus {
    let directory = || path.file_name().unwrap_or_default().to_string_lossy();
    DatabaseStatus {
        database: name.map_or_else(|| directory().into_owned(), str::to_owned),
        engine: record.engine,
        directory: path.to_owned(),
        newest: None,
        fresh: None,
        bytes: None,
        bytes_before: None,
        bytes_inside: None,
        kept: 0,
        reach_seconds: None,
        attempt: record.attempt,
        drill: record.drill,
        sizes: Vec::new(),
        shrunk_since: None,
        left_out: LeftOut::default(),
        disk_free_bytes: None,
        disk_full_days: None,
        growth: None,
        #[cfg(feature = "copies")]
        name: name.map(str::to_owned),
        #[cfg(feature = "copies")]
        copies: Vec::new(),
        problem: Some(human::escape(problem)),
    }
}

fn judge_series(
    path: &Path,
    series: &Series,
    record: Record,
    max_age: Option<Duration>,
    now: Timestamp,
) -> DatabaseStatus {
    let unusable = describe_unusable(series, now);
    // Dumps that a clock that jumped dated ahead do not say how fresh the dumps are.
    let past: Vec<_> = series.restorable_past(now).collect();
    let Some((newest, header)) = past.first() else {
        let attempt = record.attempt.as_ref();
        let failed = attempt.and_then(|attempt| Some(describe_failed_run(attempt.error.as_ref()?)));
        let unusable = unusable.unwrap_or_else(|| {
            let is_saved_only = !series.dumps.is_empty() && series.restorable(now).next().is_none();
            let what = if is_saved_only {
                "never dumped; its only dumps hold what a restore replaced"
            } else {
                "its dumps are dated after now"
            };
            what.to_owned()
        });
        let problem = failed.map_or(unusable.clone(), |failed| format!("{unusable}; {failed}"));
        let last = series.dumps.last();
        let engine = last.map(|(_, header)| header.identity.engine);
        let record = Record {
            engine: engine.or(record.engine),
            ..record
        };
        let row = judge_without_dumps(path, Some(&series.database()), record, &problem);
        #[cfg(feature = "copies")]
        let row = DatabaseStatus {
            name: Some(series.name.to_string()),
            ..row
        };
        return row;
    };
    let mut alike = past.iter().filter(|(_, of)| of.left_out == header.left_out);
    let before = alike.nth(1).map(|(entry, _)| entry.bytes);
    let unchanged = record
        .unchanged
        .filter(|unchanged| unchanged.dump == newest.name.to_string());
    let fresh = unchanged.map_or(newest.name.time, |unchanged| {
        unchanged.time.max(newest.name.time)
    });
    // If a dump is newer than the recorded attempt, the record of its own run was lost.
    let attempt = record
        .attempt
        .filter(|attempt| attempt.time >= newest.name.time);
    let attempt = attempt.unwrap_or(Attempt {
        time: newest.name.time,
        seconds: None,
        error: None,
    });
    let policy = record.policy.unwrap_or_default();
    let entries = || past.iter().map(|(entry, _)| entry);
    let grown = past.iter().filter(|(_, of)| of.left_out == header.left_out);
    let mut sizes: Vec<_> = grown
        .map(|(entry, _)| (entry.name.time, entry.bytes))
        .collect();
    sizes.reverse();
    let reach = retention::measure_reach(entries().map(|entry: &DumpFile| entry.name.time), now);
    DatabaseStatus {
        database: series.database(),
        engine: Some(header.identity.engine),
        directory: path.to_owned(),
        newest: Some(newest.name.time),
        fresh: Some(fresh),
        bytes: Some(newest.bytes),
        bytes_before: before,
        bytes_inside: Some(header.bytes),
        kept: past.len(),
        shrunk_since: series.find_shrink(&policy, now),
        left_out: header.left_out.clone(),
        disk_free_bytes: None,
        disk_full_days: None,
        growth: Some(Growth::new(&sizes, series.dumps.len(), policy)),
        reach_seconds: reach.map(|reach| reach.as_secs()),
        problem: find_problem(
            now.duration_since(fresh),
            max_age,
            &attempt,
            record.drill.as_ref(),
            unusable,
        ),
        attempt: Some(attempt),
        drill: record.drill,
        #[cfg(feature = "copies")]
        name: Some(series.name.to_string()),
        #[cfg(feature = "copies")]
        copies: Vec::new(),
        sizes: entries().rev().map(|entry| entry.bytes).collect(),
    }
}

/// Returns which dumps cannot be used: the newest one, for any reason, and every damaged one.
fn describe_unusable(series: &Series, now: Timestamp) -> Option<String> {
    let newest = series.find_unusable(now).map(|other| &other.entry.name);
    let others = series.uncounted.iter().rev();
    let bad: Vec<_> = others
        .filter(|other| other.is_damaged || Some(&other.entry.name) == newest)
        .collect();
    let (UncountedDump { entry, reason, .. }, more) = bad.split_first()?;
    let first = format!("{} cannot be used: {reason}", entry.name);
    match more.len() {
        0 => Some(first),
        1 => Some(format!("{first}; nor can {}", more[0].entry.name)),
        number => Some(format!("{first}; nor can {number} older ones")),
    }
}

fn find_problem(
    age: SignedDuration,
    max_age: Option<Duration>,
    attempt: &Attempt,
    drill: Option<&DrillRecord>,
    unusable: Option<String>,
) -> Option<String> {
    let limit = max_age.and_then(|limit| SignedDuration::try_from(limit).ok());
    let stale = limit.is_some_and(|limit| age > limit);
    let stale = stale.then(|| format!("the newest is {} old", human::format_age(age)));
    let attempt = attempt.error.as_deref().map(describe_failed_run);
    let drill =
        drill.and_then(|drill| Some(format!("the last drill failed: {}", drill.error.as_ref()?)));
    let all: Vec<_> = [stale, unusable, attempt, drill]
        .into_iter()
        .flatten()
        .collect();
    (!all.is_empty()).then(|| human::escape(&all.join("; ")))
}
