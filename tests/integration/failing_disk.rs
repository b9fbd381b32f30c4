//! Faults of the program that the fault campaign (`tests/faults`) once found.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::restore::failing::{refused, scene};
use crate::support::database::{self, contents};
use crate::support::strace::{self, Call, Traced};
use crate::support::{Env, Run, names};

/// A kernel that reports a write that it did not do.
#[test]
#[ignore = "needs strace"]
fn a_new_database_that_reads_back_differently_takes_no_name() {
    let (env, dump) = scene();
    let args = format!("restore {dump} new.sqlite");
    let (run, calls) = strace::run(&env, "write", &[], &args);
    run.succeeds();
    fs::remove_file(env.path("new.sqlite")).unwrap();
    let own = |call: &Call| call.is("write", ".restoring-");
    let written: Vec<_> = calls
        .iter()
        .filter(|call| call.name == "write")
        .enumerate()
        .filter(|(_, call)| own(call))
        .collect();
    assert!(!written.is_empty(), "{calls:?}");
    for (at, call) in written {
        let bytes = call.text.rsplit("= ").next().unwrap();
        let fault = format!("write:retval={bytes}:when={}", at + 1);
        let run = Run::finish(&mut strace::command(&env, Traced::All, &[&fault], &args));
        run.fails(1, "new.sqlite was not restored");
        assert!(!env.path("new.sqlite").exists());
    }
}

#[test]
#[ignore = "needs sqlite3"]
fn the_cause_of_a_failure_is_its_own() {
    let (env, dump) = scene();
    let before = contents(&env.path("old.sqlite"));
    for (fault, args, sentence) in [
        (
            "faccessat2:error=EIO",
            "dump db.sqlite",
            "cannot reach db.sqlite: Input/output error",
        ),
        (
            "getcwd:error=ENOMEM:when=1",
            "dump db.sqlite",
            "cannot find the absolute path of the directory dump",
        ),
        (
            "unlinkat:error=EIO",
            &format!("restore {dump} old.sqlite --replace"),
            " cannot be removed; stop that program first",
        ),
    ] {
        let run = Run::finish(&mut strace::command(&env, Traced::All, &[fault], args));
        run.fails(1, sentence);
    }
    assert_eq!(contents(&env.path("old.sqlite")), before);
}

/// SQLite reports a page that it cannot read as damage.
#[test]
#[ignore = "needs strace"]
fn a_disk_that_cannot_be_read_is_not_called_a_corrupt_database() {
    let env = Env::new();
    drop(database::make_large(
        &env.path("db.sqlite"),
        "DELETE",
        60_000,
    ));
    let mut told = 0;
    for at in 1..1000 {
        let fault = format!("pread64:error=EIO:when={at}");
        let mut dump = strace::command(&env, Traced::Temporary(0), &[&fault], "dump db.sqlite");
        let run = Run::finish(&mut dump);
        if run.status == Some(0) {
            assert!(told > 0, "no page was read while the database was checked");
            return;
        }
        let run = run.fails(1, "db was not dumped");
        if run.stderr.contains("error code=") {
            assert!(run.stderr.contains("cannot read "), "{run:?}");
            assert!(!run.stderr.contains("is corrupt"), "{run:?}");
            told += 1;
        }
    }
    panic!("strace fails calls that the program does not make");
}

/// SQLite reports a failing disk as a malformed database; a malformed database would be moved
/// aside.
#[test]
#[ignore = "needs sqlite3"]
fn what_a_failing_disk_holds_is_not_moved_aside() {
    let (env, dump) = scene();
    let old = env.path("old.sqlite");
    let before = contents(&old);
    let args = format!("restore {dump} old.sqlite --replace --to saved");
    let failing = ["pread64:error=EIO:when=5+", "read:error=EIO"];
    let run = Run::finish(&mut strace::command(
        &env,
        Traced::File("old.sqlite"),
        &failing,
        &args,
    ));
    run.fails(1, "move it away to restore in its place");
    assert_eq!(contents(&old), before);
    let names = names(env.root());
    assert!(
        names.iter().all(|name| !name.contains(".replaced-")),
        "{names:?}"
    );
}

/// The same, if the disk fails only for the log of the database.
#[test]
#[ignore = "needs strace"]
fn a_damaged_database_whose_log_cannot_be_read_is_not_moved_aside() {
    let (env, dump) = scene();
    let old = env.path("old.sqlite");
    fs::write(&old, "no database at all").unwrap();
    fs::write(env.path("old.sqlite-wal"), "a log").unwrap();
    let args = format!("restore {dump} old.sqlite --replace --to saved");
    let failing = ["read:error=EIO"];
    let log = Traced::File("old.sqlite-wal");
    let run = Run::finish(&mut strace::command(&env, log, &failing, &args));
    run.fails(1, "old.sqlite-wal, which is as it was");
    assert_eq!(fs::read(&old).unwrap(), b"no database at all");
    env.run(&args).succeeds();
    let names = names(env.root());
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("old.sqlite.replaced-")),
        "{names:?}"
    );
}

/// Checking whether the disk can read all of a database takes longer the larger it is.
#[test]
fn a_large_damaged_database_is_read_no_longer_than_allowed() {
    let (env, dump) = scene();
    let old = env.path("old.sqlite");
    let file = fs::File::create(&old).unwrap();
    file.set_len(1 << 42).unwrap(); // 4 TiB without content
    file.write_all_at(b"no database", 0).unwrap();
    drop(file);
    let run = env.run(&format!(
        "restore {dump} old.sqlite --replace --to saved --timeout 2s"
    ));
    run.fails(1, "--timeout");
    assert_eq!(old.metadata().unwrap().len(), 1 << 42);
}

#[test]
fn a_name_never_reaches_the_terminal_as_a_command() {
    let env = Env::with_database();
    fs::rename(env.path("db.sqlite"), env.path("a\u{1b}[2J\n.sqlite")).unwrap();
    let mut dump = env.program("dump");
    Run::finish(dump.arg(env.path("a\u{1b}[2J\n.sqlite"))).succeeds();
    for command in ["list", "list --json", "status", "rotate --keep 1"] {
        let run = env.run(command).succeeds();
        assert!(!run.stdout.contains('\u{1b}'), "{command}: {run:?}");
    }
    let escaped = "a\\u{1b}[2J\\n";
    for command in ["list", "status"] {
        let run = env.run(command).succeeds();
        assert!(run.stdout.contains(escaped), "{command}: {run:?}");
        let rows: serde_json::Value =
            serde_json::from_str(&env.run(&format!("{command} --json")).stdout).unwrap();
        assert_eq!(rows[0]["database"], "a\u{1b}[2J\n", "{command} --json");
    }
    // A record that another program wrote does not reach the terminal as a command either.
    let record = r#"{"databases":{"a%1B%5B2J%0A":{"attempt":{"time":"2100-01-01T00:00:00Z","error":"\u001b[2J"}}}}"#;
    fs::write(env.dumps().join(".dump-database.state"), record).unwrap();
    let run = env.run("status").reports(1, "the last run failed");
    assert!(
        !format!("{}{}", run.stdout, run.stderr).contains('\u{1b}'),
        "{run:?}"
    );
}

fn make_pipe(path: &Path) {
    let mode = Mode::from_raw_mode(0o600);
    mknodat(CWD, path, FileType::Fifo, mode, 0).unwrap();
}

#[test]
fn a_pipe_in_the_place_of_the_record_or_the_lock_is_not_waited_for() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    for (name, fails) in [
        (".dump-database.state", false),
        (".dump-database.lock", true),
    ] {
        fs::remove_file(env.dumps().join(name)).unwrap();
        make_pipe(&env.dumps().join(name));
        make_pipe(&env.dumps().join(".dump-database.state.new"));
        env.run("status").succeeds();
        let run = env.run("dump db.sqlite");
        if fails {
            run.fails(1, "remove it");
            continue;
        }
        run.succeeds();
        let state = fs::symlink_metadata(env.dumps().join(".dump-database.state")).unwrap();
        assert!(state.is_file() && state.len() > 2, "{state:?}");
    }
}

#[test]
fn a_pipe_is_no_dump() {
    let env = Env::with_database();
    make_pipe(&env.path("db-20260101T000000Z.sqlite.gz"));
    refused(
        &env,
        "restore db-20260101T000000Z.sqlite.gz new.sqlite",
        "is neither a dump nor a directory of dumps",
    );
}
