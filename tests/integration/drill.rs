//! Drills of SQLite dumps: restored, compared, recorded. Those of servers are beside their tests.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Env, Run, database, names, planted, wait_until};
use dump_database::header::Rows;

fn json(env: &Env, args: &str) -> Vec<Value> {
    serde_json::from_str(&env.run(&format!("drill --json {args}")).stdout).unwrap()
}

#[test]
fn a_good_dump_passes_and_status_tells() {
    let env = Env::with_database();
    fs::create_dir(env.path("scratch")).unwrap();
    env.dump("db.sqlite");
    let dump = env.dump("db.sqlite");
    assert!(env.run("status").succeeds().stdout.contains("never"));
    let run = env.run("drill --scratch scratch").succeeds();
    assert_eq!(run.stdout.lines().count(), 1);
    let start = format!("{}: restored in ", dump.display());
    assert!(run.stdout.starts_with(&start), "{run:?}");
    assert!(
        run.stdout.contains("each as many as were dumped"),
        "{run:?}"
    );
    assert!(names(&env.path("scratch")).is_empty());

    let status = env.run("status --json").succeeds().stdout;
    let rows: Vec<Value> = serde_json::from_str(&status).unwrap();
    let drill = &rows[0]["drill"];
    assert_eq!(drill["dump"], dump.file_name().unwrap().to_str().unwrap());
    assert!(drill["seconds"].as_f64().unwrap() > 0.0 && drill["error"].is_null());

    assert_eq!(json(&env, "--sample all").len(), 2);
    assert_eq!(json(&env, "--sample 1").len(), 1);
    assert_eq!(json(&env, &dump.display().to_string())[0]["passed"], true);
    env.run("drill --sample some")
        .fails(2, "newest, all or a number");
    env.run("drill missing").fails(1, "cannot drill missing");
    let run = env.run("drill --scratch missing");
    assert_eq!(run.status, Some(1), "{run:?}");
    let sentence = "FAILED: cannot make a directory in missing";
    assert!(run.stdout.contains(sentence), "{run:?}");
}

/// Drilling one database takes longer than the next one's dump stays.
#[test]
fn what_came_in_the_place_of_a_dump_that_was_rotated_out_is_drilled() {
    let env = Env::new();
    drop(database::large(&env.path("a.sqlite"), "DELETE", 60_000_000));
    database::small(&env.path("z.sqlite"));
    fs::create_dir(env.path("scratch")).unwrap();
    let dump = "dump --keep 1 --log error";
    env.run(&format!("{dump} a.sqlite z.sqlite")).succeeds();
    let drill = env.start("drill --scratch scratch");
    wait_until(|| !names(&env.path("scratch")).is_empty());
    let newer = env.run(&format!("{dump} z.sqlite")).succeeds().paths();
    let drill = Run::end_of(drill).succeeds();
    assert!(drill.stderr.contains("was removed meanwhile"), "{drill:?}");
    let newer = format!("{}: restored in ", newer[0].display());
    assert!(drill.stdout.contains(&newer), "{drill:?}");
    let status: Vec<Value> = serde_json::from_str(&env.run("status --json").stdout).unwrap();
    assert!(
        status.iter().all(|row| row["drill"].is_object()),
        "{status:?}"
    );
}

#[test]
fn the_copy_that_a_killed_drill_left_goes_and_nothing_else() {
    const MARK: &str = ".dump-database-drill";
    let env = Env::with_database();
    env.dump("db.sqlite");
    let scratch = env.path("scratch");
    let [left, busy, unmarked] = ["000000000000", "busyBUSY0000", "unmarked0000"]
        .map(|random| format!("dump-database-drill-{random}"));
    // Whatever its owner called it so for.
    let named = "dump-database-drill-work".to_owned();
    for name in [&left, &busy, &unmarked, &named] {
        fs::create_dir_all(scratch.join(name)).unwrap();
        fs::write(scratch.join(name).join("copy"), "data").unwrap();
        let made = File::open(scratch.join(name)).unwrap();
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        if *name != unmarked {
            fs::write(scratch.join(name).join(MARK), "").unwrap();
        }
        made.set_modified(hour_ago).unwrap();
    }
    let held = File::open(scratch.join(&busy)).unwrap();
    held.lock().unwrap();
    env.run("drill --scratch scratch").succeeds();
    assert_eq!(names(&scratch), [busy, unmarked, named]);
}

#[test]
fn rows_and_tables_that_are_not_as_they_were_fail_it() {
    let env = Env::with_database();
    let dump = env.dump("db.sqlite");
    let facts = planted::header(&dump).facts;
    assert!(
        facts
            .tables
            .iter()
            .all(|(_, rows)| matches!(rows, Some(Rows::Exact(_))))
    );
    for (wrong, sentence) in [
        ("rows", " rows and had 12345"),
        ("table", "the table other is missing"),
        ("count", "tables and were 77"),
    ] {
        let planted = planted::changed(&dump, |header| {
            header.time = planted::ago(60);
            match wrong {
                "rows" => header.facts.tables[0].1 = Some(Rows::Exact(12345)),
                "table" => header.facts.tables[0].0 = "other".to_owned(),
                _ => header.facts.table_count = 77,
            }
        });
        env.run(&format!("verify {}", planted.display())).succeeds();
        let run = env.run(&format!("drill {}", planted.display()));
        assert_eq!(run.status, Some(1), "{run:?}");
        assert!(run.stdout.contains(sentence), "{wrong}: {run:?}");
        let status = env.run("status").fails(1, "db (the last drill failed: ");
        assert!(status.stdout.contains("FAILED"), "{status:?}");
        // The first failure of a run outlives what passes after it.
        env.run("drill --sample all").fails(1, "");
        env.run("status").fails(1, "the last drill failed");
        fs::remove_file(planted).unwrap();
    }
    env.run("drill").succeeds();
    env.run("status").succeeds();
}

#[test]
fn a_database_whose_indexes_lie_verifies_and_fails_its_drill() {
    let env = Env::new();
    let db = env.path("db.sqlite");
    let connection = Connection::open(&db).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t (a, b);
             WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 50)
             INSERT INTO t SELECT i, i FROM n; CREATE INDEX on_b ON t (b)",
        )
        .unwrap();
    drop(connection);
    let good = env.dump("db.sqlite");
    env.run("drill").succeeds();
    let connection = Connection::open(&db).unwrap();
    connection
        .execute_batch(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = 'CREATE INDEX on_b ON t (a + 1)' WHERE name = 'on_b';",
        )
        .unwrap();
    drop(connection);
    env.run("dump db.sqlite").fails(1, "corrupt");
    // As a dump made without looking would be.
    let image = fs::read(&db).unwrap();
    let bad = planted::with_content(&good, &image);
    env.run(&format!("verify {}", bad.display())).succeeds();
    let run = env.run(&format!("drill {}", bad.display()));
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(run.stdout.contains("corrupt"), "{run:?}");
}

#[test]
fn what_a_program_printed_is_left_out_and_damage_fails() {
    let env = Env::with_database();
    env.run("dump --name words -- echo hello").succeeds();
    let run = env.run("drill").succeeds();
    assert!(run.stdout.contains("not drilled"), "{run:?}");
    let dump = env.dump("db.sqlite");
    let bytes = fs::read(&dump).unwrap();
    fs::write(&dump, &bytes[..bytes.len() - 9]).unwrap();
    let run = Run::of(env.program("drill").arg(&dump));
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(
        run.stdout.contains("FAILED: it is no whole dump"),
        "{run:?}"
    );
}
