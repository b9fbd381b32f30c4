//! Output and where it goes: paths on stdout, JSON for programs, modes on the disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Env, Run, database, planted, skipped};

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn dumps_are_private_whatever_the_umask() {
    for journal_mode in ["WAL", "DELETE"] {
        let env = Env::new();
        drop(database::make_large(
            &env.path("db.sqlite"),
            journal_mode,
            100_000,
        ));
        let mut command = env.command("sh");
        command.args(["-c", "umask 0000; exec \"$@\"", "sh"]);
        command.args([crate::support::PROGRAM, "dump", "db.sqlite"]);
        let dump = Run::finish(&mut command).succeeds().paths().remove(0);
        assert_eq!(mode(&env.dumps()), 0o700);
        assert_eq!(mode(&dump), 0o600);
        assert_eq!(mode(&env.dumps().join(".dump-database.lock")), 0o600);
    }
}

#[test]
fn a_directory_someone_widened_stays_so() {
    for wanted in [0o755, 0o2750] {
        let env = Env::with_database();
        fs::create_dir(env.dumps()).unwrap();
        let permissions = fs::Permissions::from_mode(wanted);
        if let Err(error) = fs::set_permissions(env.dumps(), permissions) {
            // The sandbox of Nix builds does not allow setuid and setgid bits.
            assert!(wanted > 0o777, "{error}");
            skipped(&format!("cannot set the mode {wanted:o}: {error}"));
            continue;
        }
        let dump = env.dump("db.sqlite");
        assert_eq!(mode(&env.dumps()), wanted);
        assert_eq!(mode(&dump), 0o600);
    }
}

#[test]
fn stdout_has_the_published_paths_and_nothing_else() {
    let env = Env::with_database();
    database::make_small(&env.path("other one.sqlite"));
    let mut command = env.program("dump --log trace db.sqlite");
    let run = Run::finish(command.args(["other one.sqlite", "sqlite:missing.sqlite"]));
    let run = run.fails(1, "missing was not dumped");
    let paths = run.paths();
    let found: Vec<_> = env
        .names()
        .iter()
        .map(|name| env.dumps().join(name))
        .collect();
    assert_eq!(paths, found);
    assert!(
        paths[1].to_str().unwrap().contains("/other%20one-"),
        "{paths:?}"
    );
    assert!(run.stdout.ends_with('\n'));
    let quiet = env.run("dump db.sqlite --log off").succeeds();
    assert_eq!(quiet.stderr, "");
}

#[test]
fn where_dumps_go() {
    let env = Env::with_database();
    let state = env.path("state");
    let mut command = env.program("dump db.sqlite");
    let run = Run::finish(command.env("STATE_DIRECTORY", &state)).succeeds();
    assert!(run.paths()[0].starts_with(&state), "{run:?}");
    let run = Run::finish(command.arg("--to=other")).succeeds();
    assert!(run.paths()[0].starts_with(env.path("other")), "{run:?}");
    let run = Run::finish(
        env.program("dump db.sqlite")
            .env("DUMP_DATABASE_TO", "third"),
    );
    assert!(run.succeeds().paths()[0].starts_with(env.path("third")));
    assert!(!env.dumps().exists());
    let run = Run::finish(env.program("list").env("STATE_DIRECTORY", &state)).succeeds();
    assert_eq!(run.stdout.matches("last").count(), 1);
}

#[test]
fn a_closed_stdout_harms_no_dump() {
    let env = Env::with_database();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = env.program("dump db.sqlite");
    let child = command
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(command);
    let run = Run::end_of(child).succeeds();
    assert!(run.stderr.contains("cannot print it"), "{run:?}");
    env.run("verify").succeeds();
    let script = format!(
        "set -o pipefail; {} dump db.sqlite | head -0",
        crate::support::PROGRAM
    );
    Run::finish(env.command("bash").args(["-c", &script])).succeeds();
    assert_eq!(env.names().len(), 2);

    for args in [
        "list",
        "list --json",
        "verify",
        "rotate",
        "man",
        "completions bash",
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = env
            .program(args)
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn();
        let run = Run::end_of(child.unwrap());
        // An unfinished verification or rotation must not look like a finished one.
        if args == "verify" || args == "rotate" {
            run.fails(1, "Broken pipe");
        } else {
            assert_eq!(run.succeeds().stderr, "", "{args}");
        }
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let child = env
            .program(args)
            .stdout(full)
            .stderr(Stdio::piped())
            .spawn();
        Run::end_of(child.unwrap()).fails(1, "No space left on device");
    }
}

fn json(run: &Run) -> Vec<Value> {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

fn keys(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn list_as_json() {
    let env = Env::with_database();
    fs::rename(env.path("db.sqlite"), env.path("my db.sqlite")).unwrap();
    let dump = |method: &str| {
        let mut command = env.program(&format!("dump --compress {method}"));
        Run::finish(command.arg("my db.sqlite"))
            .succeeds()
            .paths()
            .remove(0)
    };
    let made = [dump("gzip"), dump("zstd")];
    let old = planted::plant(&made[0], planted::time("2020-02-29T23:59:58Z"));
    let rows = json(&env.run("list --json --keep 2").succeeds());
    let paths: Vec<_> = rows
        .iter()
        .map(|row| PathBuf::from(row["path"].as_str().unwrap()))
        .collect();
    let [older, newer] = made;
    assert_eq!(paths, [newer, older, old], "newest first");
    for (row, path) in rows.iter().zip(&paths) {
        let wanted = [
            "database", "time", "path", "bytes", "format", "kind", "kept_by",
        ];
        assert_eq!(keys(row), wanted);
        assert_eq!(row["database"], "my db");
        assert_eq!(row["format"], "sqlite");
        assert_eq!(row["bytes"], path.metadata().unwrap().len());
        let time: jiff::Timestamp = row["time"].as_str().unwrap().parse().unwrap();
        assert_eq!(time, planted::header(path).time);
    }
    assert_eq!(rows[0]["kept_by"], serde_json::json!(["last"]));
    assert_eq!(rows[2]["kept_by"], serde_json::json!([]));
    assert_eq!(rows[2]["time"], "2020-02-29T23:59:58Z");
    fs::create_dir(env.path("empty")).unwrap();
    assert_eq!(
        json(&env.run("list empty --json").succeeds()),
        [Value::Null; 0]
    );
}

#[test]
fn list_for_people_ends_with_the_reach() {
    let env = Env::with_database();
    let dump = env.dump("db.sqlite");
    // The dumps are half a minute older than a whole number of minutes, so the printed ages stay
    // the same while this test runs.
    for hours in 1..=5 {
        planted::plant(&dump, planted::ago(3600 * hours + 90));
    }
    let run = env.run("list").succeeds();
    let lines: Vec<_> = run.stdout.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 1 + 6 + 1, "{run:?}");
    assert!(
        lines[7].starts_with("db: the kept dumps reach back 4h 1m; "),
        "{run:?}"
    );
    assert!(
        lines[7].ends_with("; --keep-daily 7 reaches back a week"),
        "{run:?}"
    );
    assert!(
        lines[6].ends_with("nothing: the next rotation removes it"),
        "{run:?}"
    );
    let run = env.run("list dump --keep 9 --keep-daily 7").succeeds();
    assert!(
        run.stdout.contains("db: the kept dumps reach back 5h 1m\n"),
        "{run:?}"
    );
    fs::write(
        env.dumps().join("db-20200101T000000Z.sqlite.gz"),
        "no header",
    )
    .unwrap();
    let run = env.run("list").succeeds();
    assert!(
        run.stderr
            .contains("db-20200101T000000Z.sqlite.gz is not listed"),
        "{run:?}"
    );
}

#[test]
fn verify_as_json() {
    let env = Env::with_database();
    let good = env.dump("db.sqlite");
    let bad = env.dump("db.sqlite");
    database::corrupt(&bad, 4200, 4);
    let run = env.run("verify --json").fails(1, "");
    let rows = json(&run);
    assert_eq!(rows.len(), 2, "{run:?}");
    assert_eq!(keys(&rows[0]), ["path", "good", "bytes"]);
    let path = env.path(rows[0]["path"].as_str().unwrap());
    assert_eq!(path, good);
    assert_eq!(
        rows[0]["bytes"],
        env.path("db.sqlite").metadata().unwrap().len()
    );
    assert_eq!(keys(&rows[1]), ["path", "good", "reason"]);
    assert_eq!(
        (&rows[0]["good"], &rows[1]["good"]),
        (&Value::Bool(true), &Value::Bool(false))
    );
    assert!(
        rows[1]["reason"]
            .as_str()
            .is_some_and(|why| !why.is_empty())
    );
}
