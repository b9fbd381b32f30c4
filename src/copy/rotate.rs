//! Retention in a destination. It counts the copies of one identity only, and never removes the newest good
//! copy.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anyhow::Result;

use super::catalogue::{self, Copies, StoredCopy};
use super::location::Location;
use super::name::Folder;
use super::plan::{KnownCopy, judge_copies};
use crate::clock;
use crate::name::DumpName;
use crate::retention::{Policy, Rule, Verdict};
use crate::stop::Stop;
use crate::store::{Reason, Store, StoreError};

/// Applies retention to the copies of places. Prints for each copy why it stays or goes, and removes the
/// copies that go, unless `is_dry`. Copies of each identity are counted separately.
///
/// # Errors
/// When a destination cannot be listed or a copy cannot be removed.
pub fn run(places: &[Location], policy: &Policy, is_dry: bool) -> Result<()> {
    let stop = Stop::until_signal();
    for place in places {
        for (folder, copies) in place.list_copies(stop)? {
            let known = read_known(&*place.store, &folder, &copies, stop)?;
            let mut by_identity: BTreeMap<Option<String>, Vec<KnownCopy>> = BTreeMap::new();
            for copy in known {
                by_identity
                    .entry(copy.1.identity.clone())
                    .or_default()
                    .push(copy);
            }
            for (identity, own) in by_identity {
                // Copies without an identity may be of several databases.
                let plan = match identity {
                    Some(_) => judge_copies(&own, policy, clock::now(), None),
                    None => vec![Verdict::Keep(Vec::new()); own.len()],
                };
                explain(
                    place,
                    &folder,
                    &own,
                    &plan,
                    if is_dry { "would go" } else { "goes" },
                )?;
                if !is_dry {
                    remove(&*place.store, &folder, &own, &plan, stop)?;
                }
            }
        }
    }
    Ok(())
}

fn explain(
    place: &Location,
    folder: &Folder,
    copies: &[KnownCopy],
    plan: &[Verdict],
    goes: &str,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for ((copy, _), verdict) in copies.iter().zip(plan) {
        let fate = match verdict {
            Verdict::Keep(rules) if rules.is_empty() => {
                "stays: its sidecar was made again and has no identity".to_owned()
            }
            Verdict::Keep(rules) => {
                let rules: Vec<_> = rules.iter().map(Rule::to_string).collect();
                format!("stays: {}", rules.join(", "))
            }
            Verdict::Remove => format!("{goes}: no rule keeps it"),
        };
        let url = place.url_of(folder, &copy.name);
        writeln!(out, "{}  {fate}", crate::human::escape(&url))?;
    }
    Ok(())
}

/// Returns the finished copies of a database with their sidecars, oldest first. A copy whose sidecar
/// is damaged is left out with a warning.
///
/// # Errors
/// When the store does not answer.
pub(super) fn read_known(
    store: &dyn Store,
    folder: &Folder,
    copies: &Copies,
    stop: Stop,
) -> Result<Vec<KnownCopy>> {
    let finished: Vec<&StoredCopy> = copies
        .stored
        .iter()
        .filter(|copy| copy.kind.is_some())
        .collect();
    let sidecars = catalogue::read_sidecars(store, folder, &finished, stop)?;
    let mut known = Vec::new();
    for (copy, sidecar) in finished.into_iter().zip(sidecars) {
        match sidecar {
            Ok(sidecar) if sidecar.bytes != copy.bytes => log::warn!(
                "{} is damaged: it has {} and its sidecar says {}",
                folder.path_of(&copy.name.to_string()),
                crate::human::format_count(copy.bytes, "byte"),
                sidecar.bytes
            ),
            Ok(sidecar) => known.push((copy.clone(), sidecar)),
            Err(error) => match error.downcast_ref::<StoreError>() {
                Some(failed) if failed.reason != Reason::Missing => return Err(error),
                _ => log::warn!("{}: {error:#}", folder.path_of(&copy.name.to_string())),
            },
        }
    }
    Ok(known)
}

/// Removes the copies that no rule keeps, each before its sidecar. Returns the number of removed copies.
/// If the store refuses, logs that the copies stay.
///
/// # Errors
/// When a copy cannot be removed for another reason.
pub(super) fn remove(
    store: &dyn Store,
    folder: &Folder,
    copies: &[KnownCopy],
    plan: &[Verdict],
    stop: Stop,
) -> Result<usize> {
    let mut removed = 0;
    for ((copy, _), _) in copies
        .iter()
        .zip(plan)
        .filter(|(_, verdict)| **verdict == Verdict::Remove)
    {
        match remove_one(store, folder, copy, stop) {
            Ok(()) => removed += 1,
            Err(error) if error.reason == Reason::Refused => {
                log::info!("{folder}: the store refuses to remove copies, so they stay: {error}");
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(removed)
}

/// Removes a copy, then its sidecar.
///
/// # Errors
/// When the store cannot be reached or refuses.
pub(super) fn remove_one(
    store: &dyn Store,
    folder: &Folder,
    copy: &StoredCopy,
    stop: Stop,
) -> Result<(), StoreError> {
    store.remove(&folder.path_of(&copy.name.to_string()), stop)?;
    match copy.kind {
        Some(kind) => store.remove(&folder.path_of(&copy.name.sidecar(kind)), stop),
        None => Ok(()),
    }
}

/// Rotates the copies of one identity after a copy of it was published.
///
/// # Errors
/// As [`remove`].
pub(super) fn rotate_after(
    store: &dyn Store,
    folder: &Folder,
    own: &[KnownCopy],
    policy: &Policy,
    published: Option<&DumpName>,
    stop: Stop,
) -> Result<usize> {
    let plan = judge_copies(own, policy, clock::now(), published);
    remove(store, folder, own, &plan, stop)
}
