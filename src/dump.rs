//! The command `dump`: dumps each source, reads each dump back, publishes it and rotates older
//! dumps.

mod database;
mod keep;
mod options;
mod plan;
mod previous;
mod proven;
mod results;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::child::output::is_held_open;
use crate::clock;
use crate::directory::Directory;
use crate::engine::Source;
use crate::metrics;
use crate::name::Name;
use crate::progress;
use crate::status;
use crate::stop;

pub(crate) use database::{PublishedDump, Run};
pub use keep::RetentionChoice;
pub use options::{DumpOptions, OutputOptions, SeriesOptions, default_threads};
pub use plan::Selection;
use plan::{Plan, PlannedStep, Task, plan};
use results::{TaskResult, is_of_signal, log_failures, log_table, record};

/// Dumps each source, and each database of a whole server. A failure does not stop the other dumps.
/// Prints the paths of the published dumps. Returns the number of databases that failed.
///
/// # Errors
/// When no dump can begin: two sources have one NAME, there is no directory, or another run holds
/// its lock. When a signal stops the run or the metrics cannot be written.
pub fn run(
    sources: &[Arc<dyn Source>],
    selection: &Selection,
    options: &DumpOptions,
) -> Result<usize> {
    plan::check(sources, selection, &options.left_out)?;
    let failed = dump_all(sources, selection, options);
    let Some(metrics) = &options.metrics else {
        return failed;
    };
    // Write the metrics after a failure too: monitoring learns of the failure from them.
    let directories = std::slice::from_ref(&options.output.to);
    let rows = status::judge_directories(directories, None, false, clock::now());
    match metrics::write(metrics, &rows) {
        Ok(()) => failed,
        Err(error) if failed.is_ok() => Err(error),
        Err(error) => {
            log::error!("{error:#}");
            failed
        }
    }
}

fn dump_all(
    sources: &[Arc<dyn Source>],
    selection: &Selection,
    options: &DumpOptions,
) -> Result<usize> {
    if !options.output.to.exists() && sources.iter().all(|source| source.find().is_err()) {
        // Create no directory when no source exists.
        for source in sources {
            if let Err(error) = source.find() {
                let name = plan::find_name(source.as_ref(), selection).map(|name| name.to_string());
                let name = name.unwrap_or_default();
                log::error!("{name} was not dumped: {error:#}");
            }
        }
        return Ok(sources.len());
    }
    let directory = Directory::open_or_create(&options.output.to)?.lock()?;
    directory.remove_stale(options.output.timeout)?;
    let Plan {
        tasks,
        listed,
        unreached,
    } = plan(sources, selection, options, &directory.read_state());
    let number = tasks.len();
    ensure!(
        number + unreached > 0,
        "nothing is dumped: --exclude leaves out every database"
    );
    let queue: Mutex<VecDeque<_>> = Mutex::new(tasks.into_iter().enumerate().collect());
    let outcomes = Mutex::new(Vec::new());
    let run = Run::new(&directory, &options.output, &options.series)?;
    let work = || {
        while let Some((place, task)) = next(&queue) {
            let outcome = attempt(&run, options, task, number > 1);
            let mut all = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            all.push((place, outcome));
        }
    };
    match selection.jobs.get().min(number) {
        0 | 1 => work(),
        workers => std::thread::scope(|scope| -> io::Result<()> {
            for worker in 1..=workers {
                let thread = std::thread::Builder::new().name(format!("dump-{worker}"));
                thread.spawn_scoped(scope, work)?;
            }
            Ok(())
        })?,
    }
    let mut outcomes = outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(place, _)| *place);
    let outcomes: Vec<_> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    record(&directory, &outcomes, &listed);
    if let Some(signal) = stop::get_signal() {
        if number > 1 {
            log_failures(&outcomes);
        }
        return Err(stop::Stopped::Signal(signal).into());
    }
    if number > 1 {
        log_table(&outcomes);
    }
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err());
    Ok(failed.count() + unreached)
}

fn next<T>(queue: &Mutex<VecDeque<T>>) -> Option<T> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.pop_front().filter(|_| stop::get_signal().is_none())
}

/// Dumps one database. The calling thread starts and ends the child processes. Logs the result; a
/// failure without its reason if there is a table at the end of the run (`has_table`), which has the
/// reason.
fn attempt(run: &Run<'_>, options: &DumpOptions, task: Task, has_table: bool) -> TaskResult {
    let started = Instant::now();
    let Task {
        name,
        source,
        server,
        planned,
    } = task;
    let (mut is_missing, mut is_logged) = (false, false);
    let result = match planned {
        PlannedStep::Dump(name) => dump(run, options, &name, source.as_ref()).map_err(|error| {
            is_missing = source.is_missing(&error);
            format!("{error:#}")
        }),
        PlannedStep::Failed(error) => Err(error),
        PlannedStep::Unreached(error) => {
            is_logged = true;
            Err(error)
        }
    };
    match &result {
        Ok(published) => {
            log::info!("{name}: {}", published.summary);
            if !published.unchanged {
                print_path(&options.output.to, published);
            }
        }
        Err(_) if is_logged => {}
        // `main` says this once, after the last database.
        Err(error) if is_of_signal(error) => {}
        Err(_) if has_table => log::info!("{name} was not dumped; the last lines say why"),
        Err(error) => log::error!("{name} was not dumped: {error}"),
    }
    TaskResult {
        name,
        engine: source.engine(),
        server,
        result,
        is_logged,
        is_missing,
        seconds: started.elapsed().as_secs_f64(),
        ended: clock::now(),
    }
}

fn dump(
    run: &Run<'_>,
    options: &DumpOptions,
    name: &Name,
    source: &dyn Source,
) -> Result<PublishedDump> {
    progress::report_status(&format!("dumping {name}"));
    let access = options.begin_access();
    let stop = access.deadline;
    source
        .open(&access)
        .and_then(|mut dumper| run.dump(name, dumper.as_mut(), stop))
        .map_err(|error| match stop.reason() {
            Some(stopped) if !is_held_open(&error) => stopped.into(),
            _ => error,
        })
}

fn print_path(directory: &Path, published: &PublishedDump) {
    let path = directory.join(published.name.to_string());
    let path = std::path::absolute(&path).unwrap_or(path);
    if let Err(error) = writeln!(io::stdout(), "{}", path.display()) {
        log::warn!("published {}, but cannot print it: {error}", path.display());
    }
}
