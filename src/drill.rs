//! A drill proves that a dump can be restored: the program restores the dump into a throwaway
//! database, with the same code that `restore` uses, and compares the result with the facts that
//! the dump's header holds about the snapshot.
//!
//! An SQLite dump is restored into a file. A server's dump is restored into a private server that
//! the drill starts and removes afterwards. The functions, views and triggers of the dump run
//! there, as in any restore, so all of this happens in a second process, in a sandbox
//! (`drill/confined.rs`, `drill/sandbox.rs`).

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

use choose::ChosenDump;
pub use choose::Sample;
use result::DrillResult;
pub use worker::{is_inside, run_inside};

/// The options of a drill.
#[derive(Debug, Clone)]
pub struct DrillOptions {
    /// Which dumps of a directory to drill.
    pub sample: Sample,
    /// The directory of throwaway databases; `None` means the system's directory for temporary
    /// files.
    pub scratch: Option<PathBuf>,
    /// The longest time that the drill of one dump may take.
    pub timeout: Duration,
    /// Whether to print a JSON array.
    pub json: bool,
}

/// Drills the dumps in `paths`, and those that `options.sample` selects of each directory in
/// `paths`. Prints one line a dump on stdout, or JSON. Returns the number of dumps that failed
/// plus the number of directories without a dump.
///
/// # Errors
/// When a path does not exist, or stdout is closed.
pub fn run(paths: &[PathBuf], options: &DrillOptions) -> Result<usize> {
    let mut rows = Vec::new();
    let mut failing = HashSet::new();
    let mut drilled = HashSet::new();
    let (all, mut failed) = choose::choose_all(paths, options.sample)?;
    for chosen in all {
        Stop::until_signal().check()?;
        let Some((chosen, dump)) = open_dump(chosen) else {
            continue;
        };
        if !drilled.insert(chosen.path.clone()) {
            continue;
        }
        // Only explicitly named dumps can be missing here.
        let gone = dump.as_ref().is_err_and(is_gone);
        let row = if gone {
            DrillResult::for_removed_dump(&chosen)
        } else {
            drill(&chosen, dump.context("it cannot be read"), options)
        };
        if let Some(signal) = stop::get_signal() {
            return Err(stop::Stopped::Signal(signal).into());
        }
        failed += usize::from(row.passed == Some(false));
        // Of several dumps of one database, `status` reports the first that failed. A removed dump
        // says nothing about the database, so it is not recorded.
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
        writeln!(io::stdout(), "{}", crate::human::format_json(&rows)?)?;
    }
    Ok(failed)
}

/// A dump that was downloaded from a destination.
#[cfg(feature = "copies")]
#[derive(Debug)]
pub struct DownloadedDump {
    /// The URL of its copy.
    pub path: PathBuf,
    /// Its database.
    pub database: String,
    /// The dump, or how the copy is damaged.
    pub file: Result<File>,
}

/// Drills dumps one after the other, and prints a line for each. Returns the number of dumps that failed.
///
/// # Errors
/// Errors of the iterator, or a closed stdout.
#[cfg(feature = "copies")]
pub fn run_downloaded(
    dumps: impl Iterator<Item = Result<DownloadedDump>>,
    options: &DrillOptions,
) -> Result<usize> {
    let mut rows = Vec::new();
    let mut failed = 0;
    for dump in dumps {
        let DownloadedDump {
            path,
            database,
            file,
        } = dump?;
        let chosen = ChosenDump {
            path,
            database,
            place: None,
            is_named: true,
        };
        let row = drill(&chosen, file, options);
        if let Some(signal) = stop::get_signal() {
            return Err(stop::Stopped::Signal(signal).into());
        }
        failed += usize::from(row.passed == Some(false));
        if !options.json {
            row.print()?;
        }
        rows.push(row);
    }
    if options.json {
        writeln!(io::stdout(), "{}", crate::human::format_json(&rows)?)?;
    }
    Ok(failed)
}

/// Opens the dump. If rotation removed it while other dumps were drilled, opens the newest dump of
/// the same database instead, and returns `None` if there is none. A dump that the user named is
/// never replaced by another one.
fn open_dump(mut chosen: ChosenDump) -> Option<(ChosenDump, io::Result<File>)> {
    loop {
        let dump = chosen.open();
        if chosen.is_named || !dump.as_ref().is_err_and(is_gone) {
            return Some((chosen, dump));
        }
        log::info!(
            "{} was removed while this command ran",
            chosen.path.display()
        );
        chosen = chosen.find_newest()?;
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

fn drill(chosen: &ChosenDump, dump: Result<File>, options: &DrillOptions) -> DrillResult {
    let mut row = DrillResult::new(chosen);
    log::debug!("drilling {}", row.path.display());
    let stop = Stop::with_limit(options.timeout);
    let drilled = dump.and_then(|dump| {
        confined::restore(&dump, options.scratch.as_deref(), options.timeout, stop)
    });
    match drilled.map_err(|error| stop.reason().map_or(error, anyhow::Error::from)) {
        Ok(finding) => row.take(finding),
        Err(error) => row.fail(format!("{error:#}")),
    }
    row
}
