//! Which dumps of one database stay and which go. Pure: the clock is a parameter.
//!
//! Kept are the newest dumps, and whatever the hourly to yearly tiers keep, as restic and borg
//! define them: from the newest to the oldest, a tier keeps the newest dump of each period (UTC,
//! ISO weeks) that holds one, until it has kept as many as it may. Every tier counts for itself,
//! the newest dumps included.
//!
//! Dumps of what a restore replaced count for none of these rules. As long as the policy says, at
//! most [`REPLACED`] of them stay: the oldest, which holds the database as it was before the first
//! restore, and the newest.
//!
//! One rule more, *before a shrink*, catches a database emptied by accident: of the dumps that are
//! not among the newest and not too old, the largest stays if it is more than twice one of the newest:
//! in compressed size, in content, or in rows.

#[cfg(test)]
mod tests;

use std::{cmp::Reverse, collections::BTreeSet, fmt, num::NonZeroUsize, time::Duration};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::header::{DumpKind, Header};
use crate::name::DumpName;

/// Dumps dated further ahead come from a clock that jumped.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The most dumps of what restores replaced that stay of one database.
pub const REPLACED: usize = 3;

/// How many dumps of a database stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// The newest so many.
    pub last: NonZeroUsize,
    /// The newest of each of so many hours.
    pub hourly: usize,
    /// The newest of each of so many days.
    pub daily: usize,
    /// The newest of each of so many ISO weeks.
    pub weekly: usize,
    /// The newest of each of so many months.
    pub monthly: usize,
    /// The newest of each of so many years.
    pub yearly: usize,
    /// For how long the dump from before a shrink stays; zero turns the rule off.
    pub before_shrink: Duration,
    /// For how long a dump of what a restore replaced stays.
    pub replaced: Duration,
}

impl Default for Policy {
    /// The newest five, and for a week the one from before a shrink and what restores replaced.
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
    /// Does any hourly to yearly tier keep something?
    #[must_use]
    pub fn has_tiers(&self) -> bool {
        self.tiers().iter().any(|(_, count)| *count > 0)
    }

    fn tiers(&self) -> [(Rule, usize); 5] {
        [
            (Rule::Hourly, self.hourly),
            (Rule::Daily, self.daily),
            (Rule::Weekly, self.weekly),
            (Rule::Monthly, self.monthly),
            (Rule::Yearly, self.yearly),
        ]
    }
}

/// How much a dump holds, by each measure that may show that a database was emptied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// The size of the compressed content in bytes.
    pub compressed: u64,
    /// The size of the content in bytes.
    pub inside: u64,
    /// The rows of all tables, where the tables are known and all were counted.
    pub rows: Option<u64>,
}

impl Size {
    /// Returns the size of a dump whose file has so many bytes, its header not counted.
    fn of(file: u64, header: &Header) -> Self {
        let rows = header
            .facts
            .tables
            .iter()
            .map(|(_, rows)| rows.as_ref()?.exact());
        let number = header.facts.table_count;
        let are_all_listed = number > 0 && header.facts.tables.len() == number;
        Size {
            compressed: file.saturating_sub(header.room as u64),
            inside: header.bytes,
            rows: rows.sum::<Option<u64>>().filter(|_| are_all_listed),
        }
    }

    /// Returns true if `self` is more than twice `other` by any measure.
    fn is_more_than_twice(self, other: Size) -> bool {
        let twice = |this: u64, other: u64| this > other.saturating_mul(2);
        twice(self.compressed, other.compressed)
            || twice(self.inside, other.inside)
            || self
                .rows
                .zip(other.rows)
                .is_some_and(|(this, other)| twice(this, other))
    }
}

/// A published dump, as far as retention looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// When its snapshot was taken, in whole seconds.
    pub time: Timestamp,
    /// Its place among the dumps of that second.
    pub sequence: u32,
    /// How much it holds.
    pub size: Size,
    /// Whether it holds what a restore replaced.
    pub is_replaced: bool,
}

impl Candidate {
    /// Returns the candidate for a dump whose file has so many bytes.
    #[must_use]
    pub fn new(dump: &DumpName, file: u64, header: &Header) -> Self {
        let (time, sequence) = dump.key();
        Self {
            time,
            sequence,
            size: Size::of(file, header),
            is_replaced: header.kind == DumpKind::Replaced,
        }
    }

    fn key(&self) -> (Timestamp, u32) {
        (self.time, self.sequence)
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

/// Judges all dumps of one database, given in any order; the verdicts come in the same order.
///
/// `published` is the [`DumpName::key`] of the dump this run made: it stays and counts as the
/// newest, whatever the clock did. Other dumps dated more than a minute after `now` stay and do not
/// count. Dumps of what a restore replaced count among themselves alone; where there is no other dump,
/// the newest of them stays whatever its age. Unless there are no dumps, at least one stays, and
/// judging what stays removes no more.
#[must_use]
pub fn plan(
    dumps: &[Candidate],
    policy: &Policy,
    now: Timestamp,
    published: Option<(Timestamp, u32)>,
) -> Vec<Verdict> {
    let just_published = |dump: &Candidate| published == Some(dump.key());
    let mut rules = vec![Vec::new(); dumps.len()];

    let (mut counted, ahead): (Vec<usize>, Vec<usize>) = (0..dumps.len())
        .partition(|&i| just_published(&dumps[i]) || !is_future(dumps[i].time, now));
    counted.sort_by_key(|&i| Reverse((just_published(&dumps[i]), dumps[i])));
    let is_alone = dumps.iter().all(|dump| dump.is_replaced);
    let (replaced, counted): (Vec<usize>, Vec<usize>) =
        counted.into_iter().partition(|&i| dumps[i].is_replaced);
    let (newest, older) = counted.split_at(policy.last.get().min(counted.len()));

    for &i in newest {
        rules[i].push(Rule::Last);
    }
    for (tier, count) in policy.tiers() {
        let mut periods = BTreeSet::new();
        for &i in &counted {
            if periods.len() < count && periods.insert(period(tier, dumps[i].time)) {
                rules[i].push(tier);
            }
        }
    }
    if let Some(i) = before_shrink(dumps, newest, older, policy.before_shrink, now) {
        rules[i].push(Rule::BeforeShrink);
    }
    for i in kept_replaced(dumps, &replaced, policy.replaced, now, is_alone) {
        rules[i].push(Rule::Replaced);
    }
    let published = counted.iter().chain(&replaced);
    for &i in published.filter(|&&i| just_published(&dumps[i])) {
        rules[i].push(Rule::JustPublished);
    }
    for &i in &ahead {
        rules[i].push(Rule::Future);
    }

    let verdict = |rules: Vec<Rule>| {
        if rules.is_empty() {
            Verdict::Remove
        } else {
            Verdict::Keep(rules)
        }
    };
    rules.into_iter().map(verdict).collect()
}

/// How far back dumps of these times go: the age of the oldest, those ahead of the clock left out.
pub fn reach(kept: impl IntoIterator<Item = Timestamp>, now: Timestamp) -> Option<SignedDuration> {
    let oldest = kept
        .into_iter()
        .filter(|&time| !is_future(time, now))
        .min()?;
    Some(now.duration_since(oldest).max(SignedDuration::ZERO))
}

/// Is `time` more than a minute after `now`? A clock that jumped made such a dump.
#[must_use]
pub fn is_future(time: Timestamp, now: Timestamp) -> bool {
    time.duration_since(now) > CLOCK_TOLERANCE
}

/// Numbers the period of a tier that a time falls into.
fn period(tier: Rule, time: Timestamp) -> i64 {
    let utc = TimeZone::UTC.to_datetime(time);
    let (year, month) = (i64::from(utc.year()), i64::from(utc.month()));
    match tier {
        Rule::Hourly => time.as_second().div_euclid(60 * 60),
        Rule::Daily => time.as_second().div_euclid(24 * 60 * 60),
        Rule::Weekly => {
            let week = utc.date().iso_week_date();
            i64::from(week.year()) * 100 + i64::from(week.week())
        }
        Rule::Monthly => year * 100 + month,
        _ => year,
    }
}

/// Returns true if `time` is no longer ago than `max_age`; false for every time where that is zero.
fn is_within(time: Timestamp, max_age: Duration, now: Timestamp) -> bool {
    let max_age = SignedDuration::try_from(max_age).unwrap_or(SignedDuration::MAX);
    !max_age.is_zero() && now.duration_since(time) <= max_age
}

/// Returns which of the dumps that hold what restores replaced stay: of those no older than
/// `max_age` the oldest and the newest, [`REPLACED`] in all; the newest of all where they are
/// alone. `replaced` indexes into `dumps`, from the newest to the oldest.
fn kept_replaced(
    dumps: &[Candidate],
    replaced: &[usize],
    max_age: Duration,
    now: Timestamp,
    are_alone: bool,
) -> BTreeSet<usize> {
    let is_young = |&i: &usize| is_within(dumps[i].time, max_age, now);
    let young: Vec<usize> = replaced.iter().copied().filter(is_young).collect();
    let newest = young.iter().take(REPLACED - 1);
    let newest_of_all = replaced.first().filter(|_| are_alone && young.is_empty());
    newest
        .chain(young.last())
        .chain(newest_of_all)
        .copied()
        .collect()
}

/// `newest` and `older` index into `dumps`, both from the newest to the oldest.
fn before_shrink(
    dumps: &[Candidate],
    newest: &[usize],
    older: &[usize],
    max_age: Duration,
    now: Timestamp,
) -> Option<usize> {
    let is_shrunk = |i: usize| {
        newest
            .iter()
            .any(|&new| dumps[i].size.is_more_than_twice(dumps[new].size))
    };
    older
        .iter()
        .copied()
        .filter(|&i| is_within(dumps[i].time, max_age, now))
        .filter(|&i| is_shrunk(i))
        .max_by_key(|&i| (dumps[i].size, dumps[i].key()))
}

/// Returns the last of `dumps` from before the database shrank: more than twice the newest one, and
/// no older than `policy` keeps the dump from before a shrink.
#[must_use]
pub fn last_before_shrink(
    dumps: &[Candidate],
    policy: &Policy,
    now: Timestamp,
) -> Option<Candidate> {
    let counts = |dump: &&Candidate| !dump.is_replaced && !is_future(dump.time, now);
    let newest = dumps.iter().filter(counts).max_by_key(|dump| dump.key())?;
    let larger = dumps.iter().filter(counts).filter(|dump| {
        dump.size.is_more_than_twice(newest.size) && is_within(dump.time, policy.before_shrink, now)
    });
    larger.max_by_key(|dump| dump.key()).copied()
}
