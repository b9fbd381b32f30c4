//! Two databases with the same name never rotate each other's dumps out.

use std::fs;

use crate::support::{Env, database, inventory, planted};

/// Makes `a/db.sqlite3` and `b/db.sqlite3`, with different content.
fn make_two() -> Env {
    let env = Env::new();
    for directory in ["a", "b"] {
        fs::create_dir(env.path(directory)).unwrap();
        let db = database::make_small(&env.path(format!("{directory}/db.sqlite3")));
        db.execute("INSERT INTO person (name) VALUES (?1)", [directory])
            .unwrap();
    }
    env
}

#[test]
fn in_one_run_it_is_a_usage_error() {
    let env = make_two();
    let run = env.run("dump a/db.sqlite3 b/db.sqlite3").fails(2, "--name");
    assert!(
        run.stderr.contains("a/db.sqlite3") && run.stderr.contains("b/db.sqlite3"),
        "{run:?}"
    );
    assert_eq!(run.stdout, "");
    assert!(!env.dumps().exists());
}

#[test]
fn in_two_runs_the_second_is_refused_and_nothing_rotated() {
    let env = make_two();
    for _ in 0..5 {
        env.dump("a/db.sqlite3");
    }
    let before = inventory(&env.dumps());
    let run = env.run("dump b/db.sqlite3 --keep 1").fails(1, "--adopt");
    assert!(run.stderr.contains("--name"), "{run:?}");
    assert!(run.stderr.contains("a/db.sqlite3"), "{run:?}");
    assert_eq!(inventory(&env.dumps()), before);

    let named = env.dump("b/db.sqlite3 --name b-db --keep 1");
    assert!(named.ends_with(env.names()[0].clone()), "{named:?}");
    assert_eq!(env.names().len(), 6);
    env.dump("a/db.sqlite3");
    assert_eq!(env.names().len(), 6);
}

#[test]
fn adopt_takes_the_old_dumps_over_for_good() {
    let env = make_two();
    let old: Vec<_> = (0..3).map(|_| env.dump("a/db.sqlite3")).collect();
    let header = planted::header(&env.dump("b/db.sqlite3 --adopt"));
    assert_eq!(header.formerly, [planted::header(&old[0]).identity]);
    for _ in 0..3 {
        env.dump("b/db.sqlite3");
    }
    let left = env.names();
    assert_eq!(left.len(), 5, "{left:?}");
    assert!(
        !old[0].exists() && !old[1].exists() && old[2].exists(),
        "{left:?}"
    );
    for _ in 0..4 {
        env.dump("b/db.sqlite3");
    }
    assert!(!old[2].exists());
    assert_eq!(env.names().len(), 5);
    env.run("dump a/db.sqlite3").fails(1, "--adopt");
}

/// The dumps that are taken over may be from a run that kept more.
#[test]
fn adopt_removes_nothing_where_no_policy_is_on_record() {
    let env = make_two();
    for _ in 0..8 {
        env.dump("a/db.sqlite3 --keep 9");
    }
    fs::remove_file(env.dumps().join(".dump-database.state")).unwrap();
    for more in 1..=2 {
        let run = env.run("dump b/db.sqlite3 --adopt").succeeds();
        assert!(run.stderr.contains("pass --keep"), "{run:?}");
        assert_eq!(env.names().len(), 8 + more);
    }
    env.run("dump b/db.sqlite3 --keep 3").succeeds();
    assert_eq!(env.names().len(), 3);
}

#[test]
fn moved_twice_it_keeps_the_dumps_of_every_place() {
    let env = make_two();
    fs::create_dir(env.path("c")).unwrap();
    fs::copy(env.path("a/db.sqlite3"), env.path("c/db.sqlite3")).unwrap();
    let first = planted::header(&env.dump("a/db.sqlite3")).identity;
    let second = planted::header(&env.dump("b/db.sqlite3 --adopt")).identity;
    let third = env.run("dump c/db.sqlite3 --adopt").succeeds();
    assert!(!third.stderr.contains("left alone"), "{third:?}");
    let header = planted::header(&third.paths()[0]);
    assert_eq!(header.formerly, [second.clone(), first]);
    // The database is back at its first place, which is therefore no longer an earlier place.
    let back = planted::header(&env.dump("a/db.sqlite3 --adopt"));
    assert_eq!(back.formerly, [header.identity, second]);
    env.run("dump a/db.sqlite3 --keep 1").succeeds();
    assert_eq!(env.names().len(), 1);
}

#[test]
fn without_adopt_dumps_of_another_source_are_neither_counted_nor_removed() {
    let env = make_two();
    let foreign = planted::changed(&env.dump("a/db.sqlite3"), |header| {
        header.time = planted::ago(7200);
        header.identity.location = "/elsewhere/db.sqlite3".to_owned();
    });
    for _ in 0..3 {
        env.dump("a/db.sqlite3 --keep 2");
    }
    assert!(foreign.exists());
    assert_eq!(env.names().len(), 3, "{:?}", env.names());
    let run = env.run("rotate --keep 1").succeeds();
    assert!(
        run.stdout
            .contains("stays: it is of SQLite /elsewhere/db.sqlite3"),
        "{run:?}"
    );
    assert!(foreign.exists());
    assert_eq!(env.names().len(), 2);
}

#[test]
fn a_symlink_to_a_database_is_that_database() {
    let env = make_two();
    fs::create_dir(env.path("c")).unwrap();
    std::os::unix::fs::symlink("../a/db.sqlite3", env.path("c/db.sqlite3")).unwrap();
    env.dump("a/db.sqlite3");
    env.dump("c/db.sqlite3");
    env.dump("./b/../a/db.sqlite3 --keep 1");
    assert_eq!(env.names().len(), 1);
}
