//! Proof of restore: a dump restored into a throwaway database, by the same code that restores it
//! on the worst day, and compared with the facts its header has of the snapshot.
//!
//! SQLite is restored into a file, a server's dump into a private server that is made for it and
//! removed afterwards. The dump's own functions, views and triggers run there, as in any restore.

mod choose;
mod compare;
mod mysql;
mod postgresql;
mod scratch;
mod serve;
mod sqlite;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::clock;
use crate::compress::Method;
use crate::directory::Directory;
use crate::dump::{self, default_threads};
use crate::header::Header;
use crate::identity::Engine;
use crate::name::{DumpName, Format};
use crate::restore;
use crate::source::Source;
use crate::state;
use crate::stop::{self, Stop, Unless};
use crate::verify::read_whole;

use choose::Chosen;
pub use choose::Sample;
use compare::Comparison;
use scratch::Scratch;

/// How to drill.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which dumps of a directory.
    pub sample: Sample,
    /// Where throwaway databases live; the system's directory for temporary files by default.
    pub scratch: Option<PathBuf>,
    /// The time one dump may take.
    pub timeout: Duration,
    /// Print a JSON array.
    pub json: bool,
}

/// One drill.
#[derive(Debug, Serialize)]
struct Row {
    database: String,
    path: PathBuf,
    /// Absent where there is nothing to restore: what a program printed.
    passed: Option<bool>,
    /// How long restoring took.
    #[serde(skip_serializing_if = "Option::is_none")]
    restore_seconds: Option<f64>,
    #[serde(flatten)]
    comparison: Comparison,
}

/// A throwaway place of one engine, and what a dump was restored into.
trait Throwaway {
    /// Restores into it.
    fn target(&mut self, header: &Header, dump: &File) -> Result<Source>;

    /// What is there now, beside the dump's facts.
    fn compare(&self, header: &Header) -> Result<Comparison>;
}

/// Drills dumps, or those of directories that `options.sample` names; a line each on stdout. How
/// many failed.
///
/// # Errors
/// When a path leads nowhere or stdout is closed.
pub fn run(paths: &[PathBuf], options: &Options) -> Result<usize> {
    let mut rows = Vec::new();
    let mut failed = 0;
    let mut failing = HashSet::new();
    let mut drilled = HashSet::new();
    for mut chosen in choose::all(paths, options.sample)? {
        Stop::on_signal().check()?;
        let mut dump = chosen.open();
        // Rotated out while others were drilled: what came in its place is drilled.
        while dump.as_ref().is_err_and(is_gone)
            && let Some(newest) = chosen.newest_now()
        {
            log::info!("{} was removed meanwhile", chosen.path.display());
            dump = newest.open();
            chosen = newest;
        }
        if !drilled.insert(chosen.path.clone()) {
            continue;
        }
        let row = drill(&chosen, dump, options);
        if let Some(signal) = stop::signal() {
            return Err(stop::Stopped::Signal(signal).into());
        }
        failed += usize::from(row.passed == Some(false));
        // Of several dumps of a database the first that failed is the one to know of.
        if let Some((directory, name)) = &chosen.place
            && !failing.contains(&(directory.path().to_owned(), name.name.clone()))
        {
            record(directory, name, &row);
            if row.passed == Some(false) {
                failing.insert((directory.path().to_owned(), name.name.clone()));
            }
        }
        if !options.json {
            print(&row)?;
        }
        rows.push(row);
    }
    if options.json {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&rows)?)?;
    } else if rows.is_empty() {
        log::warn!("there are no dumps to drill");
    }
    Ok(failed)
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

fn drill(chosen: &Chosen, dump: io::Result<File>, options: &Options) -> Row {
    let mut row = Row {
        database: chosen.database.clone(),
        path: chosen.path.clone(),
        passed: None,
        restore_seconds: None,
        comparison: Comparison::default(),
    };
    log::debug!("drilling {}", row.path.display());
    let stop = Stop::after(options.timeout);
    let drilled = dump
        .context("it cannot be read")
        .and_then(|dump| restored(&dump, options, stop, &mut row));
    match drilled.map_err(|error| stop.reason().map_or(error, anyhow::Error::from)) {
        Ok(None) => row
            .comparison
            .notes
            .push("what a program printed is not restored by this one".to_owned()),
        Ok(Some(comparison)) => {
            row.passed = Some(comparison.problems.is_empty());
            row.comparison = comparison;
        }
        Err(error) => {
            row.passed = Some(false);
            row.comparison.problems.push(format!("{error:#}"));
        }
    }
    row
}

/// What the comparison said; none where there is nothing to restore.
fn restored(
    dump: &File,
    options: &Options,
    stop: Stop,
    row: &mut Row,
) -> Result<Option<Comparison>> {
    let header = read_whole(dump, &mut Unless(stop)).context("it is no whole dump")?;
    if header.identity.engine == Engine::Command {
        return Ok(None);
    }
    let scratch = Scratch::new(options.scratch.as_deref(), header.bytes)?;
    let mut throwaway: Box<dyn Throwaway + '_> = match header.identity.engine {
        Engine::Sqlite => Box::new(sqlite::Image::new(&scratch)),
        Engine::Postgresql => Box::new(postgresql::Cluster::start(&scratch, &header, stop)?),
        Engine::Mysql | Engine::Command => {
            Box::new(mysql::Instance::start(&scratch, &header, stop)?)
        }
    };
    let target = throwaway.target(&header, dump)?;
    let started = Instant::now();
    restore::load(
        dump,
        &header,
        &target,
        false,
        &restoring(&scratch, options),
        stop,
    )
    .context("it cannot be restored")?;
    row.restore_seconds = Some(started.elapsed().as_secs_f64());
    throwaway.compare(&header).map(Some)
}

fn restoring(scratch: &Scratch, options: &Options) -> dump::Options {
    dump::Options {
        to: scratch.path().to_owned(),
        adopt: false,
        keep: dump::Keep::Everything,
        method: Method::default(),
        threads: default_threads(),
        timeout: options.timeout,
        full_check: Duration::ZERO,
        busy_timeout: Duration::from_secs(30),
        skip_unchanged: false,
        metrics: None,
        format: Format::Sql,
        password: None,
    }
}

/// For `status`.
fn record(directory: &Directory, name: &DumpName, row: &Row) {
    let Some(passed) = row.passed else {
        return;
    };
    let drill = state::Drill {
        time: clock::now(),
        dump: name.to_string(),
        seconds: row.restore_seconds.unwrap_or_default(),
        error: (!passed).then(|| row.comparison.problems.join("; ")),
    };
    let changed = directory.change_state(|state| state.of(name.name.as_str()).drill = Some(drill));
    if let Err(error) = changed {
        log::warn!("this drill cannot be recorded for status: {error:#}");
    }
}

fn print(row: &Row) -> io::Result<()> {
    let Row { comparison, .. } = row;
    let path = row.path.display();
    let mut out = io::stdout();
    match (row.passed, row.restore_seconds) {
        (None, _) => writeln!(out, "{path}: not drilled"),
        (Some(true), seconds) => {
            let seconds = seconds.unwrap_or_default();
            writeln!(out, "{path}: restored in {seconds:.1} s; {comparison}")
        }
        (Some(false), _) => {
            let problems = comparison.problems.join("; ");
            writeln!(out, "{path}: FAILED: {problems}")
        }
    }?;
    for note in &comparison.notes {
        log::warn!("{path}: {note}");
    }
    Ok(())
}
