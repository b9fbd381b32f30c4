use std::time::Duration;

use super::{
    Candidate, Policy, Rule, Size, Verdict, at, compressed, dump, find_last_before_shrink, keep,
    kept_by, last, plan,
};

#[test]
fn an_emptied_database_keeps_its_last_full_dump_for_a_week() {
    let full = dump("2026-11-01T12:00:00", 1_000_000);
    let emptied = (0..5).map(|i| dump(&format!("2026-11-01T12:{}0:00", i + 1), 1000 + i));
    let dumps: Vec<_> = [full].into_iter().chain(emptied).collect();
    for (now, stays) in [
        ("2026-11-01T13:00:00", true),
        ("2026-11-08T12:00:00", true),
        ("2026-11-08T12:00:01", false),
    ] {
        let verdicts = plan(&dumps, &Policy::default(), at(now), None);
        assert_eq!(
            kept_by(Rule::BeforeShrink, &verdicts),
            if stays { vec![0] } else { vec![] },
            "{now}"
        );
        assert_eq!(verdicts[0] == Verdict::Remove, !stays);
        assert!(verdicts[1..].iter().all(|v| *v == keep(&[Rule::Last])));
    }
}

/// Each row: sizes from the newest to the oldest, two of them counting as the newest, and which one
/// is kept from before the shrink.
#[test]
fn the_largest_of_more_than_twice_the_smallest_stays() {
    let cases: &[(&[u64], Option<usize>)] = &[
        (&[100, 100, 200], None),
        (&[100, 100, 201], Some(2)),
        (&[500, 100, 201], Some(2)),
        (&[100, 500, 201], Some(2)),
        (&[100, 100, 300, 900, 400], Some(3)),
        (&[100, 100, 300, 300, 300], Some(2)),
        (&[100, 100, 200, 200], None),
        (&[0, 100, 1], Some(2)),
        (&[0, 100, 0], None),
        (&[900, 100], None),
        (&[100], None),
        (&[u64::MAX, u64::MAX / 2, u64::MAX], Some(2)),
        (&[u64::MAX, u64::MAX / 2 + 1, u64::MAX], None),
        (&[u64::MAX, u64::MAX, u64::MAX], None),
    ];
    for &(sizes, expected) in cases {
        let dumps: Vec<_> = (10..)
            .zip(sizes)
            .map(|(i, &bytes)| dump(&format!("2026-11-22T19:{}:00", 59 - i), bytes))
            .collect();
        let now = at("2026-11-22T20:00:00");
        let verdicts = plan(&dumps, &last(2), now, None);
        assert_eq!(
            kept_by(Rule::BeforeShrink, &verdicts),
            Vec::from_iter(expected),
            "{sizes:?}"
        );
        let off = Policy {
            before_shrink: Duration::ZERO,
            ..last(2)
        };
        let verdicts_off = plan(&dumps, &off, now, None);
        assert!(kept_by(Rule::BeforeShrink, &verdicts_off).is_empty());
        let forever = Policy {
            before_shrink: Duration::MAX,
            ..last(2)
        };
        assert_eq!(plan(&dumps, &forever, now, None), verdicts);
    }
}

#[test]
fn a_zero_age_turns_the_shrink_rule_off_even_for_a_dump_of_this_second() {
    let now = at("2026-11-22T19:00:00");
    let policy = Policy {
        before_shrink: Duration::ZERO,
        ..last(1)
    };
    let large = dump("2026-11-22T19:00:00", 1000);
    let small = Candidate {
        sequence: 2,
        size: compressed(1),
        ..large
    };
    assert_eq!(
        plan(&[large, small], &policy, now, None),
        [Verdict::Remove, keep(&[Rule::Last])]
    );
}

#[test]
fn a_dump_from_before_the_shrink_may_be_kept_by_a_tier_as_well() {
    let policy = Policy {
        daily: 2,
        ..last(1)
    };
    let dumps = [
        dump("2026-11-22T19:00:00", 1),
        dump("2026-11-21T19:00:00", 1000),
        dump("2026-11-21T18:00:00", 999),
    ];
    let verdicts = plan(&dumps, &policy, dumps[0].time, None);
    assert_eq!(
        verdicts[1..],
        [keep(&[Rule::Daily, Rule::BeforeShrink]), Verdict::Remove]
    );
}

#[test]
fn rows_and_content_show_a_shrink_that_the_compressed_size_hides() {
    let full = Size {
        compressed: 500,
        inside: 12_288,
        rows: Some(3),
    };
    let cases = [
        (full, false),
        (
            Size {
                rows: Some(1),
                ..full
            },
            true,
        ),
        (Size { rows: None, ..full }, false),
        (
            Size {
                inside: 4096,
                ..full
            },
            true,
        ),
        (
            Size {
                compressed: 249,
                ..full
            },
            true,
        ),
    ];
    for (now, is_shrunk) in cases {
        let old = Candidate {
            size: full,
            ..dump("2026-11-22T18:00:00", 0)
        };
        let new = Candidate {
            size: now,
            ..dump("2026-11-22T19:00:00", 0)
        };
        let verdicts = plan(&[old, new], &last(1), new.time, None);
        assert_eq!(
            !kept_by(Rule::BeforeShrink, &verdicts).is_empty(),
            is_shrunk,
            "{now:?}"
        );
        let since = find_last_before_shrink(&[old, new], &last(1), new.time);
        assert_eq!(since, is_shrunk.then_some(old), "{now:?}");
    }
}

#[test]
fn a_whole_dump_that_goes_takes_no_place_from_one_that_lacks_something() {
    let lacks_a_table = |dump: Candidate| Candidate {
        left_out: 1,
        ..dump
    };
    let dumps = [
        lacks_a_table(dump("2026-11-22T19:03:00", 10)),
        lacks_a_table(dump("2026-11-22T19:02:00", 500)),
        dump("2026-11-22T19:01:00", 300),
        // The largest of all. It goes, because the newer whole one is no less than half of it.
        dump("2026-11-22T19:00:00", 600),
    ];
    let verdicts = plan(&dumps, &last(1), at("2026-11-22T20:00:00"), None);
    assert_eq!(
        verdicts,
        [
            keep(&[Rule::Last]),
            keep(&[Rule::BeforeShrink]),
            keep(&[Rule::Last]),
            Verdict::Remove
        ]
    );
}
