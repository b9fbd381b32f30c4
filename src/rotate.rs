//! Rotation: removes the dumps that the retention policy does not keep.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Result, ensure};

use crate::clock;
use crate::directory::{Directory, LockedDirectory};
use crate::exit::UsageError;
use crate::human::{self, escape};
use crate::name::{DumpName, Name};
use crate::retention::{Policy, Rule, Verdict};
use crate::series::{Series, UncountedDump};
use crate::state::State;

/// Rotates without dumping. Prints for each dump why it stays or that it goes, and removes those
/// that go. Without a `policy`, the policy of each database's last run applies.
///
/// # Errors
/// When the directory is missing or another run holds it; when a dump cannot be removed;
/// [`UsageError`] when no policy is known.
pub fn run(path: &Path, policy: Option<&Policy>) -> Result<()> {
    let directory = Directory::open(path)?.lock()?;
    for (series, policy) in list_policies(&directory, policy)? {
        explain(&series, &policy, "goes")?;
        rotate(&directory, &series, &policy, None)?;
    }
    Ok(())
}

/// Prints what [`run`] would do. The directory need not be writable.
///
/// # Errors
/// When the directory is missing or stdout is closed; [`UsageError`] when no policy is known.
pub fn explain_all(path: &Path, policy: Option<&Policy>) -> Result<()> {
    let directory = Directory::open(path)?;
    for (series, policy) in list_policies(&directory, policy)? {
        explain(&series, &policy, "would go")?;
    }
    Ok(())
}

/// Removes the record of a database that has no dumps in the directory, so that `status` no longer
/// reports it.
///
/// # Errors
/// When the directory has dumps of the database or no record of it; when the record cannot be
/// written.
pub fn forget(path: &Path, database: &str) -> Result<()> {
    let directory = Directory::open(path)?.lock()?;
    let shown = path.display();
    let name = Name::encode(database.as_bytes()).map(|name| name.to_string());
    let is_it = |name_of: &str| name_of == database || Some(name_of) == name.as_deref();
    let dumps = directory.list_dumps()?;
    let own = dumps
        .iter()
        .filter(|dump| is_it(dump.name.name.as_str()))
        .count();
    ensure!(
        own == 0,
        "{shown} holds {} of {database}; remove {} first",
        human::format_count(own, "dump"),
        if own == 1 { "it" } else { "them" }
    );
    ensure!(
        directory
            .read_state()
            .databases
            .keys()
            .any(|name| is_it(name)),
        "there is no record of {database} in {shown}"
    );
    directory.change_state(|state| state.databases.retain(|name, _| !is_it(name)))
}

/// Returns each series of the directory with its policy.
///
/// # Errors
/// When the directory cannot be read; [`UsageError`] when the policy of a series is not known.
fn list_policies(directory: &Directory, given: Option<&Policy>) -> Result<Vec<(Series, Policy)>> {
    let state = directory.read_state();
    let all = Series::read_all(directory, &directory.list_dumps()?).into_iter();
    all.map(|series| match find_policy(&series, given, &state) {
        Some(policy) => Ok((series, policy)),
        None => Err(UsageError::new(&format!(
            "no retention policy is recorded for {} in {}, so nothing was removed; pass --keep",
            series.name,
            directory.path().display()
        ))
        .into()),
    })
    .collect()
}

/// Returns the policy of a series, if it is known. The default policy applies to a database that no
/// run dumps here, because no run could have recorded a policy for it.
fn find_policy(series: &Series, given: Option<&Policy>, state: &State) -> Option<Policy> {
    let default = || (!series.has_regular()).then(Policy::default);
    given
        .or(state.policy(&series.name))
        .cloned()
        .or_else(default)
}

/// Prints why each dump stays, or that it `goes`.
fn explain(series: &Series, policy: &Policy, goes: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for ((entry, _), verdict) in series
        .dumps
        .iter()
        .zip(series.plan(policy, clock::now(), None))
    {
        let fate = match verdict {
            Verdict::Keep(rules) => {
                let rules: Vec<_> = rules.iter().map(Rule::to_string).collect();
                format!("stays: {}", rules.join(", "))
            }
            Verdict::Remove => format!("{goes}: no rule keeps it"),
        };
        writeln!(out, "{}  {fate}", entry.name)?;
    }
    for UncountedDump { entry, reason, .. } in &series.uncounted {
        writeln!(out, "{}  stays: {}", entry.name, escape(reason))?;
    }
    Ok(())
}

/// Removes the dumps of a database that `policy` does not keep, but never `published`. Returns the
/// number of removed dumps.
///
/// # Errors
/// When a dump cannot be removed. The dumps before it are already removed; all others stay.
pub fn rotate(
    directory: &LockedDirectory,
    series: &Series,
    policy: &Policy,
    published: Option<&DumpName>,
) -> Result<usize> {
    for UncountedDump { entry, reason, .. } in &series.uncounted {
        log::warn!("{} is left alone: {reason}", entry.name);
    }
    let mut removed = 0;
    let verdicts = series.plan(policy, clock::now(), published);
    for ((entry, _), verdict) in series.dumps.iter().zip(verdicts) {
        match verdict {
            Verdict::Remove => {
                directory.remove(&entry.name)?;
                log::debug!("removed {}", entry.name);
                removed += 1;
            }
            Verdict::Keep(rules) if rules.contains(&Rule::Future) => log::warn!(
                "{} is dated after now; it is neither counted nor removed",
                entry.name
            ),
            Verdict::Keep(_) => {}
        }
    }
    Ok(removed)
}
