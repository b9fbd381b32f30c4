//! The command `survey`: what databases a machine has, and which of them are dumped.

mod coverage;
mod enabled;
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
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::Result;
use glob::Pattern;

use crate::clock;
use crate::human::{self, escape};
use crate::stop::{self, Stop, Stopped};
use coverage::{Coverage, Dumped, answers};
use files::Met;
use record::NAMED;
pub use record::warn_of_record;
pub use row::SurveyedDatabase;
use row::{SurveyReport, Unseen};
use server::FoundServer;
use unit::Unit;

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

/// How long a survey waits, after its deadline, for a call of the system that hangs.
const GRACE: Duration = Duration::from_secs(2);

/// Surveys the machine and prints what it found. Returns the number of databases that nobody dumps, and
/// 1 more if the survey is not complete.
///
/// # Errors
/// When a signal stops the survey, the record cannot be written, or stdout is closed.
pub fn run(options: &SurveyOptions) -> Result<usize> {
    let stop = Stop::with_limit(options.timeout);
    let give_up = Instant::now() + options.timeout + GRACE;
    let named = options.dumps.clone();
    let coverage = run_within(give_up, move || Coverage::read(&named, unit::read_units()))?;
    let servers = run_within(give_up, server::find_servers)?;
    let files = find_files(options, stop, give_up)?;
    let late = || {
        let limit = human::format_duration(options.timeout);
        format!("it ended after {limit} (--timeout)")
    };
    let incomplete = match (&coverage, &servers) {
        (Some(_), Some(_)) => files.incomplete.or(stop.reason().map(|_| late())),
        (None, _) => Some("the dump directories were not read in time (--timeout)".to_owned()),
        (_, None) => Some("the processes were not looked at in time (--timeout)".to_owned()),
    };
    let coverage = coverage.unwrap_or_default();
    let mut databases: Vec<_> = servers
        .iter()
        .flatten()
        .map(|server| describe_server(server, &coverage))
        .collect();
    databases.extend(
        files
            .databases
            .iter()
            .map(|path| describe_file(path, &coverage)),
    );
    databases.retain(|row| {
        let is_ignored = |location: &String| options.ignored.iter().any(|it| it.matches(location));
        !row.locations.iter().any(is_ignored)
    });
    let mut unseen = files.unseen;
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
        complete: incomplete.is_none(),
    };
    if let Some(file) = &options.record {
        record::write(file, &survey)?;
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if options.json {
        writeln!(out, "{}", human::format_json(&survey)?)?;
    } else {
        table::print(&mut out, &survey.databases, survey.time)?;
    }
    out.flush()?;
    report(&survey, incomplete.as_deref(), options);
    let bare = survey.databases.iter().filter(|row| !row.covered).count();
    Ok(bare + usize::from(!survey.complete))
}

/// Runs `work` in another thread, because a call of the system that another user lets hang would hold
/// up this one. Returns its result, or `None` if it is not done at `give_up`; the thread then ends with
/// the process.
///
/// # Errors
/// When a signal stops the survey.
fn run_within<T: Send + 'static>(
    give_up: Instant,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Option<T>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(work()));
    loop {
        match receiver.recv_timeout(Duration::from_millis(100)) {
            Ok(done) => return Ok(Some(done)),
            Err(RecvTimeoutError::Timeout) if Instant::now() < give_up => {}
            Err(_) => return Ok(None),
        }
        if let Some(signal) = stop::get_signal() {
            return Err(Stopped::Signal(signal).into());
        }
    }
}

/// Logs what could not be looked at, and which databases nobody dumps.
fn report(survey: &SurveyReport, incomplete: Option<&str>, options: &SurveyOptions) {
    if !options.json {
        for Unseen { path, reason } in &survey.unseen {
            log::warn!("not looked at: {}: {reason}", path.display());
        }
    }
    if let Some(why) = incomplete {
        log::error!("the survey is not complete: {why}");
    }
    let bare = survey.databases.iter().filter(|row| !row.covered);
    let bare: Vec<_> = bare
        .map(|row| format!("{} {}", row.engine, escape(&row.locations.join(", "))))
        .collect();
    if !bare.is_empty() {
        let named = &bare[..bare.len().min(NAMED)];
        let more = match bare.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        log::error!("nobody dumps: {}{more}", named.join("; "));
    }
}

/// The SQLite files of the places.
#[derive(Default)]
struct Files {
    databases: BTreeSet<PathBuf>,
    /// What could not be looked at.
    unseen: Vec<Unseen>,
    /// Why not everything was looked at; `None` if it was.
    incomplete: Option<String>,
}

/// Returns the SQLite files of the places.
fn find_files(options: &SurveyOptions, stop: Stop, give_up: Instant) -> Result<Files> {
    let mut found = Files::default();
    let met = files::search(options.places.clone(), stop);
    loop {
        match met.recv_timeout(Duration::from_millis(100)) {
            Ok(Met::Database(path)) => {
                found.databases.insert(path);
            }
            Ok(Met::Unseen(path, reason)) => found.unseen.push(Unseen { path, reason }),
            Ok(Met::End(incomplete)) => {
                found.incomplete = incomplete;
                return Ok(found);
            }
            Err(RecvTimeoutError::Timeout) if Instant::now() < give_up => {}
            Err(_) => {
                found.incomplete = Some("a directory does not answer (--timeout)".to_owned());
                return Ok(found);
            }
        }
        if let Some(signal) = stop::get_signal() {
            return Err(Stopped::Signal(signal).into());
        }
    }
}

fn describe_file(path: &Path, coverage: &Coverage) -> SurveyedDatabase {
    let dumped: Vec<_> = coverage.list_dumps_of_file(path).collect();
    let units = coverage.units.iter();
    let units: Vec<_> = units.filter(|unit| unit.names_file(path)).collect();
    SurveyedDatabase {
        engine: "SQLite".to_owned(),
        supported: true,
        locations: vec![path.to_string_lossy().into_owned()],
        databases: None,
        remark: find_idle_unit(&dumped, &units),
        ..describe_coverage(&dumped, &units)
    }
}

fn describe_server(server: &FoundServer, coverage: &Coverage) -> SurveyedDatabase {
    let dumped: Vec<_> = coverage.list_dumps_of_server(server).collect();
    let units = coverage.units.iter();
    let units = units.filter(|unit| unit.names_server(server, answers));
    let units: Vec<_> = units.collect();
    let names = dumped.iter().map(|dumped| dumped.identity.database.clone());
    // Server-wide objects are dumped with every database of the server.
    let names: Option<BTreeSet<String>> = names.collect();
    let names = names.filter(|names| !names.is_empty());
    let is_supported = server.kind.is_supported();
    let place = server
        .is_apart
        .then_some("in another network namespace, as in a container");
    let advice = (!is_supported && dumped.is_empty()).then_some(
        "no engine; a program that dumps it can be a source (dump --name NAME -- PROGRAM)",
    );
    let remark = place.into_iter().chain(advice).map(str::to_owned);
    let remark: Vec<_> = remark.chain(find_idle_unit(&dumped, &units)).collect();
    SurveyedDatabase {
        engine: server.kind.name.to_owned(),
        supported: is_supported,
        locations: server.addresses.iter().map(ToString::to_string).collect(),
        process: server.process,
        databases: names.map(|names| names.into_iter().collect()),
        remark: (!remark.is_empty()).then(|| remark.join("; ")),
        ..describe_coverage(&dumped, &units)
    }
}

/// Returns a remark on a database that was never dumped, if a unit names it that systemd does not start.
fn find_idle_unit(dumped: &[&Dumped], units: &[&Unit]) -> Option<String> {
    if !dumped.is_empty() || units.iter().any(|unit| unit.is_enabled) {
        return None;
    }
    let unit = units.first()?;
    let name = &unit.name;
    Some(format!(
        "{name} names it, but is not enabled and never dumped it"
    ))
}

/// Returns a row with what is known of its dumps, and nothing of the database.
fn describe_coverage(dumped: &[&Dumped], units: &[&Unit]) -> SurveyedDatabase {
    let directories: BTreeSet<_> = dumped
        .iter()
        .map(|dumped| dumped.directory.clone())
        .collect();
    SurveyedDatabase {
        engine: String::new(),
        supported: true,
        locations: Vec::new(),
        process: None,
        covered: !dumped.is_empty() || units.iter().any(|unit| unit.is_enabled),
        directories: directories.into_iter().collect(),
        databases: None,
        units: units.iter().map(|unit| unit.name.clone()).collect(),
        newest: dumped.iter().map(|dumped| dumped.newest).max(),
        remark: None,
    }
}
