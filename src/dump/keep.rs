//! Which of a database's older dumps a run keeps.

use crate::clock;
use crate::header::DumpKind;
use crate::human;
use crate::retention::{Policy, Verdict};
use crate::series::Series;

/// Which of a database's older dumps a run keeps.
#[derive(Debug, Clone)]
pub enum RetentionChoice {
    /// All older dumps: a restore uses this when it dumps what it replaces.
    Everything,
    /// The dumps that the retention policy of the database's last run keeps. If no policy is
    /// recorded: the newest five, or all if there are more than five.
    AsBefore,
    /// The dumps that this policy keeps.
    By(Policy),
}

impl RetentionChoice {
    /// Returns the kind of the dumps that the run makes.
    pub(super) fn kind(&self) -> DumpKind {
        match self {
            RetentionChoice::Everything => DumpKind::Replaced,
            RetentionChoice::AsBefore | RetentionChoice::By(_) => DumpKind::Regular,
        }
    }

    /// Returns the retention policy for a database, or `None` if no dump is to be removed. `before`
    /// is the recorded policy of the database's last run. If there is none, the default policy
    /// applies only if it keeps all of `series`, the dumps from before this run: they may be from a
    /// run that kept more dumps.
    pub(super) fn choose_policy(&self, before: Option<&Policy>, series: &Series) -> Option<Policy> {
        match self {
            RetentionChoice::Everything => None,
            RetentionChoice::AsBefore => before.cloned().or_else(|| default_for(series)),
            RetentionChoice::By(policy) => Some(policy.clone()),
        }
    }

    /// Returns the policy that was given to this run, or `None`.
    pub(super) fn given_policy(&self) -> Option<Policy> {
        match self {
            RetentionChoice::Everything | RetentionChoice::AsBefore => None,
            RetentionChoice::By(policy) => Some(policy.clone()),
        }
    }
}

fn default_for(series: &Series) -> Option<Policy> {
    let policy = Policy::default();
    let verdicts = series.plan(&policy, clock::now(), None);
    if !verdicts.contains(&Verdict::Remove) {
        return Some(policy);
    }
    log::warn!(
        "no retention policy is recorded for {}, which has {}, so none was removed; pass --keep",
        series.name,
        human::format_count(series.dumps.len(), "dump")
    );
    None
}
