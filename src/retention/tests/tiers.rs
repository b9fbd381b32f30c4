use super::{Policy, Rule, Verdict, at, dump, keep, kept_by, last, plan};

/// Each row: a tier, how many it keeps, dumps from the newest to the oldest with a `*` at those the
/// tier keeps.
#[test]
fn each_tier_keeps_the_newest_of_each_period() {
    let hours = [
        "*2026-11-22T19:59:59",
        "2026-11-22T19:00:00",
        "*2026-11-22T18:59:59",
        "2026-11-22T18:10:00",
        "*2026-11-22T12:30:00",
        "2026-11-21T12:45:00",
    ];
    let days = [
        "*2026-11-22T00:00:00",
        "*2026-11-21T23:59:59",
        "2026-11-21T00:00:00",
        "*2026-10-21T10:00:00",
        "2025-10-21T10:00:00",
    ];
    let weeks = [
        "*2027-01-04T00:00:00", // Monday of 2027-W01
        "*2027-01-03T23:59:59", // Sunday of 2026-W53
        "2026-12-31T12:00:00",
        "2026-12-28T00:00:00", // its Monday
        "*2026-12-27T23:59:59",
        "2026-12-21T00:00:00",
        "*2025-12-29T00:00:00", // already 2026-W01
        "2025-12-28T00:00:00",
    ];
    let months = [
        "*2026-03-01T00:00:00",
        "*2026-02-28T23:59:59",
        "2026-02-01T00:00:00",
        "*2025-02-27T00:00:00",
        "2025-01-31T00:00:00",
    ];
    let years = [
        "*2026-01-01T00:00:00",
        "*2025-12-31T23:59:59",
        "2025-01-01T00:00:00",
        "*2021-06-01T00:00:00",
        "2020-01-01T00:00:00",
    ];
    let none = ["2026-11-22T19:59:59", "2026-10-22T19:00:00"];
    let all = [
        "*2026-11-22T19:59:59",
        "*2025-11-22T19:59:59",
        "*2024-11-22T19:59:59",
    ];

    let cases: &[(Rule, usize, &[&str])] = &[
        (Rule::Hourly, 3, &hours),
        (Rule::Daily, 3, &days),
        (Rule::Weekly, 4, &weeks),
        (Rule::Monthly, 3, &months),
        (Rule::Yearly, 3, &years),
        (Rule::Hourly, 0, &none),
        (Rule::Hourly, 9, &all),
        (Rule::Daily, 9, &all),
        (Rule::Weekly, 9, &all),
        (Rule::Monthly, usize::MAX, &all),
        (Rule::Yearly, 3, &all),
    ];
    for &(tier, count, marked) in cases {
        let mut policy = last(1);
        *match tier {
            Rule::Hourly => &mut policy.hourly,
            Rule::Daily => &mut policy.daily,
            Rule::Weekly => &mut policy.weekly,
            Rule::Monthly => &mut policy.monthly,
            _ => &mut policy.yearly,
        } = count;
        let dumps: Vec<_> = marked
            .iter()
            .map(|t| dump(t.trim_start_matches('*'), 1))
            .collect();
        let verdicts = plan(&dumps, &policy, at("2027-02-01T00:00:00"), None);
        let expected: Vec<_> = (0..marked.len())
            .filter(|&i| marked[i].starts_with('*'))
            .collect();
        assert_eq!(kept_by(tier, &verdicts), expected, "{tier} {count}");
        for (i, verdict) in verdicts.iter().enumerate() {
            assert_eq!(*verdict == Verdict::Remove, i > 0 && !expected.contains(&i));
        }
    }
}

#[test]
fn tiers_count_independently_and_all_reasons_are_named() {
    let policy = Policy {
        hourly: 2,
        daily: 2,
        weekly: 1,
        monthly: 1,
        yearly: 1,
        ..last(1)
    };
    let dumps = [
        "2026-11-22T19:50:00",
        "2026-11-22T18:50:00",
        "2026-11-21T18:50:00",
        "2026-11-20T18:50:00",
    ]
    .map(|t| dump(t, 1));
    let verdicts = plan(&dumps, &policy, dumps[0].time, Some((dumps[0].time, 1)));
    let newest = [
        Rule::Last,
        Rule::Hourly,
        Rule::Daily,
        Rule::Weekly,
        Rule::Monthly,
        Rule::Yearly,
        Rule::JustPublished,
    ];
    assert_eq!(
        verdicts,
        [
            keep(&newest),
            keep(&[Rule::Hourly]),
            keep(&[Rule::Daily]),
            Verdict::Remove
        ]
    );
}

#[test]
fn a_published_dump_reopens_no_period_when_the_clock_steps_back() {
    let policy = Policy {
        hourly: 3,
        ..last(1)
    };
    let dumps = [
        "2026-11-22T10:00:10",
        "2026-11-22T09:59:30",
        "2026-11-22T09:50:00",
        "2026-11-22T08:00:00",
    ]
    .map(|t| dump(t, 1));
    let verdicts = plan(&dumps, &policy, dumps[1].time, Some((dumps[1].time, 1)));
    assert_eq!(kept_by(Rule::Hourly, &verdicts), [0, 1, 3]);
    assert_eq!(kept_by(Rule::Last, &verdicts), [1]);
}
