//! Rotation: removing what retention does not keep.

use anyhow::Result;

use crate::clock;
use crate::directory::Locked;
use crate::name::DumpName;
use crate::retention::{self, Policy, Verdict};
use crate::series::{Other, Series};

/// Removes what `policy` does not keep of a database's dumps, never `published`; how many.
///
/// # Errors
/// When a dump cannot be removed; those before it are gone, all others are there.
pub fn rotate(
    directory: &Locked,
    series: &Series,
    policy: &Policy,
    published: Option<&DumpName>,
) -> Result<usize> {
    for Other { entry, reason, .. } in &series.others {
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
            Verdict::Keep(rules) if rules.contains(&retention::Rule::Future) => log::warn!(
                "{} is dated after now; it is neither counted nor removed",
                entry.name
            ),
            Verdict::Keep(_) => {}
        }
    }
    Ok(removed)
}
