//! Which dumps stay and which are removed.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::candidate::Candidate;
use super::policy::{Policy, Rule, Verdict};

/// Dumps dated further ahead come from a clock that jumped.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// The most dumps of what restores replaced that stay of one database.
pub const REPLACED: usize = 3;

/// Judges all dumps of one database, given in any order; the verdicts come in the same order.
///
/// `published` is the time and sequence number of the dump that this run made: it stays and counts as
/// the newest, whatever the clock did. Other dumps dated more than a minute after `now` stay and do not
/// count. Dumps of what a restore replaced count only among themselves; if there is no other dump, the
/// newest of them stays whatever its age. A dump never makes another one go that holds more: where
/// the user left something out of some dumps, only whole dumps that stay and those that lack the same
/// count against a dump. At least one dump stays, and judging the dumps that stay removes no more.
#[must_use]
pub fn plan(
    dumps: &[Candidate],
    policy: &Policy,
    now: Timestamp,
    published: Option<(Timestamp, u32)>,
) -> Vec<Verdict> {
    let is_alone = dumps.iter().all(|dump| dump.is_replaced);
    let groups: BTreeSet<u64> = dumps.iter().map(|dump| dump.left_out).collect();
    let mut verdicts = vec![Verdict::Remove; dumps.len()];
    for group in groups {
        // The whole dumps are group 0 and judged first: one that goes counts against no other group.
        let counts = |&i: &usize| {
            dumps[i].left_out == group || (dumps[i].left_out == 0 && verdicts[i] != Verdict::Remove)
        };
        let counted: Vec<usize> = (0..dumps.len()).filter(counts).collect();
        let candidates: Vec<_> = counted.iter().map(|&i| dumps[i]).collect();
        let judged = plan_group(&candidates, policy, now, published, is_alone);
        for (i, verdict) in counted.into_iter().zip(judged) {
            if dumps[i].left_out == group {
                verdicts[i] = verdict;
            }
        }
    }
    verdicts
}

/// Judges dumps that all count against each other. `is_alone` is true if every dump of the database
/// holds what a restore replaced.
fn plan_group(
    dumps: &[Candidate],
    policy: &Policy,
    now: Timestamp,
    published: Option<(Timestamp, u32)>,
    is_alone: bool,
) -> Vec<Verdict> {
    let just_published = |dump: &Candidate| published == Some(dump.key());
    let mut rules = vec![Vec::new(); dumps.len()];

    let (mut counted, ahead): (Vec<usize>, Vec<usize>) = (0..dumps.len())
        .partition(|&i| just_published(&dumps[i]) || !is_future(dumps[i].time, now));
    counted.sort_by_key(|&i| Reverse((just_published(&dumps[i]), dumps[i])));
    let (replaced, counted): (Vec<usize>, Vec<usize>) =
        counted.into_iter().partition(|&i| dumps[i].is_replaced);
    let (newest, older) = counted.split_at(policy.last.get().min(counted.len()));

    for &i in newest {
        rules[i].push(Rule::Last);
    }
    for (tier, count) in policy.tiers() {
        let mut periods = BTreeSet::new();
        for &i in &counted {
            if periods.len() < count && periods.insert(find_period(tier, dumps[i].time)) {
                rules[i].push(tier);
            }
        }
    }
    if let Some(i) = choose_before_shrink(dumps, newest, older, policy.before_shrink, now) {
        rules[i].push(Rule::BeforeShrink);
    }
    for i in choose_replaced(dumps, &replaced, policy.replaced, now, is_alone) {
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

/// Returns how far back dumps of these times reach: the age of the oldest. Times ahead of the clock do
/// not count.
pub fn measure_reach(
    kept: impl IntoIterator<Item = Timestamp>,
    now: Timestamp,
) -> Option<SignedDuration> {
    let oldest = kept
        .into_iter()
        .filter(|&time| !is_future(time, now))
        .min()?;
    Some(now.duration_since(oldest).max(SignedDuration::ZERO))
}

/// Returns true if `time` is more than a minute after `now`. A clock that jumped dates a dump so.
#[must_use]
pub fn is_future(time: Timestamp, now: Timestamp) -> bool {
    time.duration_since(now) > CLOCK_TOLERANCE
}

/// Returns the number of the period of a tier that contains a time.
fn find_period(tier: Rule, time: Timestamp) -> i64 {
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
fn choose_replaced(
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

/// Returns the dump from before a shrink that stays. `newest` and `older` index into `dumps`, both from
/// the newest to the oldest.
fn choose_before_shrink(
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

/// Returns the last of `dumps` from before the database shrank: more than twice the newest one, with
/// the same left out, and no older than `policy` keeps the dump from before a shrink.
#[must_use]
pub fn find_last_before_shrink(
    dumps: &[Candidate],
    policy: &Policy,
    now: Timestamp,
) -> Option<Candidate> {
    let counts = |dump: &&Candidate| !dump.is_replaced && !is_future(dump.time, now);
    let newest = dumps.iter().filter(counts).max_by_key(|dump| dump.key())?;
    let alike = dumps.iter().filter(counts);
    let alike = alike.filter(|dump| dump.left_out == newest.left_out);
    let larger = alike.filter(|dump| {
        dump.size.is_more_than_twice(newest.size) && is_within(dump.time, policy.before_shrink, now)
    });
    larger.max_by_key(|dump| dump.key()).copied()
}
