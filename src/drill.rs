//! Proof of restore: a dump restored into a throwaway database, by the same code that restores it
//! on the worst day, and compared with the facts its header has of the snapshot.
//!
//! SQLite is restored into a file, a server's dump into a private server that is made for it and
//! removed afterwards. The dump's own functions, views and triggers run there, as in any restore,
//! so all of it happens in a second process, in a sandbox (`drill/confined.rs`, `drill/sandbox.rs`).

mod choose;
mod compare;
mod confined;
mod finding;
mod inside;
mod leftovers;
mod reach;
mod result;
mod sandbox;
mod scratch;
mod user;
mod worker;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::stop::{self, Stop};

use choose::Chosen;
pub use choose::Sample;
use result::DrillResult;
pub use worker::{is_inside, run_inside};

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

/// Drills dumps, or those of directories that `options.sample` names; a line each on stdout. How
/// many failed, with the directories that have no dump.
///
/// # Errors
/// When a path leads nowhere or stdout is closed.
pub fn run(paths: &[PathBuf], options: &Options) -> Result<usize> {
    let mut rows = Vec::new();
    let mut failing = HashSet::new();
    let mut drilled = HashSet::new();
    let (all, mut failed) = choose::all(paths, options.sample)?;
    for chosen in all {
        Stop::on_signal().check()?;
        let Some((chosen, dump)) = opened(chosen) else {
            continue;
        };
        if !drilled.insert(chosen.path.clone()) {
            continue;
        }
        // Only what was asked for by name is still here without being there.
        let gone = dump.as_ref().is_err_and(is_gone);
        let row = if gone {
            DrillResult::gone(&chosen)
        } else {
            drill(&chosen, dump.context("it cannot be read"), options)
        };
        if let Some(signal) = stop::signal() {
            return Err(stop::Stopped::Signal(signal).into());
        }
        failed += usize::from(row.passed == Some(false));
        // Of several dumps of a database the first that failed is the one to know of. That one was
        // removed says nothing of the database.
        if let Some((directory, name)) = chosen.place.as_ref().filter(|_| !gone)
            && !failing.contains(&(directory.path().to_owned(), name.name.clone()))
        {
            row.record(directory, name);
            if row.passed == Some(false) {
                failing.insert((directory.path().to_owned(), name.name.clone()));
            }
        }
        if !options.json {
            row.print()?;
        }
        rows.push(row);
    }
    if options.json {
        writeln!(io::stdout(), "{}", crate::human::json(&rows)?)?;
    }
    Ok(failed)
}

/// A dump that is in no dump directory.
#[cfg(feature = "copies")]
#[derive(Debug)]
pub struct Named {
    /// Where it is, for people.
    pub path: PathBuf,
    /// Its database.
    pub database: String,
    /// The dump, or how it is damaged.
    pub file: Result<File>,
}

/// Drills dumps one after the other; a line each on stdout. Returns how many failed.
///
/// # Errors
/// Those of the iterator; when stdout is closed.
#[cfg(feature = "copies")]
pub fn run_named(dumps: impl Iterator<Item = Result<Named>>, options: &Options) -> Result<usize> {
    let mut rows = Vec::new();
    let mut failed = 0;
    for named in dumps {
        let Named {
            path,
            database,
            file,
        } = named?;
        let chosen = Chosen {
            path,
            database,
            place: None,
            is_named: true,
        };
        let row = drill(&chosen, file, options);
        if let Some(signal) = stop::signal() {
            return Err(stop::Stopped::Signal(signal).into());
        }
        failed += usize::from(row.passed == Some(false));
        if !options.json {
            row.print()?;
        }
        rows.push(row);
    }
    if options.json {
        writeln!(io::stdout(), "{}", crate::human::json(&rows)?)?;
    }
    Ok(failed)
}

/// The dump, or what came in its place where it was rotated out while others were drilled; none
/// where nothing did. One that was asked for by name has no substitute.
fn opened(mut chosen: Chosen) -> Option<(Chosen, io::Result<File>)> {
    loop {
        let dump = chosen.open();
        if chosen.is_named || !dump.as_ref().is_err_and(is_gone) {
            return Some((chosen, dump));
        }
        log::info!("{} was removed meanwhile", chosen.path.display());
        chosen = chosen.newest_now()?;
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

fn drill(chosen: &Chosen, dump: Result<File>, options: &Options) -> DrillResult {
    let mut row = DrillResult::of(chosen);
    log::debug!("drilling {}", row.path.display());
    let stop = Stop::after(options.timeout);
    let drilled = dump.and_then(|dump| {
        confined::restore(&dump, options.scratch.as_deref(), options.timeout, stop)
    });
    match drilled.map_err(|error| stop.reason().map_or(error, anyhow::Error::from)) {
        Ok(finding) => row.take(finding),
        Err(error) => row.fail(format!("{error:#}")),
    }
    row
}
