//! Retention: whatever the dumps and the rules are, the newest dumps stay, and so does the dump
//! that was just published.

#![no_main]

use std::num::NonZeroUsize;
use std::time::Duration;

use arbitrary::Arbitrary;
use dump_database::retention::{Candidate, Policy, Rule, Size, Verdict, is_future, plan};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Case {
    now: i64,
    dumps: Vec<(i64, u8, u64, bool)>,
    published: Option<u8>,
    last: u8,
    tiers: [u8; 5],
    before_shrink: u32,
    replaced: u32,
}

fuzz_target!(|case: Case| {
    let Some(now) = second(case.now) else {
        return;
    };
    let dumps: Vec<_> = case
        .dumps
        .iter()
        .filter_map(|&(time, sequence, bytes, is_replaced)| {
            // Some dumps are close to now, the others at any time.
            let time = if bytes % 2 == 0 {
                case.now.wrapping_add(time % 1_000_000)
            } else {
                time
            };
            let sequence = u32::from(sequence);
            Some(Candidate {
                time: second(time)?,
                sequence,
                size: Size {
                    compressed: bytes,
                    inside: bytes >> 8,
                    rows: (bytes % 3 == 0).then_some(bytes >> 16),
                },
                is_replaced,
                left_out: u64::from(sequence % 3),
            })
        })
        .collect();
    let [hourly, daily, weekly, monthly, yearly] = case.tiers.map(usize::from);
    let last = NonZeroUsize::new(usize::from(case.last)).unwrap_or(NonZeroUsize::MIN);
    let before_shrink = Duration::from_secs(case.before_shrink.into());
    let policy = Policy {
        last,
        hourly,
        daily,
        weekly,
        monthly,
        yearly,
        before_shrink,
        replaced: Duration::from_secs(case.replaced.into()),
    };
    let key = |dump: &Candidate| (dump.time, dump.sequence);
    let published = case
        .published
        .and_then(|at| dumps.get(usize::from(at)))
        .map(key);

    let verdicts = plan(&dumps, &policy, now, published);
    assert_eq!(verdicts.len(), dumps.len());
    let mut past: Vec<_> = dumps
        .iter()
        .filter(|dump| !dump.is_replaced && !is_future(dump.time, now))
        .map(key)
        .collect();
    // The dump that was just published counts as the newest, whatever the clock did.
    past.retain(|dump| published != Some(*dump));
    past.sort();
    past.dedup();
    let regular = published.filter(|published| {
        dumps
            .iter()
            .any(|dump| key(dump) == *published && !dump.is_replaced)
    });
    past.extend(regular);
    let newest = &past[past.len().saturating_sub(last.get())..];
    let mut kept = Vec::new();
    for (dump, verdict) in dumps.iter().zip(&verdicts) {
        let stays = matches!(verdict, Verdict::Keep(rules) if !rules.is_empty());
        let must = published == Some(key(dump)) || is_future(dump.time, now);
        assert!(stays || !must, "{dump:?}");
        if stays {
            kept.push(*dump);
        }
        if let Verdict::Keep(rules) = verdict {
            // Only whole dumps and those that lack the same count against a dump.
            let newer = past
                .iter()
                .filter(|other| **other > key(dump) || Some(**other) == regular);
            let newer = newer.filter(|other| {
                let lacks = |lacking: u64| lacking == 0 || lacking == dump.left_out;
                dumps
                    .iter()
                    .any(|dump| key(dump) == **other && !dump.is_replaced && lacks(dump.left_out))
            });
            assert!(!rules.contains(&Rule::Last) || newer.count() < last.get() || must);
        }
    }
    // Names are unique in a directory; if two dumps here have the same name, both count.
    let counts = |dump: &&Candidate| {
        let is_past = regular == Some(key(dump)) || !is_future(dump.time, now);
        is_past && !dump.is_replaced
    };
    if past.len() == dumps.iter().filter(counts).count() {
        for newest in newest {
            assert!(
                kept.iter().any(|dump| key(dump) == *newest),
                "{newest:?} went"
            );
        }
        let again = plan(&kept, &policy, now, published);
        assert!(again.iter().all(|verdict| *verdict != Verdict::Remove));
    }
});

fn second(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}
