//! Dumps of what `restore --replace` replaced: they are kept to undo the restore, and used for
//! nothing else.

use std::fs;
use std::path::PathBuf;

use dump_database::header::DumpKind;
use rusqlite::Connection;

use crate::support::{Env, database, planted};

const UNDO: &str = "restore dump db.sqlite --replace --to dump";
const DAY: i64 = 86_400;

/// Makes a database with a dump that is one hour old, deletes the rows of the database, and
/// restores it from that dump, so the newest dump in the directory holds the damage. Returns that
/// newest dump.
fn restored(env: &Env) -> PathBuf {
    let good = env.run("dump --skip-unchanged db.sqlite").succeeds();
    let good = good.paths().remove(0);
    planted::plant(&good, planted::ago(3600));
    fs::remove_file(&good).unwrap();
    let db = Connection::open(env.path("db.sqlite")).unwrap();
    db.execute_batch("DELETE FROM person").unwrap();
    drop(db);
    env.run(UNDO).succeeds();
    let newest = env.names().pop().unwrap();
    let newest = env.dumps().join(newest);
    assert_eq!(planted::header(&newest).kind, DumpKind::Replaced);
    newest
}

#[test]
#[ignore = "needs sqlite3"]
fn the_same_restore_again_restores_the_same() {
    let env = Env::with_database();
    let before = database::contents(&env.path("db.sqlite"));
    let saved = restored(&env);
    assert_eq!(database::contents(&env.path("db.sqlite")), before);
    env.run(UNDO).succeeds();
    assert_eq!(database::contents(&env.path("db.sqlite")), before);
    // A restore of that dump by its name undoes the first restore.
    env.run(&format!("restore {} undone.sqlite", saved.display()))
        .succeeds();
    let undone = database::contents(&env.path("undone.sqlite"));
    assert!(!undone.contains("Ada"), "{undone}");
}

#[test]
fn neither_drills_nor_status_nor_skip_unchanged_go_by_them() {
    let env = Env::with_database();
    restored(&env);
    let regular = env.names().remove(0);
    let drill = env.run("drill --sample all --json").succeeds();
    assert_eq!(drill.stdout.matches("\"path\"").count(), 1, "{drill:?}");
    assert!(drill.stdout.contains(&regular), "{drill:?}");
    env.run("status --max-age 30m").reports(1, "1h old");
    let status = env.run("status").succeeds();
    assert!(status.stdout.contains("  1  "), "{status:?}");
    let again = env.run("dump --skip-unchanged db.sqlite").succeeds();
    let unchanged = format!("unchanged since {regular}");
    assert!(again.stderr.contains(&unchanged), "{again:?}");
}

#[test]
fn the_list_says_what_they_are() {
    let env = Env::with_database();
    restored(&env);
    let list = env.run("list").succeeds();
    assert!(list.stdout.contains(&env.names()[0]), "{list:?}");
    assert_eq!(list.stdout.matches("only by name").count(), 1, "{list:?}");
    let list = env.run("list --json").succeeds();
    let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(list[0]["kind"], "replaced");
    assert_eq!(list[0]["kept_by"], serde_json::json!(["replaced"]));
    assert_eq!(list[1]["kind"], "regular");
}

#[test]
fn they_take_no_regular_dumps_place_and_stay_a_week_three_of_a_database() {
    let env = Env::with_database();
    let saved = restored(&env);
    for day in [1, 2, 3] {
        planted::plant(&saved, planted::ago(day * DAY));
    }
    let old = planted::plant(&saved, planted::ago(8 * DAY));
    let kinds = |env: &Env| {
        let kind = |name: &String| planted::header(&env.dumps().join(name)).kind;
        let kinds: Vec<_> = env.names().iter().map(kind).collect();
        let count = |wanted| kinds.iter().filter(|kind| **kind == wanted).count();
        (count(DumpKind::Regular), count(DumpKind::Replaced))
    };
    assert_eq!(kinds(&env), (1, 5));
    for _ in 0..7 {
        env.dump("db.sqlite");
    }
    assert_eq!(kinds(&env), (5, 3));
    assert!(saved.exists() && !old.exists());
    env.dump("db.sqlite --keep-replaced 36h");
    assert_eq!(kinds(&env), (5, 2));
    env.dump("db.sqlite --keep-replaced 0");
    assert_eq!(kinds(&env), (5, 0));
}

/// The directory also holds the dumps of a database whose policy is recorded.
#[test]
fn what_only_a_restore_saved_and_damaged_dumps_do_not_stop_a_rotation() {
    let env = Env::with_database();
    let saved = restored(&env);
    let other = env.path("other");
    database::make_small(&env.path("second.sqlite"));
    let second = env.path("second.sqlite").display().to_string();
    for _ in 0..3 {
        env.run(&format!("dump --to other --keep-daily 2 {second}"))
            .succeeds();
    }
    let saved_here = other.join(saved.file_name().unwrap());
    fs::rename(&saved, &saved_here).unwrap();
    let young = planted::plant(&saved_here, planted::ago(2 * DAY));
    let old = planted::plant(&saved_here, planted::ago(9 * DAY));
    fs::write(other.join("broken-20260101T000000Z.sqlite.gz"), "").unwrap();
    let before = fs::read_dir(&other).unwrap().count();
    let dry = env.run("rotate other --dry-run").succeeds();
    assert_eq!(dry.stdout.matches("would go").count(), 1, "{dry:?}");
    let run = env.run("rotate other").succeeds();
    assert_eq!(run.stdout.replace("goes", "would go"), dry.stdout);
    assert!(young.exists() && saved_here.exists() && !old.exists());
    assert_eq!(fs::read_dir(&other).unwrap().count(), before - 1);
}

#[test]
fn a_directory_of_nothing_else_restores_nothing_by_itself_and_keeps_the_newest() {
    let env = Env::with_database();
    let saved = restored(&env);
    env.run("status").succeeds();
    let other = env.path("other");
    fs::create_dir(&other).unwrap();
    let alone = other.join(saved.file_name().unwrap());
    fs::rename(&saved, &alone).unwrap();
    let name = alone.file_name().unwrap().to_str().unwrap();
    env.run("restore other new.sqlite").fails(1, name);
    assert!(!env.path("new.sqlite").exists());
    env.run("status other").reports(1, "never dumped");
    planted::plant(&alone, planted::ago(9 * DAY));
    env.run("rotate other --keep 1").succeeds();
    assert_eq!(
        fs::read_dir(&other).unwrap().count(),
        2,
        "the newest and a lock"
    );
    // Next to dumps of another database there is no doubt which database is meant.
    database::make_small(&env.path("second.sqlite"));
    env.run("dump --to other second.sqlite").succeeds();
    env.run("restore other new.sqlite").succeeds();
    env.run("status other").succeeds();
}
