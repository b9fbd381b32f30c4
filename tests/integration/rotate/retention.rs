//! The dumps that stay besides the newest ones: those of the tiers, and the dump from before a
//! shrink.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use crate::support::{Env, database, planted};

/// Makes a real dump, and two dumps on each of the 20 days before it, at 06:00 and 18:00 (UTC).
/// Returns the start of the real dump's day.
fn three_weeks(env: &Env) -> Timestamp {
    let dump = env.dump("db.sqlite");
    let now = planted::header(&dump).time;
    let today = Timestamp::from_second(now.as_second().div_euclid(86_400) * 86_400).unwrap();
    for day in 1..=20 {
        for hour in [6, 18] {
            let time =
                today - SignedDuration::from_hours(24 * day) + SignedDuration::from_hours(hour);
            planted::plant(&dump, time);
        }
    }
    today
}

#[test]
fn a_daily_tier_keeps_the_newest_of_each_day() {
    let env = Env::with_database();
    let today = three_weeks(&env);
    let newest = env.names().pop().unwrap();
    let run = env.run("rotate --keep 3 --keep-daily 7").succeeds();
    assert!(run.stdout.contains("daily"), "{run:?}");

    let named = |day: i64, hour: i64| {
        let time = today - SignedDuration::from_hours(24 * day) + SignedDuration::from_hours(hour);
        format!("db-{}.sqlite.gz", time.strftime("%Y%m%dT%H%M%SZ"))
    };
    let mut kept: Vec<_> = (1..=6).map(|day| named(day, 18)).collect();
    kept.extend([named(1, 6), newest]); // the newest three: the real dump, two of yesterday
    kept.sort();
    assert_eq!(env.names(), kept);

    // A dump applies the same rules, and only those that it is given.
    let next = env.dump("db.sqlite --keep 1 --keep-daily 7");
    let mut kept: Vec<_> = (1..=6).map(|day| named(day, 18)).collect();
    kept.push(next.file_name().unwrap().to_string_lossy().into_owned());
    kept.sort();
    assert_eq!(env.names(), kept);
    env.dump("db.sqlite --keep 1");
    assert_eq!(env.names().len(), 1);
}

#[test]
fn every_tier_reaches_further() {
    let env = Env::with_database();
    let dump = env.dump("db.sqlite");
    for day in 1..=800 {
        if day % 5 == 0 {
            planted::plant(&dump, planted::ago(day * 86_400));
        }
    }
    let all = env.names().len();
    let run =
        env.run("rotate --keep 1 --keep-hourly 2 --keep-weekly 4 --keep-monthly 6 --keep-yearly 9");
    let run = run.succeeds();
    for rule in ["last", "hourly", "weekly", "monthly", "yearly"] {
        assert!(run.stdout.contains(rule), "no {rule}: {run:?}");
    }
    let left = env.names().len();
    // 800 days are in three or four calendar years; several tiers keep the same dump.
    assert!(
        (8..=1 + 2 + 4 + 6 + 4).contains(&left),
        "{left} of {all}: {run:?}"
    );
}

/// Makes a database of 400 kB, dumps it, empties it, and dumps it nine more times.
fn emptied(env: &Env, args: &str) -> String {
    let path = env.path("db.sqlite");
    drop(database::make_large(&path, "WAL", 400_000));
    let large = database::contents(&path);
    env.dump(&format!("db.sqlite {args}"));
    let db = Connection::open(&path).unwrap();
    db.execute_batch("DELETE FROM blob; VACUUM").unwrap();
    for _ in 0..9 {
        env.dump(&format!("db.sqlite {args}"));
    }
    large
}

#[test]
#[ignore = "needs sqlite3"]
fn the_dump_from_before_a_database_was_emptied_stays_and_restores() {
    let env = Env::new();
    let large = emptied(&env, "");
    let left = env.names();
    assert_eq!(left.len(), 6, "{left:?}");
    let list = env.run("list").succeeds();
    assert_eq!(list.stdout.matches("before-shrink").count(), 1, "{list:?}");
    env.run(&format!("restore dump/{} restored.sqlite", left[0]))
        .succeeds();
    assert_eq!(database::contents(&env.path("restored.sqlite")), large);
}

#[test]
#[ignore = "needs sqlite3"]
fn zero_turns_the_rule_off() {
    let env = Env::new();
    emptied(&env, "--keep-before-shrink 0");
    let left = env.names();
    assert_eq!(left.len(), 5, "{left:?}");
}

#[test]
fn deleted_rows_do_not_hide_a_shrink() {
    let env = Env::new();
    let path = env.path("db.sqlite");
    let db = database::make_large(&path, "WAL", 400_000);
    env.dump("db.sqlite");
    db.execute_batch("DELETE FROM blob").unwrap(); // without VACUUM: the file keeps its size
    for _ in 0..9 {
        env.dump("db.sqlite");
    }
    assert_eq!(env.names().len(), 6);
}

/// Three rows are tiny compared with the header of a dump and the pages of an image.
#[test]
#[ignore = "needs sqlite3"]
fn a_small_database_that_was_emptied_keeps_its_last_full_dump_and_status_says_so() {
    let env = Env::with_database();
    let path = env.path("db.sqlite");
    let before = database::contents(&path);
    env.dump("db.sqlite");
    let db = Connection::open(&path).unwrap();
    db.execute_batch("DELETE FROM person").unwrap();
    env.dump("db.sqlite");
    let status = env.run("status").succeeds();
    assert!(
        status.stdout.contains("shrank to less than half since"),
        "{status:?}"
    );
    for _ in 0..8 {
        env.dump("db.sqlite");
    }
    let left = env.names();
    assert_eq!(left.len(), 6, "{left:?}");
    env.run(&format!("restore dump/{} restored.sqlite", left[0]))
        .succeeds();
    assert_eq!(database::contents(&env.path("restored.sqlite")), before);
    // `status` reports it as long as the full dump exists.
    let status = env.run("status").succeeds();
    assert!(
        status.stdout.contains("shrank to less than half since"),
        "{status:?}"
    );
    assert!(!status.stdout.contains("-0 %"), "{status:?}");
    let status = env.run("status --json").succeeds();
    assert!(status.stdout.contains("shrunk_since"), "{status:?}");
    env.dump("db.sqlite --keep-before-shrink 0");
    let status = env.run("status").succeeds();
    assert!(!status.stdout.contains("shrank"), "{status:?}");
}

/// A user who runs a command by hand does not know the flags of the unit.
#[test]
fn without_flags_the_rules_are_those_of_the_last_run() {
    let env = Env::with_database();
    three_weeks(&env);
    env.run("dump db.sqlite --keep 1 --keep-daily 7").succeeds();
    let kept = env.names();
    assert_eq!(kept.len(), 7, "{kept:?}");
    let run = env.run("list").succeeds();
    assert!(
        !run.stdout.contains("the next rotation removes it"),
        "{run:?}"
    );
    env.run("rotate").succeeds();
    assert_eq!(env.names(), kept);
    let run = env.run("list --keep 2").succeeds();
    assert!(
        run.stdout.contains("the next rotation removes it"),
        "{run:?}"
    );
    env.run("rotate --keep 2").succeeds();
    assert_eq!(env.names(), kept[5..]);
}

/// A dump by hand must not remove what the timer's dumps keep.
#[test]
fn a_dump_without_flags_keeps_and_records_what_the_last_run_did() {
    let env = Env::with_database();
    three_weeks(&env);
    env.dump("db.sqlite --keep 1 --keep-daily 30");
    let mut kept = env.names();
    assert_eq!(kept.len(), 21, "{kept:?}");
    for _ in 0..2 {
        kept.pop();
        let dump = env.dump("db.sqlite");
        kept.push(dump.file_name().unwrap().to_string_lossy().into_owned());
        assert_eq!(env.names(), kept);
    }
    env.dump("db.sqlite --keep 1");
    env.dump("db.sqlite");
    assert_eq!(env.names().len(), 1);
}

#[test]
fn where_nothing_is_on_record_rotate_removes_nothing() {
    let env = Env::with_database();
    let days = "db.sqlite --keep-daily 30";
    env.dump(days);
    three_weeks(&env);
    env.dump(days);
    let kept = env.names();
    assert!(kept.len() > 20, "{kept:?}");
    fs::remove_file(env.dumps().join(".dump-database.state")).unwrap();
    env.run("rotate").fails(2, "pass --keep");
    assert_eq!(env.names(), kept);
    fs::remove_file(env.dumps().join(".dump-database.lock")).unwrap();
    env.run("rotate --dry-run").fails(2, "pass --keep");
    let run = env.run("rotate --dry-run --keep 5").succeeds();
    assert!(run.stdout.contains("would go"), "{run:?}");
    // The command writes nothing, so it also works in a directory that the user cannot write to.
    assert!(!env.dumps().join(".dump-database.lock").exists());
    // A dump by hand must not remove what a lost policy kept, and must not record another policy.
    for more in 1..=2 {
        let run = env.run("dump db.sqlite").succeeds();
        assert!(run.stderr.contains("pass --keep"), "{run:?}");
        assert_eq!(env.names().len(), kept.len() + more);
    }
    // The recorded policy of one database does not allow the removal of another database's dumps.
    database::make_small(&env.path("known.sqlite"));
    env.dump("known.sqlite");
    env.run("rotate")
        .fails(2, "no retention policy is recorded for db");
    env.run("rotate --keep 1").succeeds();
    assert_eq!(env.names().len(), 2);
}
