//! What stays of a database's older dumps.

use crate::clock;
use crate::header::DumpKind;
use crate::human;
use crate::retention::{Policy, Verdict};
use crate::series::Series;

/// What a run leaves of a database's older dumps.
#[derive(Debug, Clone)]
pub enum Keep {
    /// All of them: the run saves what a restore replaces.
    Everything,
    /// What the database's last run left. Where that is not on record: the newest five, or all if there
    /// are more than those.
    AsBefore,
    /// What this says.
    By(Policy),
}

impl Keep {
    /// Returns the kind of dump that such a run makes.
    pub(super) fn kind(&self) -> DumpKind {
        match self {
            Keep::Everything => DumpKind::Replaced,
            Keep::AsBefore | Keep::By(_) => DumpKind::Regular,
        }
    }

    /// Returns the policy for a database whose last run went by `before`; none to remove nothing.
    /// Where that run is not on record, the default holds only if it would have kept all of
    /// `series`, the dumps from before this run: they may be from a run that kept more.
    pub(super) fn policy(&self, before: Option<&Policy>, series: &Series) -> Option<Policy> {
        match self {
            Keep::Everything => None,
            Keep::AsBefore => before.cloned().or_else(|| default_for(series)),
            Keep::By(policy) => Some(policy.clone()),
        }
    }

    /// Returns the policy that this run was given, if it was given one.
    pub(super) fn given(&self) -> Option<Policy> {
        match self {
            Keep::Everything | Keep::AsBefore => None,
            Keep::By(policy) => Some(policy.clone()),
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
        human::count(series.dumps.len(), "dump")
    );
    None
}
