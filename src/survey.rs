//! The command `survey`: what databases a machine has, and which of them are dumped.

mod coverage;
mod files;
mod kind;
mod record;
mod row;
mod server;
mod skip;
mod socket;
mod table;
mod unit;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::Result;
use glob::Pattern;

use crate::clock;
use crate::human::{self, printable};
use crate::stop::{self, Stop, Stopped};
use coverage::{Coverage, Dumped, answers};
use files::Met;
pub use record::warn_of_record;
pub use row::SurveyedDatabase;
use row::{SurveyReport, Unseen};
use server::FoundServer;

/// The options of a survey.
#[derive(Debug, Clone)]
pub struct SurveyOptions {
    /// Where to look for SQLite files.
    pub places: Vec<PathBuf>,
    /// More dump directories, and directories of them.
    pub dumps: Vec<PathBuf>,
    /// Patterns of locations that need no dump.
    pub ignored: Vec<Pattern>,
    /// The longest time that the search for files may take.
    pub timeout: Duration,
    /// A file to record the survey in, for `status`.
    pub record: Option<PathBuf>,
    /// Whether to print JSON.
    pub json: bool,
}

/// Surveys the machine and prints what it found. Returns the number of databases that nobody dumps, and
/// 1 more if the survey is not complete.
///
/// # Errors
/// When a signal stops the survey, the record cannot be written, or stdout is closed.
pub fn run(options: &SurveyOptions) -> Result<usize> {
    let stop = Stop::with_limit(options.timeout);
    let coverage = Coverage::read(&options.dumps, unit::units());
    let mut databases: Vec<_> = server::servers()
        .iter()
        .map(|server| of_server(server, &coverage))
        .collect();
    let (files, mut unseen, complete) = files(options, stop)?;
    databases.extend(files.iter().map(|path| of_file(path, &coverage)));
    databases.retain(|row| {
        let is_ignored = |location: &String| options.ignored.iter().any(|it| it.matches(location));
        !row.locations.iter().any(is_ignored)
    });
    unseen.extend(
        coverage
            .unseen
            .into_iter()
            .map(|(path, reason)| Unseen { path, reason }),
    );
    let survey = SurveyReport {
        time: clock::now(),
        databases,
        unseen,
        complete,
    };
    if let Some(file) = &options.record {
        record::write(file, &survey)?;
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if options.json {
        writeln!(out, "{}", human::json(&survey)?)?;
    } else {
        table::print(&mut out, &survey.databases, survey.time)?;
    }
    out.flush()?;
    report(&survey, options);
    let bare = survey.databases.iter().filter(|row| !row.covered).count();
    Ok(bare + usize::from(!complete))
}

/// Logs what could not be looked at, and which databases nobody dumps.
fn report(survey: &SurveyReport, options: &SurveyOptions) {
    if !options.json {
        for Unseen { path, reason } in &survey.unseen {
            log::warn!("not looked at: {}: {reason}", path.display());
        }
    }
    if !survey.complete {
        log::error!(
            "the survey is not complete: it ended after {} (--timeout)",
            human::duration(options.timeout)
        );
    }
    let bare = survey.databases.iter().filter(|row| !row.covered);
    let bare: Vec<_> = bare
        .map(|row| format!("{} {}", row.engine, printable(&row.locations.join(", "))))
        .collect();
    if !bare.is_empty() {
        log::error!("nobody dumps: {}", bare.join("; "));
    }
}

/// Returns the SQLite files of the places, what could not be looked at, and whether everything was
/// looked at in time.
fn files(options: &SurveyOptions, stop: Stop) -> Result<(BTreeSet<PathBuf>, Vec<Unseen>, bool)> {
    let (mut found, mut unseen) = (BTreeSet::new(), Vec::new());
    let met = files::search(options.places.clone(), stop);
    // A call of a file system that hangs does not end with the deadline.
    let give_up = Instant::now() + options.timeout + Duration::from_secs(2);
    loop {
        match met.recv_timeout(Duration::from_millis(100)) {
            Ok(Met::Database(path)) => {
                found.insert(path);
            }
            Ok(Met::Unseen(path, reason)) => unseen.push(Unseen { path, reason }),
            Ok(Met::End) => return Ok((found, unseen, stop.reason().is_none())),
            Err(RecvTimeoutError::Timeout) if Instant::now() < give_up => {}
            Err(_) => return Ok((found, unseen, false)),
        }
        if let Some(signal) = stop::signal() {
            return Err(Stopped::Signal(signal).into());
        }
    }
}

fn of_file(path: &Path, coverage: &Coverage) -> SurveyedDatabase {
    let dumped: Vec<_> = coverage.of_file(path).collect();
    let units = coverage.units.iter();
    let units = units.filter(|unit| unit.names_file(path));
    SurveyedDatabase {
        engine: "SQLite".to_owned(),
        supported: true,
        locations: vec![path.to_string_lossy().into_owned()],
        databases: None,
        ..row(&dumped, units.map(|unit| unit.name.clone()).collect())
    }
}

fn of_server(server: &FoundServer, coverage: &Coverage) -> SurveyedDatabase {
    let dumped: Vec<_> = coverage.of_server(server).collect();
    let units = coverage.units.iter();
    let units = units.filter(|unit| unit.names_server(server, answers));
    let names = dumped.iter().map(|dumped| dumped.identity.database.clone());
    // Server-wide objects are dumped with every database of the server.
    let names: Option<BTreeSet<String>> = names.collect();
    let names = names.filter(|names| !names.is_empty());
    let is_supported = server.kind.is_supported();
    let place = server
        .is_apart
        .then_some("in a network namespace of its own, as a container has");
    let advice = (!is_supported && dumped.is_empty()).then_some(
        "no engine; a program that dumps it can be a source (dump --name NAME -- PROGRAM)",
    );
    let remark: Vec<_> = place.into_iter().chain(advice).collect();
    SurveyedDatabase {
        engine: server.kind.name.to_owned(),
        supported: is_supported,
        locations: server.addresses.iter().map(ToString::to_string).collect(),
        process: server.process,
        databases: names.map(|names| names.into_iter().collect()),
        remark: (!remark.is_empty()).then(|| remark.join("; ")),
        ..row(&dumped, units.map(|unit| unit.name.clone()).collect())
    }
}

/// Returns a row with what is known of its dumps, and nothing of the database.
fn row(dumped: &[&Dumped], units: Vec<String>) -> SurveyedDatabase {
    let directories: BTreeSet<_> = dumped
        .iter()
        .map(|dumped| dumped.directory.clone())
        .collect();
    SurveyedDatabase {
        engine: String::new(),
        supported: true,
        locations: Vec::new(),
        process: None,
        covered: !dumped.is_empty() || !units.is_empty(),
        directories: directories.into_iter().collect(),
        databases: None,
        units,
        newest: dumped.iter().map(|dumped| dumped.newest).max(),
        remark: None,
    }
}
