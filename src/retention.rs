//! Decides which dumps of one database stay. The code is pure: the current time is a parameter.
//!
//! The newest dumps stay, and so do the dumps that the hourly to yearly tiers keep, as restic and
//! borg define them: from the newest to the oldest dump, a tier keeps the newest dump of each
//! period (UTC, ISO weeks) that has one, until it has kept its number. Every tier counts separately
//! and includes the newest dumps.
//!
//! Dumps of what a restore replaced do not count for these rules. For the time that the policy
//! sets, at most [`REPLACED`] of them stay: the oldest, which holds the database as it was before
//! the first restore, and the newest.
//!
//! One more rule, *before a shrink*, helps after a database was emptied by accident: of the dumps
//! that are neither among the newest nor too old, the largest stays if it is more than twice as
//! large as one of the newest: in compressed size, in content, or in rows.

mod candidate;
mod plan;
mod policy;
#[cfg(test)]
mod tests;

pub use candidate::{Candidate, Size};
pub use plan::{REPLACED, find_last_before_shrink, is_future, measure_reach, plan};
pub use policy::{Policy, Rule, Verdict};
