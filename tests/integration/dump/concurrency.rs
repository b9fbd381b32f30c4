//! Several runs in one directory at the same time.

use std::fs;

use crate::support::{Env, Run, database, inventory, wait_until};

/// Starts a run that holds the directory and waits for the locked database.
fn holder(env: &Env) -> std::process::Child {
    let run = env.start("dump db.sqlite");
    let lock = env.dumps().join(".dump-database.lock");
    let name = format!("process {} on ", run.id());
    wait_until(|| fs::read_to_string(&lock).is_ok_and(|text| text.starts_with(&name)));
    run
}

#[test]
#[ignore = "needs sqlite3"]
fn the_second_run_says_who_holds_the_directory() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    let lock = database::Lock::exclusive(&env.path("db.sqlite"));
    let first = holder(&env);
    let pid = format!("process {} on ", first.id());
    let before = inventory(env.root());
    database::make_small(&env.path("other.sqlite"));
    for args in ["dump db.sqlite", "dump other.sqlite", "rotate --keep 1"] {
        let second = env.run(args).fails(75, &pid);
        assert!(second.stderr.contains("dump-database dump"), "{second:?}");
        assert_eq!(
            (second.stdout.as_str(), second.stderr.lines().count()),
            ("", 1),
            "{args}"
        );
    }
    fs::remove_file(env.path("other.sqlite")).unwrap();
    assert_eq!(inventory(env.root()), before);

    // Commands that only read work during that run, and so does a run in another directory.
    assert_eq!(env.run("list").succeeds().stdout.matches("last").count(), 1);
    env.run("verify").succeeds();
    env.run("restore dump restored.sqlite --to other")
        .succeeds();

    drop(lock);
    assert_eq!(Run::end_of(first).succeeds().paths().len(), 1);
    env.dump("db.sqlite");
    assert_eq!(env.names().len(), 3);
}

#[test]
#[ignore = "needs sqlite3"]
fn of_twenty_runs_at_once_one_works() {
    let env = Env::with_database();
    let lock = database::Lock::exclusive(&env.path("db.sqlite"));
    let mut runs: Vec<_> = (0..20).map(|_| env.start("dump db.sqlite")).collect();
    let mut refused = Vec::new();
    wait_until(|| {
        let ended = runs
            .iter_mut()
            .position(|run| run.try_wait().unwrap().is_some());
        refused.extend(ended.map(|at| Run::end_of(runs.remove(at))));
        runs.len() == 1
    });
    let last = runs.remove(0);
    for run in refused {
        let run = run.fails(75, "is in use by ");
        assert_eq!(run.stdout, "");
    }
    let next = env
        .run("dump db.sqlite")
        .fails(75, &format!("process {} on ", last.id()));
    assert_eq!(next.stdout, "");
    drop(lock);
    Run::end_of(last).succeeds();
    assert_eq!(env.names().len(), 1);
    assert_eq!(env.temporaries(), [""; 0]);
}

#[test]
fn a_lock_file_left_behind_holds_nothing() {
    let env = Env::with_database();
    fs::create_dir(env.dumps()).unwrap();
    fs::write(
        env.dumps().join(".dump-database.lock"),
        "process 1 on another host\n",
    )
    .unwrap();
    env.dump("db.sqlite");
}

#[test]
fn a_lock_file_that_is_a_symlink_is_not_followed() {
    let env = Env::with_database();
    fs::create_dir(env.dumps()).unwrap();
    fs::write(env.path("precious"), "content").unwrap();
    std::os::unix::fs::symlink("../precious", env.dumps().join(".dump-database.lock")).unwrap();
    env.run("dump db.sqlite").fails(1, "cannot lock");
    assert_eq!(fs::read_to_string(env.path("precious")).unwrap(), "content");
}
