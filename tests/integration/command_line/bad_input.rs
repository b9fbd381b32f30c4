//! Sources that cannot be dumped: one clear sentence, the right exit status, and no file changed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::support::{Env, OWN, PROGRAM, Run, database, inventory, names, set_mode};

/// Runs `dump args` in a directory with a dump. Asserts that it fails with this status and this
/// sentence, in one line on stderr, and leaves every file as it was. Returns the line.
#[track_caller]
pub(crate) fn refused(env: &Env, args: &str, status: i32, sentence: &str) -> String {
    let mut command = env.program("dump");
    untouched(env, command.args(args.split_whitespace()), status, sentence)
}

#[track_caller]
pub(crate) fn untouched(
    env: &Env,
    command: &mut std::process::Command,
    status: i32,
    sentence: &str,
) -> String {
    let before = inventory(env.root());
    let run = Run::finish(command).fails(status, sentence);
    assert_eq!(run.stdout, "");
    assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
    assert_eq!(inventory(env.root()), before);
    run.stderr
}

/// Makes a good database with one dump.
pub(crate) fn dumped() -> Env {
    let env = Env::with_database();
    env.dump("db.sqlite");
    env
}

#[test]
fn a_source_that_is_missing() {
    let env = dumped();
    refused(
        &env,
        "missing.sqlite",
        1,
        "missing.sqlite does not exist; nothing was created",
    );
    refused(&env, "no/such/directory.sqlite", 1, "does not exist");
    refused(&env, "sqlite:missing.sqlite", 1, "does not exist");
    std::os::unix::fs::symlink("nowhere", env.path("dangling.sqlite")).unwrap();
    refused(&env, "dangling.sqlite", 1, "does not exist");
    refused(&env, "db.sqlite/below.sqlite", 1, "Not a directory");
}

#[test]
fn a_source_that_is_no_database() {
    let env = dumped();
    fs::create_dir(env.path("directory.sqlite")).unwrap();
    refused(&env, "directory.sqlite", 1, "is a directory");
    fs::write(env.path("empty.sqlite"), "").unwrap();
    refused(&env, "empty.sqlite", 1, "zero bytes");
    fs::write(
        env.path("text.sqlite"),
        "This is no database. ".repeat(1000),
    )
    .unwrap();
    refused(&env, "text.sqlite", 1, "is not an SQLite database");
    fs::write(env.path("short.sqlite"), "SQLite").unwrap();
    refused(&env, "short.sqlite", 1, "is not an SQLite database");
    fs::write(env.path("header.sqlite"), b"SQLite format 3\0").unwrap();
    refused(&env, "header.sqlite", 1, "header.sqlite");
    let _socket = UnixListener::bind(env.path("socket.sqlite")).unwrap();
    refused(&env, "socket.sqlite", 1, "not a regular file");
    refused(&env, "/dev/zero", 1, "not a regular file");
}

#[test]
fn a_corrupt_database_in_each_journal_mode() {
    let env = dumped();
    for mode in ["WAL", "DELETE"] {
        let page = env.path(format!("page-{mode}.sqlite"));
        drop(database::make_large(&page, mode, 100_000));
        database::corrupt(&page, 40_000, 2000);
        refused(&env, page.to_str().unwrap(), 1, "is corrupt");

        let schema = env.path(format!("schema-{mode}.sqlite"));
        drop(database::make_large(&schema, mode, 100_000));
        database::corrupt(&schema, 100, 20);
        refused(&env, schema.to_str().unwrap(), 1, "is corrupt");

        let cut = env.path(format!("cut-{mode}.sqlite"));
        drop(database::make_large(&cut, mode, 100_000));
        let length = fs::metadata(&cut).unwrap().len();
        fs::File::options()
            .write(true)
            .open(&cut)
            .unwrap()
            .set_len(length / 2)
            .unwrap();
        refused(&env, cut.to_str().unwrap(), 1, "is corrupt");
    }
}

#[test]
fn an_index_that_disagrees_with_its_table_is_corruption() {
    let env = dumped();
    let db = Connection::open(env.path("index.sqlite")).unwrap();
    db.execute_batch(
        "CREATE TABLE t (a INTEGER); CREATE INDEX i ON t (a); INSERT INTO t VALUES (1), (2), (3);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (-a)' WHERE name = 'i'",
    )
    .unwrap();
    drop(db);
    refused(&env, "index.sqlite", 1, "is corrupt");
}

#[test]
#[ignore = "needs sqlite3"]
fn a_database_locked_past_the_busy_timeout() {
    let env = dumped();
    for mode in ["DELETE", "WAL"] {
        let name = format!("locked-{mode}.sqlite");
        drop(database::make_large(&env.path(&name), mode, 10_000));
        let lock = database::Lock::exclusive(&env.path(&name));
        let begun = Instant::now();
        let line = refused(
            &env,
            &format!("{name} --busy-timeout 300ms"),
            1,
            "was locked by process ",
        );
        assert!(line.contains("--busy-timeout"), "{line}");
        let line = refused(&env, &format!("{name} --timeout 300ms"), 1, "--timeout");
        assert!(!line.contains("busy"), "{line}");
        assert!(begun.elapsed() < Duration::from_secs(15), "each gives up");
        drop(lock);
        env.dump(&name);
    }
}

#[test]
fn a_database_that_another_user_may_not_read() {
    let env = dumped();
    let program = env.path("program");
    fs::copy(PROGRAM, &program).unwrap();
    set_mode(env.root(), 0o755);
    set_mode(&env.path("db.sqlite"), 0o600);
    let as_nobody = |args: &str| {
        let mut command = if rustix::process::geteuid().is_root() {
            let mut setpriv = env.command("setpriv");
            setpriv
                .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
                .arg(&program);
            setpriv
        } else {
            set_mode(&env.path("db.sqlite"), 0);
            env.command(&program)
        };
        command.args(args.split_whitespace());
        command
    };
    if env.path("db.sqlite").metadata().unwrap().uid() == 0 {
        untouched(
            &env,
            &mut as_nobody("dump db.sqlite"),
            1,
            "cannot open the dump directory",
        );
        untouched(
            &env,
            &mut as_nobody("dump --to other --name x -- echo x"),
            1,
            "cannot create",
        );
        std::os::unix::fs::chown(env.dumps(), Some(65534), Some(65534)).unwrap();
        for own in OWN {
            fs::remove_file(env.dumps().join(own)).unwrap();
        }
    }
    untouched(
        &env,
        &mut as_nobody("dump db.sqlite"),
        1,
        "may not be read by this user",
    );
}

#[test]
fn one_database_failing_does_not_stop_the_others() {
    let env = dumped();
    database::make_small(&env.path("first.sqlite"));
    database::make_small(&env.path("last.sqlite"));
    fs::write(env.path("bad.sqlite"), "no database").unwrap();
    let run = env.run("dump first.sqlite missing.sqlite bad.sqlite last.sqlite");
    let run = run.fails(1, "error: missing  FAILED  ");
    for reason in [
        "missing.sqlite does not exist",
        "bad.sqlite is not an SQLite database",
    ] {
        assert_eq!(run.stderr.matches(reason).count(), 1, "{run:?}");
    }
    let published = run.paths();
    assert_eq!(published.len(), 2, "{run:?}");
    for (path, name) in published.iter().zip(["first-", "last-"]) {
        assert!(
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(name)
        );
        env.run(&format!("verify {}", path.display())).succeeds();
    }
    let last = run.stderr.lines().last().unwrap_or_default();
    assert!(
        last.contains("missing") && last.contains("bad"),
        "the last line says which: {run:#?}"
    );
}

#[test]
fn no_directory_comes_into_being_for_what_is_not_there() {
    let env = Env::new();
    fs::write(env.path("empty.sqlite"), "").unwrap();
    let run = env.run("dump missing.sqlite empty.sqlite");
    let run = run.fails(1, "missing was not dumped: ");
    assert!(
        run.stderr.contains("empty.sqlite has zero bytes"),
        "{run:?}"
    );
    assert_eq!(names(env.root()), ["empty.sqlite"]);
}
