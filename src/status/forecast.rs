//! Forecasts when the disk of a dump directory is full, from the dumps that are kept.
//!
//! Two things take more space: the policy does not yet have as many dumps as it keeps, and each dump
//! is larger than the one before. What else is written to the disk is not known.

use jiff::Timestamp;

use crate::retention::{Policy, Rule};

/// The days that a forecast looks ahead.
pub const HORIZON: f64 = 365.0;
/// The steps of a forecast, in days.
const STEP: f64 = 0.125;
/// The least time between the oldest and the newest dump that shows a growth, in days: half an hour.
const SHORTEST: f64 = 0.5 / 24.0;
/// The assumed time between two dumps where there is only one, in days: ten minutes.
const TEN_MINUTES: f64 = 10.0 / 60.0 / 24.0;

/// The dumps of one database that are kept, and the policy by which they are kept.
#[derive(Debug, Clone)]
pub(super) struct Growth {
    /// The time in days and the size in bytes of each dump, oldest first.
    dumps: Vec<(f64, f64)>,
    /// The number of dumps that are there now, of any kind.
    number: f64,
    policy: Policy,
}

impl Growth {
    /// Returns the growth of these dumps: time and size of each, oldest first. `number` is the number
    /// of all dumps of the database, and `policy` how many it keeps.
    pub(super) fn new(dumps: &[(Timestamp, u64)], number: usize, policy: Policy) -> Self {
        let days = |time: Timestamp| time.as_second() as f64 / 86_400.0;
        Growth {
            dumps: dumps
                .iter()
                .map(|(time, bytes)| (days(*time), *bytes as f64))
                .collect(),
            number: number as f64,
            policy,
        }
    }

    /// Returns how many bytes larger each dump is than a dump of the day before: the slope of the line
    /// that fits the sizes best.
    fn slope(&self) -> f64 {
        let [(first, _), _, .., (last, _)] = self.dumps[..] else {
            return 0.0;
        };
        if last - first < SHORTEST {
            return 0.0;
        }
        let number = self.dumps.len() as f64;
        let mean =
            |value: fn(&(f64, f64)) -> f64| self.dumps.iter().map(value).sum::<f64>() / number;
        let (day, size) = (mean(|dump| dump.0), mean(|dump| dump.1));
        let (mut both, mut square) = (0.0, 0.0);
        for dump in &self.dumps {
            both += (dump.0 - day) * (dump.1 - size);
            square += (dump.0 - day) * (dump.0 - day);
        }
        (both / square).max(0.0)
    }

    /// Returns the bytes that the dumps will take in `days` days beyond what they take now.
    fn forecast_growth(&self, days: f64) -> f64 {
        let [.., (last, newest)] = self.dumps[..] else {
            return 0.0;
        };
        let before = self.dumps.iter().rev().nth(1);
        let gap = before.map_or(TEN_MINUTES, |(before, _)| (last - before).max(TEN_MINUTES));
        let first = self.dumps.first().map_or(last, |(first, _)| *first);
        let mut added = (days / gap).min((self.policy.last.get() as f64 - self.number).max(0.0));
        for (rule, count) in self.policy.tiers() {
            let period = match rule {
                Rule::Hourly => 1.0 / 24.0,
                Rule::Daily => 1.0,
                Rule::Weekly => 7.0,
                Rule::Monthly => 30.4,
                _ => 365.0,
            };
            let there = ((last - first) / period).floor() + 1.0;
            let lacking = (count as f64 - there).max(0.0);
            added += (days / period).floor().min(lacking);
        }
        let grown = self.slope() * days;
        added * (newest + grown) + self.number * grown
    }
}

/// Returns the days until dumps with these growths fill a disk that has `free` bytes free now, or
/// `None` if that is more than [`HORIZON`].
pub(super) fn forecast_days(growths: &[&Growth], free: u64) -> Option<f64> {
    let mut days = 0.0;
    while days <= HORIZON {
        let more: f64 = growths
            .iter()
            .map(|growth| growth.forecast_growth(days))
            .sum();
        if more > free as f64 {
            return Some(days);
        }
        days += STEP;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroUsize;

    const MB: u64 = 1_000_000;

    /// Returns the growth of dumps that are `hours` hours apart and have these sizes in MB.
    fn growth(hours: i64, sizes: &[u64], policy: Policy) -> Growth {
        let time = |number: usize| {
            let number = i64::try_from(number).unwrap();
            Timestamp::from_second(1_790_000_000 + number * hours * 3600).unwrap()
        };
        let dumps = sizes.iter().enumerate();
        let dumps: Vec<_> = dumps.map(|(at, size)| (time(at), size * MB)).collect();
        Growth::new(&dumps, dumps.len(), policy)
    }

    fn last(number: usize) -> Policy {
        Policy {
            last: NonZeroUsize::new(number).unwrap(),
            ..Policy::default()
        }
    }

    #[test]
    fn a_disk_fills_as_dumps_grow() {
        // 5 dumps, each 24 MB larger a day: 120 MB a day.
        let growing = growth(1, &[100, 101, 102, 103, 104], last(5));
        assert!((growing.slope() - 24e6).abs() < 1.0);
        let days = forecast_days(&[&growing], 1200 * MB).unwrap();
        assert!((10.0..=10.2).contains(&days), "{days}");
        // Two databases on one disk fill it twice as fast.
        let days = forecast_days(&[&growing, &growing], 1200 * MB).unwrap();
        assert!((5.0..=5.2).contains(&days), "{days}");
        for steady in [&[100, 100, 100, 100, 100][..], &[104, 103, 102, 101, 100]] {
            let steady = growth(1, steady, last(5));
            assert_eq!(forecast_days(&[&steady], MB), None);
        }
        let none = growth(1, &[], last(5));
        assert_eq!(forecast_days(&[&none], 0), None);
    }

    #[test]
    fn a_disk_fills_as_the_policy_gets_its_dumps() {
        // Four more dumps of 100 MB within the next four hours.
        let first = growth(1, &[100], last(5));
        assert!(forecast_days(&[&first], 399 * MB).unwrap() < 1.0);
        assert_eq!(forecast_days(&[&first], 401 * MB), None);
        // One more dump a day, for six days.
        let daily = Policy {
            daily: 7,
            ..last(2)
        };
        let daily = growth(1, &[100, 100], daily);
        let days = forecast_days(&[&daily], 250 * MB).unwrap();
        assert!((3.0..3.2).contains(&days), "{days}");
        assert_eq!(forecast_days(&[&daily], 601 * MB), None);
    }
}
