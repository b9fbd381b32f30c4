//! Drills of SQLite dumps: restored, compared, recorded. The drills of servers are next to the
//! other tests of the servers.

use std::fs::{self, File};
use std::io::{PipeReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Env, OWN, Run, database, names, planted, wait_until};
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
    fs::create_dir(env.path("empty")).unwrap();
    let run = env
        .run("drill dump empty")
        .fails(1, "there are no dumps to drill in empty");
    assert!(run.stdout.contains("restored in"), "{run:?}");
    let run = env.run("drill --scratch missing");
    assert_eq!(run.status, Some(1), "{run:?}");
    let sentence = "FAILED: cannot make a directory in missing";
    assert!(run.stdout.contains(sentence), "{run:?}");
}

/// Starts a drill that blocks after its first dump, the one of `a`: its stdout is a full pipe that
/// nothing reads yet.
fn held_after_the_first(env: &Env, args: &str) -> (Child, PipeReader) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all("\n".repeat(65536).as_bytes()).unwrap();
    let mut drill = env.program(&format!("drill {args}"));
    drill.stdout(writer).stderr(Stdio::piped());
    let child = drill.spawn().unwrap();
    let state = env.dumps().join(OWN[1]);
    wait_until(|| fs::read_to_string(&state).is_ok_and(|text| text.contains("\"drill\"")));
    (child, reader)
}

/// Reads what the drill printed, and returns how it ended.
fn released((child, mut reader): (Child, PipeReader)) -> Run {
    let mut stdout = String::new();
    reader.read_to_string(&mut stdout).unwrap();
    let run = Run::end_of(child);
    Run {
        stdout: stdout.trim_start().to_owned(),
        ..run
    }
}

/// Makes and dumps the databases `a` and `z`.
fn make_two() -> (Env, [PathBuf; 2]) {
    let env = Env::new();
    database::make_small(&env.path("a.sqlite"));
    database::make_small(&env.path("z.sqlite"));
    let dumps = env.run("dump a.sqlite z.sqlite").succeeds().paths();
    (env, dumps.try_into().unwrap())
}

fn drilled(env: &Env) -> Vec<(String, bool)> {
    let status: Vec<Value> = serde_json::from_str(&env.run("status --json").stdout).unwrap();
    let rows = status.iter().map(|row| {
        let failed = row["drill"]["error"].is_string();
        assert!(!failed, "{row}");
        (
            row["database"].as_str().unwrap().to_owned(),
            row["drill"].is_object(),
        )
    });
    rows.collect()
}

#[test]
fn what_came_in_the_place_of_a_dump_that_was_rotated_out_is_drilled() {
    let (env, _) = make_two();
    let held = held_after_the_first(&env, "");
    let newer = env.dump("z.sqlite --keep 1");
    let run = released(held).succeeds();
    assert!(
        run.stderr.contains("was removed while this command ran"),
        "{run:?}"
    );
    let newer = format!("{}: restored in ", newer.display());
    assert!(run.stdout.contains(&newer), "{run:?}");
    assert_eq!(
        drilled(&env),
        [("a".to_owned(), true), ("z".to_owned(), true)]
    );
}

#[test]
fn a_database_whose_dumps_all_vanish_meanwhile_fails_no_drill() {
    let (env, [_, z]) = make_two();
    let held = held_after_the_first(&env, "");
    fs::remove_file(z).unwrap();
    let run = released(held).succeeds();
    assert!(
        run.stderr.contains("was removed while this command ran"),
        "{run:?}"
    );
    assert_eq!(run.stdout.matches("restored in").count(), 1, "{run:?}");
    assert_eq!(
        drilled(&env),
        [("a".to_owned(), true), ("z".to_owned(), false)]
    );
}

#[test]
fn a_dump_that_was_asked_for_and_vanished_fails_and_nothing_else_is_drilled_for_it() {
    let (env, [a, z]) = make_two();
    let other = env.dump("a.sqlite");
    let paths = [&a, &z, &other].map(|path| path.display().to_string());
    let held = held_after_the_first(&env, &paths.join(" "));
    let newer = env.dump("z.sqlite --keep 1");
    let run = released(held).fails(1, "");
    let gone = format!(
        "{}: FAILED: it was removed while this command ran",
        z.display()
    );
    assert!(run.stdout.contains(&gone), "{run:?}");
    assert!(!run.stdout.contains(&*newer.to_string_lossy()), "{run:?}");
    assert_eq!(run.stdout.matches("restored in").count(), 2, "{run:?}");
    assert_eq!(
        drilled(&env),
        [("a".to_owned(), true), ("z".to_owned(), false)]
    );
}

#[test]
fn what_a_drill_says_is_no_command_to_the_terminal() {
    let env = Env::new();
    let path = env.path("a.sqlite");
    let db = database::make_small(&path);
    db.execute_batch("CREATE TABLE \"t\u{1b}[2J\" (x)").unwrap();
    let dump = planted::changed(&env.dump("a.sqlite"), |header| {
        header.time = planted::ago(60);
        for (_, rows) in &mut header.facts.tables {
            *rows = Some(Rows::Exact(77));
        }
    });
    let run = env.run(&format!("drill {}", dump.display()));
    assert!(
        run.stdout.contains("t\\u{1b}[2J has 0 rows and had 77"),
        "{run:?}"
    );
    assert!(!run.stdout.contains('\u{1b}'), "{run:?}");
}

#[test]
fn the_copy_that_a_killed_drill_left_goes_and_nothing_else() {
    const MARK: &str = ".dump-database-drill";
    let env = Env::with_database();
    env.dump("db.sqlite");
    let scratch = env.path("scratch");
    let [left, busy, unmarked] = ["000000000000", "busyBUSY0000", "unmarked0000"]
        .map(|random| format!("dump-database-drill-{random}"));
    // A directory whose name only resembles that of a drill.
    let named = "dump-database-drill-work".to_owned();
    for name in [&left, &busy, &unmarked, &named] {
        fs::create_dir_all(scratch.join(name)).unwrap();
        fs::write(scratch.join(name).join("copy"), "data").unwrap();
        let made = File::open(scratch.join(name)).unwrap();
        let hour_ago = SystemTime::now() - Duration::from_hours(1);
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
        ("count", "table and had 77"),
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
        let status = env.run("status").reports(1, "the last drill failed: ");
        assert!(status.stdout.contains("FAILED"), "{status:?}");
        // The first failure of a run stays recorded when later dumps pass.
        env.run("drill --sample all").fails(1, "");
        env.run("status").reports(1, "the last drill failed");
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
    // A dump of the damaged database, as if it had been made without a check.
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
    let run = Run::finish(env.program("drill").arg(&dump));
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(
        run.stdout.contains("FAILED: it is not a complete dump"),
        "{run:?}"
    );
}

#[test]
fn a_scratch_directory_in_which_another_user_can_rename_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let env = Env::with_database();
    env.dump("db.sqlite");
    for (mode, owner, because) in [
        (0o755, 65534, "belongs to user 65534"),
        (0o1777, 65534, "belongs to user 65534"),
        (0o777, 0, "is writable by others and not sticky"),
        (0o770, 0, "is writable by others and not sticky"),
    ] {
        let parent = env.path("parent");
        fs::create_dir_all(parent.join("scratch")).unwrap();
        let group = if mode == 0o770 { 65534 } else { 0 };
        std::os::unix::fs::chown(&parent, Some(owner), Some(group)).unwrap();
        fs::set_permissions(&parent, fs::Permissions::from_mode(mode)).unwrap();
        for scratch in ["parent", "parent/scratch"] {
            let run = env.run(&format!("drill --scratch {scratch}")).fails(1, "");
            let said = format!("parent {because}");
            assert!(run.stdout.contains(&said), "{scratch} {mode:o}: {run:?}");
        }
        fs::remove_dir_all(&parent).unwrap();
    }
    let parent = env.path("parent");
    fs::create_dir(&parent).unwrap();
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o1777)).unwrap();
    env.run("drill --scratch parent").succeeds();
}
