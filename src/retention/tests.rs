use std::{num::NonZeroUsize, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    Candidate, Policy, REPLACED, Rule, Size, Verdict, find_last_before_shrink, measure_reach, plan,
};
use crate::name::DumpName;

mod properties;
mod replaced;
mod shrink;
mod tiers;

const DAY: Duration = Duration::from_hours(24);

fn at(time: &str) -> Timestamp {
    format!("{time}Z").parse().unwrap()
}

fn dump(time: &str, bytes: u64) -> Candidate {
    Candidate {
        time: at(time),
        sequence: 1,
        size: compressed(bytes),
        is_replaced: false,
        left_out: 0,
    }
}

fn compressed(bytes: u64) -> Size {
    Size {
        compressed: bytes,
        ..Size::default()
    }
}

fn last(count: usize) -> Policy {
    Policy {
        last: NonZeroUsize::new(count).unwrap(),
        ..Policy::default()
    }
}

fn keep(rules: &[Rule]) -> Verdict {
    Verdict::Keep(rules.to_vec())
}

fn kept_by(rule: Rule, verdicts: &[Verdict]) -> Vec<usize> {
    let keeps =
        |verdict: &Verdict| matches!(verdict, Verdict::Keep(rules) if rules.contains(&rule));
    (0..verdicts.len())
        .filter(|&i| keeps(&verdicts[i]))
        .collect()
}

#[test]
fn defaults_to_five_and_a_week() {
    let policy = Policy::default();
    assert_eq!(policy.last.get(), 5);
    assert_eq!(policy.before_shrink, 7 * DAY);
    assert!(policy.tiers().iter().all(|&(_, count)| count == 0));
}

#[test]
fn seven_dumps_leave_the_five_newest() {
    let dumps: Vec<_> = (10..17)
        .map(|minute| dump(&format!("2026-11-22T19:{minute}:00"), 100))
        .collect();
    let verdicts = plan(&dumps, &Policy::default(), at("2026-11-22T20:00:00"), None);
    assert_eq!(verdicts[..2], [Verdict::Remove, Verdict::Remove]);
    assert!(verdicts[2..].iter().all(|v| *v == keep(&[Rule::Last])));
}

#[test]
fn within_a_second_the_sequence_decides() {
    let file = |end: &str| DumpName::parse(&format!("a-20261122T193000Z{end}.sqlite.gz")).unwrap();
    let dumps = ["_100", "", "_99", "_02"].map(|end| {
        let (time, sequence) = file(end).key();
        Candidate {
            time,
            sequence,
            ..dump("2026-11-22T19:30:00", 7)
        }
    });
    let verdicts = plan(&dumps, &last(2), at("2026-11-22T20:00:00"), None);
    assert_eq!(kept_by(Rule::Last, &verdicts), [0, 2]);
}

#[test]
fn a_clock_a_day_back_removes_nothing_of_the_day_ahead() {
    let ahead = ["2026-11-22T19:00:00", "2026-11-22T18:00:00"].map(|t| dump(t, 100));
    let past = [
        "2026-11-21T12:00:00",
        "2026-11-21T11:00:00",
        "2026-11-21T10:00:00",
    ]
    .map(|t| dump(t, 100));
    let far = dump("2099-01-01T00:00:00", 9999);
    let published = dump("2026-11-21T18:00:00", 100);
    let dumps = [&[far], &ahead[..], &[published], &past[..]].concat();
    let verdicts = plan(
        &dumps,
        &last(3),
        at("2026-11-21T18:00:05"),
        Some((published.time, 1)),
    );
    let (last, future) = (keep(&[Rule::Last]), keep(&[Rule::Future]));
    assert_eq!(
        verdicts,
        [
            future.clone(),
            future.clone(),
            future,
            keep(&[Rule::Last, Rule::JustPublished]),
            last.clone(),
            last,
            Verdict::Remove
        ]
    );
}

#[test]
fn the_published_dump_stays_and_counts_even_when_dated_ahead_or_behind() {
    let older = ["2026-11-21T12:00:00", "2026-11-21T11:00:00"].map(|t| dump(t, 100));
    for time in ["2026-11-22T19:00:00", "2026-11-21T10:00:00"] {
        let published = dump(time, 100);
        let dumps = [older[0], older[1], published];
        let verdicts = plan(
            &dumps,
            &last(1),
            at("2026-11-21T13:00:00"),
            Some((published.time, 1)),
        );
        assert_eq!(
            verdicts,
            [
                Verdict::Remove,
                Verdict::Remove,
                keep(&[Rule::Last, Rule::JustPublished])
            ]
        );
    }
}

#[test]
fn ahead_means_more_than_a_minute() {
    let dumps = [
        "2026-11-22T19:01:01",
        "2026-11-22T19:01:00",
        "2026-11-22T19:00:00",
    ]
    .map(|t| dump(t, 100));
    let verdicts = plan(&dumps, &last(1), at("2026-11-22T19:00:00"), None);
    assert_eq!(
        verdicts,
        [keep(&[Rule::Future]), keep(&[Rule::Last]), Verdict::Remove]
    );
}

#[test]
fn reach_is_the_age_of_the_oldest_dump_that_counts() {
    let now = at("2026-11-22T20:00:00");
    let hours = |times: &[&str]| measure_reach(times.iter().map(|t| at(t)), now);
    assert_eq!(
        hours(&["2026-11-22T19:10:00", "2026-11-22T19:50:00"]),
        Some(SignedDuration::from_mins(50))
    );
    assert_eq!(
        hours(&["2099-01-01T00:00:00", "2026-11-21T20:00:00"]),
        Some(SignedDuration::from_hours(24))
    );
    assert_eq!(hours(&["2026-11-22T20:00:30"]), Some(SignedDuration::ZERO));
    assert_eq!(hours(&["2099-01-01T00:00:00"]), None);
    assert_eq!(hours(&[]), None);
}

#[test]
fn rules_have_one_spelling() {
    use Rule::{BeforeShrink, Daily, Future, Hourly, JustPublished, Last, Monthly, Weekly, Yearly};
    for rule in [
        Last,
        Hourly,
        Daily,
        Weekly,
        Monthly,
        Yearly,
        BeforeShrink,
        JustPublished,
        Future,
    ] {
        assert_eq!(serde_json::to_value(rule).unwrap(), rule.to_string());
    }
    assert_eq!(BeforeShrink.to_string(), "before-shrink");
}
