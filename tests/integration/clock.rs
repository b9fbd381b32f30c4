//! Clocks that jump.

use std::fs;

use crate::support::{Env, Run, inventory, planted};

/// Runs the program with a clock that is one day behind.
fn run_yesterday(env: &Env, args: &str) -> Run {
    let mut command = env.command("faketime");
    command.args(["-f", "-1d", crate::support::PROGRAM]);
    Run::finish(command.args(args.split_whitespace())).succeeds()
}

#[test]
fn dumps_of_the_far_future_are_named_and_neither_counted_nor_removed() {
    let env = Env::with_database();
    let real = env.dump("db.sqlite");
    let ahead = [
        "2099-01-01T00:00:00Z",
        "2099-01-02T00:00:00Z",
        "2098-12-31T23:59:59Z",
    ];
    let ahead = ahead.map(|time| planted::plant(&real, planted::time(time)));
    let before = inventory(&env.dumps());
    let made: Vec<_> = (0..3)
        .map(|_| env.run("dump db.sqlite --keep 2").succeeds())
        .collect();
    for run in &made {
        for dump in &ahead {
            let name = dump.file_name().unwrap().to_str().unwrap();
            let warned = run
                .stderr
                .lines()
                .any(|line| line.contains(name) && line.starts_with("warning: "));
            assert!(warned, "{name}: {run:?}");
        }
    }
    let after = inventory(&env.dumps());
    for dump in &ahead {
        assert_eq!(after[dump], before[dump]);
    }
    assert_eq!(env.names().len(), 2 + 3, "{:?}", env.names());
    let list = env.run("list").succeeds();
    assert_eq!(list.stdout.matches("future").count(), 3, "{list:?}");
    assert!(!list.stdout.contains("reach back in"), "{list:?}");
}

#[test]
#[ignore = "needs faketime"]
fn a_run_a_day_back_counts_its_own_dump_and_removes_nothing_newer() {
    let env = Env::with_database();
    let newer: Vec<_> = (0..3).map(|_| env.dump("db.sqlite")).collect();
    let before = inventory(&env.dumps());
    let mut made = Vec::new();
    for _ in 0..4 {
        let run = run_yesterday(&env, "dump db.sqlite --keep 2");
        assert!(run.stderr.contains("dated after now"), "{run:?}");
        made.extend(run.paths());
    }
    let after = inventory(&env.dumps());
    for dump in &newer {
        assert_eq!(after.get(dump), before.get(dump));
    }
    assert!(made[2].exists() && made[3].exists());
    assert_eq!(after.len(), 5);
    let day = planted::ago(86_400).strftime("%Y%m%d").to_string();
    let name = made[3].file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with(&format!("db-{day}")), "{name}");
    env.run("verify").succeeds();

    // The clock is right again, so dumps that were in the future count.
    env.dump("db.sqlite --keep 2");
    assert!(made.iter().all(|dump| !dump.exists()));
    assert!(newer[2].exists());
    assert_eq!(env.names().len(), 2);
}

#[test]
fn another_sources_dumps_from_the_future_do_not_take_the_name() {
    let env = Env::with_database();
    let real = env.dump("db.sqlite");
    let foreign = planted::changed(&real, |header| {
        header.time = planted::time("2099-01-01T00:00:00Z");
        header.identity.location = "/elsewhere/db.sqlite".to_owned();
    });
    env.dump("db.sqlite --keep 1");
    assert!(foreign.exists());
    assert!(!real.exists());

    fs::remove_file(env.dumps().join(&env.names()[0])).unwrap();
    env.run("dump db.sqlite").fails(1, "--adopt");
    assert_eq!(env.names().len(), 1);
}

/// The clock is set back by less than a minute, and only what is further ahead counts as the
/// future.
#[test]
fn a_run_never_removes_what_it_published() {
    let env = Env::with_database();
    let real = env.dump("db.sqlite");
    let ahead = [40, 45, 50].map(|seconds| planted::plant(&real, planted::ago(-seconds)));
    let published = env.dump("db.sqlite --keep 2");
    assert!(published.exists());
    let left: Vec<_> = env
        .names()
        .iter()
        .map(|name| env.dumps().join(name))
        .collect();
    assert_eq!(left, [published, ahead[2].clone()]);
}
