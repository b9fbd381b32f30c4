use std::{collections::BTreeSet, num::NonZeroUsize, time::Duration};

use jiff::Timestamp;
use proptest::{collection::vec, prelude::*, sample::Index};

use super::{Candidate, Policy, REPLACED, Rule, Size, Verdict, compressed, kept_by, plan};

const NOW: i64 = 1_790_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn dumps() -> impl Strategy<Value = Vec<Candidate>> {
    let ages = prop_oneof![
        -120..120_i64,
        -7200..200_000_i64,
        0..9_000_000_i64,
        0..200_000_000_i64,
        Just(-2_280_000_000_i64)
    ];
    let bytes = || prop_oneof![0..6_u64, Just(u64::MAX)];
    let rows = proptest::option::of(bytes());
    let sizes = (bytes(), bytes(), rows).prop_map(|(compressed, inside, rows)| Size {
        compressed,
        inside,
        rows,
    });
    let replaced = prop_oneof![3 => Just(false), 1 => Just(true)];
    let left_out = prop_oneof![3 => Just(0), 1 => 1..3_u64];
    let dump = (ages, 1..3_u32, sizes, replaced, left_out).prop_map(
        |(age, sequence, size, is_replaced, left_out)| Candidate {
            time: Timestamp::from_second(NOW - age).unwrap(),
            sequence,
            size,
            is_replaced,
            left_out,
        },
    );
    vec(dump, 0..40)
}

/// Dumps of which the user left nothing out.
fn whole_dumps() -> impl Strategy<Value = Vec<Candidate>> {
    let whole = |dump: Candidate| Candidate {
        left_out: 0,
        ..dump
    };
    dumps().prop_map(move |dumps| dumps.into_iter().map(whole).collect())
}

fn policies() -> impl Strategy<Value = Policy> {
    let tiers = [0..5_usize, 0..5, 0..5, 0..5, 0..5];
    let times = || prop_oneof![Just(0), 0..2_000_000_u64].prop_map(Duration::from_secs);
    (1..7_usize, tiers, times(), times()).prop_map(|(last, tiers, before_shrink, replaced)| {
        let [hourly, daily, weekly, monthly, yearly] = tiers;
        let last = NonZeroUsize::new(last).unwrap();
        Policy {
            last,
            hourly,
            daily,
            weekly,
            monthly,
            yearly,
            before_shrink,
            replaced,
        }
    })
}

fn key_of(dumps: &[Candidate], published: Option<Index>) -> Option<(Timestamp, u32)> {
    published
        .filter(|_| !dumps.is_empty())
        .map(|index| index.get(dumps).key())
}

fn survivors(dumps: &[Candidate], verdicts: &[Verdict]) -> Vec<Candidate> {
    let judged = dumps.iter().zip(verdicts);
    judged
        .filter(|(_, verdict)| **verdict != Verdict::Remove)
        .map(|(dump, _)| *dump)
        .collect()
}

fn shuffled(dumps: Vec<Candidate>) -> impl Strategy<Value = (Vec<Candidate>, Vec<Candidate>)> {
    (Just(dumps.clone()), Just(dumps).prop_shuffle())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn never_removes_what_was_just_published_or_is_ahead(
        dumps in dumps(), policy in policies(), published in any::<Option<Index>>(),
    ) {
        let published = key_of(&dumps, published);
        let verdicts = plan(&dumps, &policy, now(), published);
        prop_assert_eq!(verdicts.len(), dumps.len());
        for (dump, verdict) in dumps.iter().zip(&verdicts) {
            let published = published == Some(dump.key());
            let ahead = dump.time.as_second() - NOW > 60;
            prop_assert!(*verdict != Verdict::Remove || !(published || ahead));
            let Verdict::Keep(rules) = verdict else { continue };
            prop_assert_eq!(rules.contains(&Rule::JustPublished), published);
            prop_assert_eq!(rules == &[Rule::Future], ahead && !published);
            prop_assert!(!rules.is_empty() && rules.is_sorted());
        }
    }

    #[test]
    fn removes_nothing_more_when_applied_again(
        dumps in dumps(), policy in policies(), published in any::<Option<Index>>(),
    ) {
        let published = key_of(&dumps, published);
        let once = plan(&dumps, &policy, now(), published);
        let kept = survivors(&dumps, &once);
        let again = plan(&kept, &policy, now(), published);
        prop_assert!(!kept.is_empty() || dumps.is_empty());
        let reasons: Vec<_> = once.into_iter().filter(|verdict| *verdict != Verdict::Remove).collect();
        prop_assert_eq!(again, reasons);
    }

    #[test]
    fn a_whole_dump_goes_or_stays_as_if_no_other_lacked_anything(
        dumps in dumps(), policy in policies(),
    ) {
        let whole: Vec<_> = dumps.iter().copied().filter(|dump| dump.left_out == 0).collect();
        let of_whole: Vec<_> = plan(&dumps, &policy, now(), None)
            .into_iter().zip(&dumps).filter(|(_, dump)| dump.left_out == 0)
            .map(|(verdict, _)| verdict).collect();
        let has_regular = |dumps: &[Candidate]| dumps.iter().any(|dump| !dump.is_replaced);
        // Dumps of what restores replaced stay longer where they are alone.
        prop_assume!(has_regular(&dumps) == has_regular(&whole));
        prop_assert_eq!(of_whole, plan(&whole, &policy, now(), None));
    }

    #[test]
    fn does_not_depend_on_the_order_given(
        (dumps, shuffled) in dumps().prop_flat_map(shuffled),
        policy in policies(), published in any::<Option<Index>>(),
    ) {
        let published = key_of(&dumps, published);
        let judged = |dumps: &[Candidate]| {
            let verdicts = plan(dumps, &policy, now(), published);
            let mut judged: Vec<_> = dumps.iter().copied().zip(verdicts).collect();
            judged.sort();
            judged
        };
        prop_assert_eq!(judged(&dumps), judged(&shuffled));
    }

    #[test]
    fn keeps_exactly_the_newest_in_the_plain_case(
        ages in prop::collection::btree_set(0..1_000_000_i64, 0..40), last in 1..9_usize,
    ) {
        let dumps: Vec<_> = ages.iter().map(|age| Candidate {
            time: Timestamp::from_second(NOW - age).unwrap(), sequence: 1, size: compressed(age.unsigned_abs()),
            is_replaced: false, left_out: 0,
        }).collect();
        let last = NonZeroUsize::new(last).unwrap();
        let policy = Policy { last, before_shrink: Duration::ZERO, ..Policy::default() };
        let verdicts = plan(&dumps, &policy, now(), dumps.first().map(Candidate::key));
        let expected = last.get().min(dumps.len());
        prop_assert_eq!(survivors(&dumps, &verdicts), &dumps[..expected]);
    }

    #[test]
    fn a_shrink_keeps_at_most_one_more(
        dumps in whole_dumps(), policy in policies(), published in any::<Option<Index>>(),
    ) {
        let published = key_of(&dumps, published);
        let with = plan(&dumps, &policy, now(), published);
        let off = Policy { before_shrink: Duration::ZERO, ..policy };
        let without = plan(&dumps, &off, now(), published);
        let extra = kept_by(Rule::BeforeShrink, &with);
        prop_assert!(extra.len() <= 1);
        for i in 0..dumps.len() {
            prop_assert!(extra.contains(&i) || with[i] == without[i]);
        }
    }

    #[test]
    fn what_was_replaced_changes_nothing_for_the_others(
        dumps in whole_dumps(), policy in policies(), published in any::<Option<Index>>(),
    ) {
        let published = key_of(&dumps, published);
        let with = plan(&dumps, &policy, now(), published);
        let regular: Vec<_> = dumps.iter().copied().filter(|dump| !dump.is_replaced).collect();
        let without = plan(&regular, &policy, now(), published);
        let judged = dumps.iter().zip(&with);
        let judged: Vec<_> = judged.filter(|(dump, _)| !dump.is_replaced).map(|(_, v)| v.clone()).collect();
        prop_assert_eq!(judged, without);
        prop_assert!(kept_by(Rule::Replaced, &with).len() <= REPLACED);
    }

    #[test]
    fn a_tier_keeps_the_newest_of_the_newest_periods(dumps in whole_dumps(), count in 0..9_usize) {
        let policy = Policy { weekly: count, ..Policy::default() };
        let verdicts = plan(&dumps, &policy, now(), None);
        let monday_based_week = |dump: &Candidate| {
            (dump.time.as_second().div_euclid(86_400) + 3).div_euclid(7)
        };
        let counted = || {
            let past = dumps.iter().filter(|dump| dump.time.as_second() - NOW <= 60);
            past.filter(|dump| !dump.is_replaced)
        };
        let weeks: BTreeSet<_> = counted().map(monday_based_week).collect();
        let newest_of = |week| {
            *counted().filter(|dump| monday_based_week(dump) == week).max().unwrap()
        };
        let expected: Vec<_> = weeks.into_iter().rev().take(count).map(newest_of).collect();
        let mut kept: Vec<_> = kept_by(Rule::Weekly, &verdicts).into_iter().map(|i| dumps[i]).collect();
        kept.sort();
        kept.reverse();
        prop_assert_eq!(kept, expected);
    }
}
