//! The main job: each source dumped, proven, published, rotated.

mod one;
mod owner;
mod plan;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

use crate::compress::Method;
use crate::directory::Directory;
use crate::name::Format;
use crate::progress;
use crate::retention::Policy;
use crate::secret::Secret;
use crate::source::Source;
use crate::stop::{self, Stop};

pub(crate) use one::Run;
pub use plan::Selection;
use plan::{Task, plan};

/// How to dump.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory.
    pub to: PathBuf,
    /// Take over a NAME whose newest dump is of another source.
    pub adopt: bool,
    /// What stays; none to remove nothing.
    pub policy: Option<Policy>,
    /// How to compress.
    pub method: Method,
    /// The compressor's threads.
    pub threads: NonZeroUsize,
    /// The time one database may take.
    pub timeout: Duration,
    /// How often the check is thorough.
    pub full_check: Duration,
    /// How long to wait for a locked database.
    pub busy_timeout: Duration,
    /// What a PostgreSQL database is dumped as: SQL or `pg_dump`'s custom format.
    pub format: Format,
    /// The servers' password; goes before one in a URL.
    pub password: Option<Secret>,
}

/// What became of a database.
struct Outcome {
    name: String,
    result: Result<String, String>,
}

/// Dumps each source, and of a server without a database each of its databases; one that fails
/// does not stop the others. The paths of what was published go to stdout. How many failed.
///
/// # Errors
/// When nothing could be begun: two sources of one NAME, no directory, another run in it.
pub fn run(sources: &[Source], selection: &Selection, options: &Options) -> Result<usize> {
    plan::check(sources, selection)?;
    let directory = Directory::open_or_create(&options.to)?.lock()?;
    directory.remove_stale(options.timeout)?;
    let tasks = plan(sources, selection, options);
    let number = tasks.len();
    let queue: Mutex<VecDeque<_>> = Mutex::new(tasks.into_iter().enumerate().collect());
    let outcomes = Mutex::new(Vec::new());
    let work = |run: Run<'_>| {
        while let Some((place, task)) = next(&queue) {
            let outcome = one(&run, task);
            let mut all = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            all.push((place, outcome));
        }
    };
    let run = Run::new(&directory, options)?;
    match selection.jobs.get().min(number) {
        0 | 1 => work(run),
        workers => std::thread::scope(|scope| -> io::Result<()> {
            let (owner, requests) = owner::channel();
            for worker in 1..=workers {
                let (run, work) = (run.through(&owner), &work);
                let thread = std::thread::Builder::new().name(format!("dump-{worker}"));
                thread.spawn_scoped(scope, move || work(run))?;
            }
            drop(owner);
            owner::serve(&directory, &requests);
            Ok(())
        })?,
    }
    if let Some(signal) = stop::signal() {
        return Err(stop::Stopped::Signal(signal).into());
    }
    let mut outcomes = outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(place, _)| *place);
    let outcomes: Vec<_> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    if number > 1 {
        table(&outcomes);
    }
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err());
    Ok(failed.count())
}

/// As many as there are cores, at most 4.
#[must_use]
pub fn default_threads() -> NonZeroUsize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores.min(4)).unwrap_or(NonZeroUsize::MIN)
}

fn next<T>(queue: &Mutex<VecDeque<T>>) -> Option<T> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.pop_front().filter(|_| stop::signal().is_none())
}

/// Children are started and reaped here, so by one thread.
fn one(run: &Run<'_>, task: Task) -> Outcome {
    let (name, source) = match task {
        Task::Dump(name, source) => (name, source),
        Task::Failed(name, error) => {
            log::error!("{name} was not dumped: {error}");
            let result = Err(error);
            return Outcome { name, result };
        }
    };
    progress::status(&format!("dumping {name}"));
    let stop = Stop::after(run.options().timeout);
    let dumped = source
        .open(run.options(), stop)
        .and_then(|mut dumper| run.dump(&name, dumper.as_mut(), stop))
        .map_err(|error| stop.reason().map_or(error, anyhow::Error::from));
    let result = match dumped {
        Ok(published) => {
            log::info!("{name}: {}", published.summary);
            let path = run.options().to.join(published.name.to_string());
            let path = std::path::absolute(&path).unwrap_or(path);
            if let Err(error) = writeln!(io::stdout(), "{}", path.display()) {
                log::warn!("published {}, but cannot print it: {error}", path.display());
            }
            Ok(published.summary)
        }
        Err(error) => {
            log::error!("{name} was not dumped: {error:#}");
            Err(format!("{error:#}"))
        }
    };
    let name = name.to_string();
    Outcome { name, result }
}

/// The last lines of a run over several databases.
fn table(outcomes: &[Outcome]) {
    let width = outcomes.iter().map(|outcome| outcome.name.chars().count());
    let width = width.max().unwrap_or(0);
    for Outcome { name, result } in outcomes {
        match result {
            Ok(summary) => log::info!("{name:width$}  dumped  {summary}"),
            Err(error) => log::error!("{name:width$}  FAILED  {error}"),
        }
    }
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.result.is_err())
        .map(|outcome| outcome.name.as_str())
        .collect();
    if !failed.is_empty() {
        let (some, all) = (failed.len(), outcomes.len());
        log::error!("{some} of {all} were not dumped: {}", failed.join(", "));
    }
}
