use std::path::Path;

use super::{Candidate, DAY, Policy, Rule, Verdict, at, dump, kept_by, last, plan};
use crate::header::{DumpKind, Facts, Header, Rows};
use crate::identity::Identity;
use crate::name::{DumpName, Format};
use crate::retention::Size;

fn replaced(time: &str) -> Candidate {
    Candidate {
        is_replaced: true,
        ..dump(time, 100)
    }
}

/// Someone tries several dumps in a row with `restore --replace`.
fn tries(minutes: std::ops::Range<u32>) -> Vec<Candidate> {
    let tries = minutes.map(|minute| replaced(&format!("2026-11-22T19:{minute}:00")));
    let mut dumps = vec![dump("2026-11-22T19:00:00", 100)];
    dumps.extend(tries);
    dumps
}

#[test]
fn of_several_tries_the_first_and_the_newest_two_stay() {
    let (dumps, now) = (tries(10..16), at("2026-11-22T20:00:00"));
    let verdicts = plan(&dumps, &last(5), now, None);
    assert_eq!(kept_by(Rule::Replaced, &verdicts), [1, 5, 6]);
}

#[test]
fn the_oldest_that_is_not_too_old_stays() {
    let mut dumps = tries(10..16);
    dumps.push(replaced("2026-11-15T19:59:59"));
    let policy = Policy {
        replaced: 7 * DAY,
        ..last(5)
    };
    let verdicts = plan(&dumps, &policy, at("2026-11-22T20:00:00"), None);
    assert_eq!(kept_by(Rule::Replaced, &verdicts), [1, 5, 6]);
}

#[test]
fn while_tries_go_on_the_first_is_never_removed() {
    let (mut dumps, now) = (tries(10..11), at("2026-11-22T20:00:00"));
    let first = dumps[1];
    for minute in 11..30 {
        dumps.push(replaced(&format!("2026-11-22T19:{minute}:00")));
        let verdicts = plan(&dumps, &last(5), now, None);
        let mut verdict = verdicts.iter();
        dumps.retain(|_| verdict.next() != Some(&Verdict::Remove));
        assert!(dumps.contains(&first), "after {minute} minutes");
    }
}

#[test]
fn rows_of_unknown_tables_are_unknown() {
    let name = DumpName::parse("a-20261122T193000Z.sqlite.gz").unwrap();
    let size = |tables: &[u64], table_count| {
        let rows = |rows: &u64| (rows.to_string(), Some(Rows::Exact(*rows)));
        let header = Header {
            tool: String::new(),
            identity: Identity::from_path(Path::new("/a")),
            kind: DumpKind::Regular,
            left_out: crate::header::LeftOut::default(),
            formerly: Vec::new(),
            database: "a".to_owned(),
            time: name.time,
            format: Format::Sqlite,
            engine_version: String::new(),
            checked: None,
            facts: Facts {
                tables: tables.iter().map(rows).collect(),
                table_count,
                ..Facts::default()
            },
            bytes: 7,
            length: None,
            end: None,
            crc32: String::new(),
            sha256: String::new(),
            fingerprint: None,
            room: 0,
        };
        Candidate::new(&name, 9, &header).size
    };
    assert_eq!(size(&[3, 4], 2).rows, Some(7));
    assert_eq!(size(&[3, 4], 3).rows, None, "not all are listed");
    assert_eq!(size(&[], 0).rows, None, "no tables are known");
    let many = Size {
        rows: Some(1000),
        ..size(&[], 0)
    };
    assert!(!many.is_more_than_twice(size(&[], 0)));
}
