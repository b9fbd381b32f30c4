//! The retention policy, and the rules by which it keeps dumps.

use std::{fmt, num::NonZeroUsize, time::Duration};

use serde::{Deserialize, Serialize};

const WEEK: Duration = Duration::from_hours(7 * 24);

/// The rules that say which dumps of a database stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// The number of newest dumps that stay.
    pub last: NonZeroUsize,
    /// The number of hours of which the newest dump stays.
    pub hourly: usize,
    /// The number of days of which the newest dump stays.
    pub daily: usize,
    /// The number of ISO weeks of which the newest dump stays.
    pub weekly: usize,
    /// The number of months of which the newest dump stays.
    pub monthly: usize,
    /// The number of years of which the newest dump stays.
    pub yearly: usize,
    /// The time for which the dump from before a shrink stays. Zero turns the rule off.
    pub before_shrink: Duration,
    /// The time for which a dump of a replaced database stays.
    pub replaced: Duration,
}

impl Default for Policy {
    /// Returns the policy that keeps the newest five dumps, and for a week the dump from before a shrink
    /// and what restores replaced.
    fn default() -> Self {
        Self {
            last: NonZeroUsize::new(5).expect("five is not zero"),
            hourly: 0,
            daily: 0,
            weekly: 0,
            monthly: 0,
            yearly: 0,
            before_shrink: WEEK,
            replaced: WEEK,
        }
    }
}

impl Policy {
    /// Returns true if any tier, hourly to yearly, keeps a dump.
    #[must_use]
    pub fn has_tiers(&self) -> bool {
        self.tiers().iter().any(|(_, count)| *count > 0)
    }

    /// Returns the hourly to yearly rules, each with the number of dumps that it keeps.
    #[must_use]
    pub fn tiers(&self) -> [(Rule, usize); 5] {
        [
            (Rule::Hourly, self.hourly),
            (Rule::Daily, self.daily),
            (Rule::Weekly, self.weekly),
            (Rule::Monthly, self.monthly),
            (Rule::Yearly, self.yearly),
        ]
    }
}

/// Why a dump stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// It is among the newest.
    Last,
    /// It is the newest of its hour.
    Hourly,
    /// It is the newest of its day.
    Daily,
    /// It is the newest of its ISO week.
    Weekly,
    /// It is the newest of its month.
    Monthly,
    /// It is the newest of its year.
    Yearly,
    /// It is the largest from before the database shrank.
    BeforeShrink,
    /// It holds what a restore replaced, and is the oldest of these or among the newest.
    Replaced,
    /// This run published it.
    JustPublished,
    /// It is dated more than a minute ahead of the clock.
    Future,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Last => "last",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
            Self::BeforeShrink => "before-shrink",
            Self::Replaced => "replaced",
            Self::JustPublished => "just-published",
            Self::Future => "future",
        })
    }
}

/// What becomes of a dump.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It stays, by each of these rules: at least one, in the order of [`Rule`].
    Keep(Vec<Rule>),
    /// No rule keeps it.
    Remove,
}
