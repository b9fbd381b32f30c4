//! The dump that a restore takes from a directory: never one that is dated after now, unless there
//! is no other; never one that is visibly damaged; and an older one if the database in the newest
//! dump is damaged.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::support::{Env, database, planted};

const DAY: i64 = 86_400;

/// Gives a dump another date.
fn set_date(dump: &Path, seconds_ago: i64) -> PathBuf {
    let path = planted::plant(dump, planted::ago(seconds_ago));
    fs::remove_file(dump).unwrap();
    path
}

fn insert(env: &Env, name: &str) {
    let db = Connection::open(env.path("db.sqlite")).unwrap();
    db.execute("INSERT INTO person (name) VALUES (?1)", [name])
        .unwrap();
}

/// Returns what `restore dump` restores, followed by its stderr.
fn restored(env: &Env) -> String {
    let place = env.path("restored");
    fs::create_dir(&place).unwrap();
    let run = env.run("restore dump restored/db.sqlite").succeeds();
    let content = database::contents(&place.join("db.sqlite"));
    fs::remove_dir_all(place).unwrap();
    content + &run.stderr
}

#[test]
#[ignore = "needs sqlite3"]
fn a_dump_dated_after_now_is_the_last_resort() {
    let env = Env::with_database();
    let ahead = env.run("dump --skip-unchanged db.sqlite").succeeds();
    let ahead = set_date(&ahead.paths()[0], -DAY);
    // A dump that is dated after now does not say what the database holds now.
    let present = env.run("dump --skip-unchanged db.sqlite").succeeds();
    let present = present.paths().remove(0);
    insert(&env, "Hedy");
    fs::remove_file(present).unwrap();
    let present = env.dump("db.sqlite");
    assert!(restored(&env).contains("Hedy"));
    let drill = env.run("drill --json").succeeds();
    let present_name = present.file_name().unwrap().to_str().unwrap();
    assert!(drill.stdout.contains(present_name), "{drill:?}");
    let drill = env.run("drill --sample all").succeeds();
    assert!(!drill.stderr.contains("is dated after now"), "{drill:?}");
    fs::remove_file(&present).unwrap();
    let oldest = restored(&env);
    assert!(
        !oldest.contains("Hedy") && oldest.contains("is dated after now"),
        "{oldest}"
    );
    let drill = env.run("drill").succeeds();
    let said = "is dated after now; it is drilled because no earlier dump of db is good";
    assert!(drill.stderr.contains(said), "{drill:?}");
    assert!(ahead.exists());
}

/// Overwrites the last bytes of a dump.
fn overwrite_end(dump: &Path) {
    let file = File::options().write(true).open(dump).unwrap();
    let end = file.metadata().unwrap().len() - 8;
    file.write_all_at(&[0; 8], end).unwrap();
}

/// The headers of earlier versions do not say how a zstd dump ends.
#[test]
#[ignore = "needs sqlite3"]
fn a_zstd_dump_whose_header_does_not_say_its_end_counts_by_its_length() {
    let env = Env::with_database();
    let new = env.dump("db.sqlite --compress zstd");
    let earlier = planted::changed(&new, |header| {
        assert!(header.end.take().is_some());
        header.time = planted::ago(100);
    });
    fs::remove_file(new).unwrap();
    env.run("status").succeeds();
    env.run("verify").succeeds();
    overwrite_end(&earlier);
    env.run("status").succeeds();
    env.run("verify").reports(1, "damaged");
}

#[test]
#[ignore = "needs sqlite3"]
fn a_visibly_damaged_dump_counts_for_nothing_and_stays() {
    let cut = |dump: &Path| {
        let file = File::options().write(true).open(dump).unwrap();
        file.set_len(file.metadata().unwrap().len() - 10).unwrap();
    };
    for (method, is_cut) in [
        ("gzip", true),
        ("zstd", true),
        ("gzip", false),
        ("zstd", false),
    ] {
        let env = Env::with_database();
        let dump = |seconds: i64| {
            let dump = env.dump(&format!("db.sqlite --compress {method}"));
            set_date(&dump, seconds)
        };
        let good = [dump(400), dump(300)];
        insert(&env, "Hedy");
        let damaged = [dump(200), dump(100)];
        for dump in &damaged {
            if is_cut {
                cut(dump);
            } else {
                overwrite_end(dump);
            }
        }
        env.run("rotate --keep 2").succeeds();
        for dump in good.iter().chain(&damaged) {
            assert!(dump.exists(), "{method}: {}", dump.display());
        }
        for dump in &damaged {
            let name = dump.file_name().unwrap().to_str().unwrap();
            env.run("status").reports(1, name);
        }
        let oldest = restored(&env);
        assert!(
            !oldest.contains("Hedy") && oldest.contains("was skipped"),
            "{oldest}"
        );
        // After a good dump the damaged dumps still do not count, stay, and are reported.
        env.run("dump db.sqlite --keep 2").succeeds();
        assert!(!good[0].exists() && good[1].exists());
        assert!(damaged.iter().all(|dump| dump.exists()));
        env.run("status").reports(1, "cannot be used");
        for dump in &damaged {
            fs::remove_file(dump).unwrap();
        }
        env.run("status").succeeds();
    }
}

#[test]
#[ignore = "needs sqlite3"]
fn a_dump_of_a_damaged_index_gives_way_to_an_older_one() {
    let env = Env::with_database();
    let good = env.dump("db.sqlite");
    let before = database::contents(&env.path("db.sqlite"));
    let broken = env.path("broken.sqlite");
    fs::copy(env.path("db.sqlite"), &broken).unwrap();
    let db = Connection::open(&broken).unwrap();
    db.execute_batch(
        "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2), (3, 4); CREATE INDEX i ON t (a);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (b)' WHERE name = 'i';
         PRAGMA wal_checkpoint(TRUNCATE);",
    )
    .unwrap();
    drop(db);
    let bad = planted::with_content(&good, &fs::read(&broken).unwrap());
    set_date(&good, 3600);
    let bad_name = bad.file_name().unwrap().to_str().unwrap();
    env.run("verify").succeeds();
    env.run(&format!("restore {} new.sqlite", bad.display()))
        .fails(1, "damaged");
    let run = env.run("restore dump new.sqlite").succeeds();
    assert!(run.stderr.contains(bad_name), "{run:?}");
    assert_eq!(database::contents(&env.path("new.sqlite")), before);
}
