//! `survey`: the databases of a machine that nobody dumps.

mod units;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::servers::{KilledOnDrop, wait_for};
use crate::support::ended::end_within;
use crate::support::{Env, Run, database, set_mode, skipped};

/// Surveys these places below the directory of the test. Returns the answer.
pub(crate) fn survey(env: &Env, args: &str) -> Value {
    let run = env.run(&format!("survey --json --dumps dump {args}"));
    assert!(matches!(run.status, Some(0 | 1)), "{run:?}");
    serde_json::from_str(&run.stdout).unwrap()
}

/// Returns the rows of databases whose location contains `part`.
pub(crate) fn rows_at<'a>(answer: &'a Value, part: &str) -> Vec<&'a Value> {
    let rows = answer["databases"].as_array().unwrap().iter();
    rows.filter(|row| row["locations"].to_string().contains(part))
        .collect()
}

fn found(answer: &Value, env: &Env) -> Vec<String> {
    let rows = rows_at(answer, &env.root().display().to_string()).into_iter();
    let name = |row: &Value| row["locations"][0].as_str().unwrap().to_owned();
    let prefix = format!("{}/", env.root().canonicalize().unwrap().display());
    let mut all: Vec<_> = rows.map(|row| name(row).replace(&prefix, "")).collect();
    all.sort();
    all
}

#[test]
fn files_are_found_by_their_first_bytes_and_told_from_dumped_ones() {
    let env = Env::with_database();
    fs::create_dir_all(env.path("a/b/c")).unwrap();
    database::make_small(&env.path("a/b/c/no extension"));
    fs::write(env.path("a/empty.db"), "").unwrap();
    fs::write(env.path("a/text.sqlite"), "SQLite format 2\0".repeat(64)).unwrap();
    fs::create_dir_all(env.path("a/.cache")).unwrap();
    database::make_small(&env.path("a/.cache/thumbnails.db"));
    env.run("survey --dumps dump . --ignore *no*extension")
        .fails(1, "nobody dumps: ");
    let answer = survey(&env, ".");
    assert_eq!(found(&answer, &env), ["a/b/c/no extension", "db.sqlite"]);
    assert_eq!(answer["complete"], true);

    env.dump("db.sqlite");
    let answer = survey(&env, ".");
    let row = rows_at(&answer, "db.sqlite")[0];
    assert_eq!(
        (&row["covered"], &row["engine"]),
        (&true.into(), &"SQLite".into())
    );
    assert!(row["newest"].is_string(), "{row}");
    let directory = row["directories"][0].as_str().unwrap();
    assert_eq!(Path::new(directory), env.path("dump"));
    assert_eq!(rows_at(&answer, "no extension")[0]["covered"], false);
    let run = env.run("survey --dumps dump .");
    let run = run.fails(1, "nobody dumps: ");
    let line = run
        .stdout
        .lines()
        .find(|line| line.contains("no extension"));
    assert!(line.unwrap().ends_with("never        NO"), "{run:?}");

    // Dumps of another file of the same name do not cover it.
    fs::rename(env.path("db.sqlite"), env.path("a/db.sqlite")).unwrap();
    let answer = survey(&env, "a");
    assert_eq!(rows_at(&answer, "db.sqlite")[0]["covered"], false);
}

#[test]
fn what_is_no_file_is_not_opened_and_no_symlink_is_followed() {
    let env = Env::new();
    fs::create_dir_all(env.path("place/below")).unwrap();
    fs::create_dir(env.path("outside")).unwrap();
    database::make_small(&env.path("outside/secret.db"));
    symlink(env.path("outside"), env.path("place/link")).unwrap();
    symlink(env.path("outside/secret.db"), env.path("place/file.db")).unwrap();
    symlink(env.path("place"), env.path("place/below/loop")).unwrap();
    let mkfifo = Command::new("mkfifo")
        .arg(env.path("place/pipe.db"))
        .status();
    assert!(mkfifo.unwrap().success());
    let _socket = UnixListener::bind(env.path("place/socket.db")).unwrap();
    if rustix::process::geteuid().is_root() {
        // A device whose opening waits or acts: the terminal of nobody.
        let mut mknod = Command::new("mknod");
        mknod
            .arg(env.path("place/device.db"))
            .args(["c", "10", "130"]);
        mknod.status().unwrap();
    }
    let answer = survey(&env, "place --timeout 20s");
    assert_eq!(found(&answer, &env), [""; 0]);
    assert_eq!(answer["complete"], true);
    // A place that the user names may be a symlink.
    let answer = survey(&env, "place/link");
    assert_eq!(found(&answer, &env), ["outside/secret.db"]);
}

#[test]
fn what_was_not_looked_at_is_said() {
    let env = Env::new();
    let mut deep = env.path("place");
    for _ in 0..50 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    database::make_small(&deep.join("deep.db"));
    let run = env.run("survey place missing --dumps dump");
    assert!(run.stderr.contains("it lies too deep"), "{run:?}");
    assert_eq!(found(&survey(&env, "place"), &env), [""; 0]);
    let answer = survey(&env, "place --timeout 1ms");
    assert_eq!(answer["complete"], false, "{answer}");
    env.run("survey place --timeout 1ms")
        .fails(1, "the survey is not complete");
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // What another user may not enter is said.
    fs::create_dir(env.path("closed")).unwrap();
    set_mode(env.root(), 0o755);
    set_mode(&env.path("closed"), 0o700);
    let mut other = env.command("setpriv");
    other.args(["--reuid=1234", "--regid=1234", "--clear-groups", "--"]);
    let program = env.path("program");
    fs::copy(crate::support::PROGRAM, &program).unwrap();
    set_mode(&program, 0o755);
    let run = Run::finish(other.arg(&program).args(["survey", "."]));
    assert!(run.stderr.contains("closed: Permission denied"), "{run:?}");
}

/// The owner of a home makes the list of what is found long.
#[test]
fn a_list_without_end_is_cut_and_said() {
    let env = Env::new();
    fs::create_dir_all(env.path("place/many")).unwrap();
    // A path of 4400 bytes, in two halves, because the system takes none that is so long.
    let long = vec!["d".repeat(200); 11].join("/");
    for half in ["place", "half"] {
        fs::create_dir_all(env.path(half).join(&long)).unwrap();
    }
    fs::rename(env.path("half"), env.path("place").join(&long).join("half")).unwrap();
    let run = env.run("survey place");
    assert!(run.stderr.contains("its path is too long"), "{run:?}");
    let mut page = b"SQLite format 3\0".to_vec();
    page.resize(512, 0);
    for number in 0..=20_000 {
        fs::write(env.path(format!("place/many/{number}.db")), &page).unwrap();
    }
    let answer = survey(&env, "place");
    assert_eq!(found(&answer, &env).len(), 20_000);
    assert_eq!(answer["complete"], false);
    env.run("survey place --timeout 10m").fails(
        1,
        "not complete: there are more than 20000 SQLite databases",
    );
}

#[test]
fn status_names_what_the_recorded_survey_found() {
    let env = Env::with_database();
    fs::create_dir(env.path("place")).unwrap();
    database::make_small(&env.path("place/forgotten.db"));
    env.dump("db.sqlite");
    let status = || {
        let run = env.start("status dump --survey survey.json");
        let run = end_within(Duration::from_secs(20), run);
        assert_eq!(run.status, Some(0), "{run:?}");
        run.stderr
    };
    assert!(!status().contains("nobody dumps"), "{}", status());
    // Servers of other tests run meanwhile, and a message names ten databases.
    let record = "survey place db.sqlite --dumps dump --record survey.json --ignore *.s.PGSQL.*,*/s,*sock*,*:*";
    env.run(record).fails(1, "nobody dumps: ");
    let said = status();
    assert!(said.contains("nobody dumps: "), "{said}");
    assert!(said.contains("place/forgotten.db"), "{said}");
    assert!(!said.contains("db.sqlite"), "{said}");
    let silent = env.run("status dump --survey survey.json --no-survey");
    assert!(!silent.stderr.contains("nobody dumps"), "{silent:?}");
    // The names of other users' files are for the user who looked for them.
    let mode = fs::metadata(env.path("survey.json")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);

    // Dumped, and surveyed again.
    env.run("dump place/forgotten.db --to dump").succeeds();
    assert!(status().contains("place/forgotten.db"), "{}", status());
    env.run(record);
    assert!(!status().contains("place/forgotten.db"), "{}", status());

    // What its owner put in the place of a record is neither waited for nor followed.
    fs::remove_file(env.path("survey.json")).unwrap();
    let mkfifo = Command::new("mkfifo").arg(env.path("survey.json")).status();
    assert!(mkfifo.unwrap().success());
    assert!(
        status().contains("it is not a regular file"),
        "{}",
        status()
    );
    fs::remove_file(env.path("survey.json")).unwrap();
    symlink("/etc/passwd", env.path("survey.json")).unwrap();
    assert!(status().contains("cannot read the record"), "{}", status());
    env.run("survey place --record missing/survey.json").fails(
        1,
        "cannot write the record of the survey missing/survey.json",
    );
}

#[test]
fn a_server_without_an_engine_is_named() {
    let env = Env::new();
    // A process is known by its name; Debian has no MongoDB.
    let python = fs::canonicalize("/usr/bin/python3");
    let Ok(python) = python else {
        skipped("no Python");
        return;
    };
    fs::copy(python, env.path("mongod")).unwrap();
    let listen = "import socket,time\ns=socket.socket(socket.AF_UNIX)\ns.bind('mongodb-27017.sock')\ns.listen()\ntime.sleep(600)";
    let mut mongod = env.command(env.path("mongod"));
    mongod
        .env("PYTHONHOME", "/usr")
        .args(["-c", listen])
        .stdout(Stdio::null());
    let _mongod = KilledOnDrop(mongod.spawn().unwrap());
    wait_for("its socket", || env.path("mongodb-27017.sock").exists());
    let row = || {
        let answer = survey(&env, "missing");
        let rows = rows_at(&answer, "mongodb-27017.sock");
        rows.first().map(|row| (*row).clone())
    };
    wait_for("that it listens", || row().is_some());
    let row_before = row().unwrap();
    assert_eq!(row_before["engine"], "MongoDB");
    assert_eq!(row_before["supported"], false);
    assert_eq!(row_before["covered"], false);
    let remark = row_before["remark"].as_str().unwrap();
    assert!(remark.contains("dump --name NAME -- PROGRAM"), "{remark}");

    // The dumps of its own program cover it.
    fs::write(env.path("mongodump"), "#!/bin/sh\necho archive\n").unwrap();
    set_mode(&env.path("mongodump"), 0o755);
    let program = env.path("mongodump").display().to_string();
    env.run(&format!("dump --name mongo -- {program}"))
        .succeeds();
    assert_eq!(row().unwrap()["covered"], true);
}
