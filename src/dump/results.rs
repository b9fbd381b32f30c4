//! The results of a run: recorded for `status`, and logged at its end.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use jiff::Timestamp;

use super::database::PublishedDump;
use crate::clock;
use crate::directory::Directory;
use crate::identity::Engine;
use crate::state::{Attempt, UnchangedRun};
use crate::stop::{self, Stopped};

/// The result of dumping one database.
pub(super) struct TaskResult {
    pub(super) name: String,
    pub(super) engine: Engine,
    /// The whole server that the database is a part of.
    pub(super) server: Option<String>,
    pub(super) result: Result<PublishedDump, String>,
    /// True if the error was logged once for the whole server.
    pub(super) is_logged: bool,
    /// True if there is no such database.
    pub(super) is_missing: bool,
    pub(super) seconds: f64,
    pub(super) ended: Timestamp,
}

/// Returns true if `error` says only that a signal stopped the run.
pub(super) fn is_of_signal(error: &str) -> bool {
    stop::get_signal().is_some_and(|signal| error == Stopped::Signal(signal).to_string())
}

/// Records the results of the run for `status`, and which databases the servers `listed`. An error
/// does not fail the run: the dumps exist without the record.
pub(super) fn record(
    directory: &Directory,
    outcomes: &[TaskResult],
    listed: &HashMap<String, HashSet<String>>,
) {
    let changed = directory.list_dumps().and_then(|dumps| {
        let dumped: HashSet<_> = dumps.iter().map(|dump| dump.name.name.as_str()).collect();
        directory.change_state(|state| {
            for outcome in outcomes {
                // `status` would report a mistyped path forever, so it is not recorded.
                let is_known = state.databases.contains_key(&outcome.name)
                    || dumped.contains(outcome.name.as_str());
                if outcome.is_missing && !is_known {
                    continue;
                }
                let record = state.record(&outcome.name);
                record.engine = Some(outcome.engine);
                record.server.clone_from(&outcome.server);
                record.attempt = Some(Attempt {
                    time: outcome.ended,
                    seconds: Some(outcome.seconds),
                    error: outcome.result.as_ref().err().cloned(),
                });
                if let Ok(published) = &outcome.result {
                    record.policy = published.policy.clone().or(record.policy.take());
                    record.unchanged = published.unchanged.then(|| UnchangedRun {
                        time: outcome.ended,
                        dump: published.name.to_string(),
                        checked: published.checked,
                    });
                }
            }
            for (server, names) in listed {
                state.forget_unlisted(server, names);
            }
            state.forget_old(clock::now(), |name| dumped.contains(name));
        })
    });
    if let Err(error) = changed {
        log::warn!("cannot record the result of this run for status: {error:#}");
    }
}

/// Logs why databases were not dumped before a signal stopped the run, if it was not logged yet.
pub(super) fn log_failures(outcomes: &[TaskResult]) {
    for outcome in outcomes {
        if let Err(error) = &outcome.result
            && !outcome.is_logged
            && !is_of_signal(error)
        {
            log::error!("{} was not dumped: {error}", outcome.name);
        }
    }
}

/// Logs the result of each database at the end of a run over several databases.
pub(super) fn log_table(outcomes: &[TaskResult]) {
    let width = outcomes.iter().map(|outcome| outcome.name.chars().count());
    let width = width.max().unwrap_or(0);
    let mut last = None;
    for outcome in outcomes {
        let TaskResult { name, result, .. } = outcome;
        match result {
            Ok(published) => log::info!("{name:width$}  dumped  {}", published.summary),
            Err(_) if outcome.is_logged => {
                log::error!("{name:width$}  FAILED  the databases of its server cannot be listed");
            }
            Err(error) if last == Some(error) => {
                log::error!("{name:width$}  FAILED  for the same reason");
            }
            Err(error) => log::error!("{name:width$}  FAILED  {error}"),
        }
        last = result.as_ref().err();
    }
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.result.is_err())
        .map(|outcome| outcome.name.as_str())
        .collect();
    if !failed.is_empty() {
        let (some, all) = (failed.len(), outcomes.len());
        let verb = if some == 1 { "was" } else { "were" };
        log::error!("{some} of {all} {verb} not dumped: {}", failed.join(", "));
    }
}
