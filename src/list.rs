//! What dumps there are, and why each is kept.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;

use crate::clock;
use crate::directory::Directory;
use crate::exit::UsageError;
use crate::header::Kind;
use crate::human;
use crate::name::Format;
use crate::retention::{self, Policy, Rule, Verdict};
use crate::series::{Other, Series};

/// One dump.
#[derive(Debug, Serialize)]
struct Row {
    database: String,
    time: Timestamp,
    path: PathBuf,
    bytes: u64,
    format: Format,
    kind: Kind,
    /// Empty: the next rotation removes it.
    kept_by: Vec<Rule>,
}

/// Prints the dumps of each directory on stdout, by database, newest first. Without a `policy` it is
/// each database's own, as its last run was told.
///
/// # Errors
/// When a directory cannot be read or stdout is closed.
pub fn run(directories: &[PathBuf], policy: Option<&Policy>, json: bool) -> Result<()> {
    let now = clock::now();
    let mut listed = Vec::new();
    for path in directories {
        let directory = Directory::open(path)?;
        let entries = directory.dumps()?;
        let state = directory.state();
        for series in Series::all(&directory, &entries) {
            let policy = policy.or(state.policy(&series.name));
            let policy = policy.cloned().unwrap_or_default();
            for Other { entry, reason, .. } in &series.others {
                log::warn!("{} is not listed: {reason}", entry.name);
            }
            listed.push((rows(&directory, &series, &policy, now), policy));
        }
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if json {
        let all: Vec<_> = listed.iter().flat_map(|(rows, _)| rows).collect();
        serde_json::to_writer_pretty(&mut out, &all)?;
        writeln!(out)?;
    } else {
        for (rows, policy) in listed.iter().filter(|(rows, _)| !rows.is_empty()) {
            table(&mut out, rows, policy, now)?;
        }
        if listed.iter().all(|(rows, _)| rows.is_empty()) {
            log::info!("no dumps here");
        }
    }
    out.flush()?;
    Ok(())
}

fn rows(directory: &Directory, series: &Series, policy: &Policy, now: Timestamp) -> Vec<Row> {
    let verdicts = series.plan(policy, now, None);
    let rows = series.dumps.iter().zip(verdicts).rev();
    rows.map(|((entry, header), verdict)| Row {
        database: header.database.clone(),
        time: entry.name.time,
        path: directory.path_of(&entry.name),
        bytes: entry.bytes,
        format: entry.name.format,
        kind: header.kind,
        kept_by: match verdict {
            Verdict::Keep(rules) => rules,
            Verdict::Remove => Vec::new(),
        },
    })
    .collect()
}

fn table(out: &mut impl Write, rows: &[Row], policy: &Policy, now: Timestamp) -> io::Result<()> {
    let names: Vec<_> = rows
        .iter()
        .map(|row| human::printable(&row.database))
        .collect();
    let width = names.iter().map(|name| name.chars().count()).max();
    let width = width.unwrap_or(0).max("database".len());
    writeln!(
        out,
        "{:width$}  {:20}  {:>8}  {:>10}  {:6}  kept by",
        "database", "time (UTC)", "age", "size", "format"
    )?;
    for (row, name) in rows.iter().zip(&names) {
        let kept_by: Vec<_> = row.kept_by.iter().map(Rule::to_string).collect();
        writeln!(
            out,
            "{:width$}  {:20}  {:>8}  {:>10}  {:6}  {}",
            name,
            row.time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            human::age(now.duration_since(row.time)),
            human::bytes(row.bytes),
            row.format.extension(),
            match (kept_by.is_empty(), row.kind) {
                (true, _) => "nothing: the next rotation removes it".to_owned(),
                (false, Kind::Regular) => kept_by.join(", "),
                (false, Kind::Replaced) => format!(
                    "{}: a restore replaced it; restore takes it only by name",
                    kept_by.join(", ")
                ),
            }
        )?;
    }
    let regular = rows.iter().filter(|row| row.kind == Kind::Regular);
    let kept = regular.filter(|row| !row.kept_by.is_empty());
    if let Some(reach) = retention::reach(kept.map(|row| row.time), now) {
        let database = names.first().map_or("", String::as_str);
        write!(
            out,
            "{database}: the kept dumps reach back {}",
            human::age(reach)
        )?;
        if !policy.has_tiers() {
            if !policy.before_shrink.is_zero() {
                let days = human::duration(policy.before_shrink);
                write!(
                    out,
                    "; the dump from before a database is emptied stays {days}, nothing subtler is caught"
                )?;
            }
            write!(out, "; --keep-daily 7 reaches back a week")?;
        }
        writeln!(out, "\n")?;
    }
    Ok(())
}

/// Retention alone: says for each dump why it stays or goes, and removes what goes unless
/// `dry_run`. Without a `policy` it is each database's own, as its last run was told.
///
/// # Errors
/// When the directory is missing, held by another run, or a dump cannot be removed; [`UsageError`]
/// when it is not known what is to be kept.
pub fn rotate(path: &std::path::Path, policy: Option<&Policy>, dry_run: bool) -> Result<()> {
    let directory = Directory::open(path)?.lock()?;
    let now = clock::now();
    let mut out = io::stdout().lock();
    let state = directory.state();
    let all = Series::all(&directory, &directory.dumps()?);
    let known = |series: &Series| policy.or(state.policy(&series.name));
    if let Some(series) = all.iter().find(|series| known(series).is_none())
        && !dry_run
    {
        return Err(UsageError::new(&format!(
            "what is kept of {} is not on record in {}, so nothing was removed; say it with --keep and the like",
            series.name,
            path.display()
        ))
        .into());
    }
    for series in all {
        let policy = known(&series).cloned().unwrap_or_default();
        for ((entry, _), verdict) in series.dumps.iter().zip(series.plan(&policy, now, None)) {
            let fate = match verdict {
                Verdict::Keep(rules) => {
                    let rules: Vec<_> = rules.iter().map(Rule::to_string).collect();
                    format!("stays: {}", rules.join(", "))
                }
                Verdict::Remove if dry_run => "would go: no rule keeps it".to_owned(),
                Verdict::Remove => "goes: no rule keeps it".to_owned(),
            };
            writeln!(out, "{}  {fate}", entry.name)?;
        }
        for Other { entry, reason, .. } in &series.others {
            writeln!(out, "{}  stays: {reason}", entry.name)?;
        }
        if !dry_run {
            crate::rotate::rotate(&directory, &series, &policy, None)?;
        }
    }
    Ok(())
}
