//! What stays of a database's older dumps.

use crate::header::Kind;
use crate::retention::Policy;

/// What a run leaves of a database's older dumps.
#[derive(Debug, Clone)]
pub enum Keep {
    /// All of them: the run saves what a restore replaces.
    Everything,
    /// What the database's last run left; the newest five where that is not known.
    AsBefore,
    /// What this says.
    By(Policy),
}

impl Keep {
    /// Returns the kind of dump that such a run makes.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Keep::Everything => Kind::Replaced,
            Keep::AsBefore | Keep::By(_) => Kind::Regular,
        }
    }

    /// What to go by where the database's last run went by `before`; none to remove nothing.
    pub(super) fn policy(&self, before: Option<&Policy>) -> Option<Policy> {
        match self {
            Keep::Everything => None,
            Keep::AsBefore => Some(before.cloned().unwrap_or_default()),
            Keep::By(policy) => Some(policy.clone()),
        }
    }
}
