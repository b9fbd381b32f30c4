//! A database under two names: its log or its journal has the name that the database's program uses,
//! not the name that the dump uses.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rusqlite::Connection;

use crate::support::database::{contents, make_large, make_small, scalar};
use crate::support::writer::killed;
use crate::support::{Env, namespace};

const COMMIT: &str = "CREATE TABLE newest (x); INSERT INTO newest VALUES (1);";

/// A program, in another process, that has a database open and committed to it.
struct User(Child);

impl User {
    fn start(path: &Path, sql: &str) -> Self {
        let mut child = Command::new("sqlite3")
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sqlite3 is installed");
        writeln!(child.stdin.as_mut().unwrap(), "{sql}\nSELECT 'done';").unwrap();
        let output = std::io::BufReader::new(child.stdout.as_mut().unwrap());
        let mut lines = std::io::BufRead::lines(output);
        assert!(lines.any(|line| line.unwrap() == "done"), "{sql}");
        User(child)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.0.kill().expect("it was started here");
        self.0.wait().expect("it was started here");
    }
}

/// Makes `db.sqlite`, a database that no program uses, with a second name in another directory.
fn make_linked() -> Env {
    let env = Env::with_database();
    std::fs::create_dir(env.path("other")).unwrap();
    std::fs::hard_link(env.path("db.sqlite"), env.path("other/db.sqlite")).unwrap();
    env
}

#[test]
#[ignore = "needs sqlite3"]
fn a_hard_link_that_its_program_uses() {
    let env = make_linked();
    let user = User::start(&env.path("other/db.sqlite"), COMMIT);
    env.run("dump db.sqlite").fails(1, "under another name");
    // A second program that uses this name does not make the commits of the first program visible.
    let reader = User::start(&env.path("db.sqlite"), "SELECT count(*) FROM person;");
    env.run("dump db.sqlite").fails(1, "under another name");
    drop(reader);
    assert!(env.names().is_empty());
    // Under the name that its program uses, the database is complete.
    env.dump("other/db.sqlite");
    drop(user);
}

#[test]
#[ignore = "needs sqlite3"]
fn a_hard_link_whose_program_is_gone() {
    let env = make_linked();
    killed(&env.path("other/db.sqlite"), COMMIT);
    env.run("dump db.sqlite")
        .fails(1, "has 2 names (hard links)");
    assert!(env.names().is_empty());
    env.dump("other/db.sqlite");
}

#[test]
#[ignore = "needs sqlite3"]
fn a_mount_of_the_single_file() {
    let env = Env::with_database();
    std::fs::create_dir(env.path("other")).unwrap();
    let script = format!(
        "touch other/db.sqlite; mount --bind db.sqlite other/db.sqlite
         fails() {{
           if dump-database dump $1 --to dump 2>said; then echo $2; exit 9; fi
           grep -q \"$3\" said || {{ cat said; echo $2; exit 9; }}
         }}
         mkfifo hold; sqlite3 other/db.sqlite <hold & exec 3>hold
         echo \"{COMMIT}\" >&3; until test -s other/db.sqlite-wal; do sleep 0.05; done
         fails db.sqlite 'the first name, used' 'under another name'
         exec 3>&-; wait
         (echo \"{COMMIT}\" | sed s/newest/more/g; echo '.system kill -9 $PPID') | sqlite3 other/db.sqlite || true
         test -s other/db.sqlite-wal
         fails db.sqlite 'the first name, at rest' 'is mounted as a single file'
         dump-database dump other/db.sqlite --to dump --name other
         rm -f other/db.sqlite-wal other/db.sqlite-shm
         (echo \"{COMMIT}\" | sed s/newest/again/g; echo '.system kill -9 $PPID') | sqlite3 db.sqlite || true
         test -s db.sqlite-wal
         fails other/db.sqlite 'the second name, at rest' 'is mounted as a single file'
         dump-database dump db.sqlite --to dump"
    );
    let Some(run) = namespace::run(&env, &script) else {
        return;
    };
    run.succeeds();
}

/// None of these cases is a second name.
#[test]
#[ignore = "needs sqlite3"]
fn no_false_alarm() {
    let env = Env::new();
    let path = env.path("db.sqlite");
    drop(make_large(&path, "WAL", 100_000));
    env.dump("db.sqlite");
    let users: Vec<_> = (0..3)
        .map(|_| User::start(&path, "SELECT count(*) FROM blob;"))
        .collect();
    env.dump("db.sqlite");
    let here = Connection::open(&path).unwrap();
    here.execute_batch("CREATE TABLE more (x)").unwrap();
    env.dump("db.sqlite");
    drop(users);
    env.dump("db.sqlite");
    drop(here);
    // The database has two names, and its program uses this one, or left a log under it.
    std::fs::hard_link(&path, env.path("second")).unwrap();
    let user = User::start(&path, "INSERT INTO more VALUES (1);");
    env.dump("db.sqlite");
    drop(user);
    env.dump("db.sqlite");
    // Without a log and without a journal a second name does no harm.
    let rollback = env.path("rollback.sqlite");
    let writer = make_large(&rollback, "DELETE", 10_000);
    std::fs::hard_link(&rollback, env.path("third")).unwrap();
    dumps_silently(&env, "rollback.sqlite");
    // Nor does a journal that a program at work, or the mode PERSIST, has beside the second name.
    drop(writer);
    let writer = Connection::open(env.path("third")).unwrap();
    writer
        .execute_batch("PRAGMA journal_mode = PERSIST; DELETE FROM blob WHERE id = 1")
        .unwrap();
    assert!(env.path("third-journal").metadata().unwrap().len() > 0);
    dumps_silently(&env, "rollback.sqlite");
    writer
        .execute_batch("PRAGMA synchronous = OFF; BEGIN; DELETE FROM blob WHERE id = 2")
        .unwrap();
    assert!(begins_as_journal(&env.path("third-journal")));
    dumps_silently(&env, "rollback.sqlite");
    drop(writer);
    drop(make_small(&env.path("plain.sqlite")));
    env.dump("plain.sqlite");
}

#[track_caller]
fn dumps_silently(env: &Env, database: &str) {
    let run = env.run(&format!("dump {database}")).succeeds();
    assert!(!run.stderr.contains("name"), "{run:?}");
}

/// Returns true if SQLite would play back this file, unless its program is at work.
fn begins_as_journal(path: &Path) -> bool {
    std::fs::read(path)
        .unwrap()
        .starts_with(b"\xd9\xd5\x05\xf9")
}

/// A part of a transaction: the cache is too small for it, so pages go into the file before the commit.
const PART: &str = "PRAGMA cache_size = 5; BEGIN; UPDATE blob SET content = zeroblob(4000);";

/// Makes `db.sqlite` in a rollback mode, with a second name, under which a program was killed within
/// a commit. Returns its content from before.
fn make_half_written(second: &str) -> (Env, String) {
    let env = Env::new();
    let path = env.path("db.sqlite");
    drop(make_large(&path, "DELETE", 400_000));
    let before = contents(&path);
    std::fs::create_dir(env.path("other")).unwrap();
    std::fs::hard_link(&path, env.path(second)).unwrap();
    killed(&env.path(second), PART);
    assert!(begins_as_journal(&env.path(format!("{second}-journal"))));
    (env, before)
}

#[test]
#[ignore = "needs sqlite3"]
fn a_hard_link_under_which_a_commit_was_cut_off() {
    let (env, before) = make_half_written("second.sqlite");
    env.run("dump db.sqlite")
        .fails(1, "a program was killed while it changed ");
    assert!(env.names().is_empty());
    // Under the name that its program used, the old pages come back.
    let db = Connection::open(env.path("second.sqlite")).unwrap();
    assert_eq!(scalar(&db, "SELECT count(*) FROM blob"), 100);
    drop(db);
    dumps_silently(&env, "db.sqlite");
    env.run("restore dump new.sqlite").succeeds();
    assert_eq!(contents(&env.path("new.sqlite")), before);
}

/// The names of a file in other directories cannot be found.
#[test]
#[ignore = "needs sqlite3"]
fn a_hard_link_elsewhere_under_which_a_commit_was_cut_off() {
    let (env, before) = make_half_written("other/db.sqlite");
    let run = env.run("dump db.sqlite").succeeds();
    let said = "has 2 names (hard links), of which 1 cannot be found: a program that was killed";
    assert!(run.stderr.contains(said), "{run:?}");
    env.run("restore dump half.sqlite").succeeds();
    assert_ne!(contents(&env.path("half.sqlite")), before);
    // Its program uses this name, as the journal shows.
    let db = Connection::open(env.path("db.sqlite")).unwrap();
    db.execute_batch("PRAGMA journal_mode = TRUNCATE; DELETE FROM blob WHERE id = 1")
        .unwrap();
    dumps_silently(&env, "db.sqlite");
}

#[test]
#[ignore = "needs sqlite3"]
fn a_mount_of_the_single_file_under_which_a_commit_was_cut_off() {
    let env = Env::new();
    drop(make_large(&env.path("db.sqlite"), "DELETE", 400_000));
    std::fs::create_dir(env.path("other")).unwrap();
    let script = format!(
        "touch other/db.sqlite; mount --bind db.sqlite other/db.sqlite
         cut_off() {{
           (echo '{PART}'; echo '.system kill -9 $PPID') | sqlite3 $1 || true
           test -s $1-journal
         }}
         fails() {{
           if dump-database dump $1 --to dump 2>said; then echo $1; exit 9; fi
           grep -q \"was killed while it changed .* under the name .*$2,\" said || {{ cat said; exit 9; }}
         }}
         cut_off other/db.sqlite; fails db.sqlite other/db.sqlite
         sqlite3 other/db.sqlite 'SELECT count(*) FROM blob'
         dump-database dump other/db.sqlite --to dump --name other 2>said
         if grep -q 'single file' said; then cat said; exit 9; fi
         cut_off db.sqlite; fails other/db.sqlite db.sqlite
         sqlite3 db.sqlite 'SELECT count(*) FROM blob'
         dump-database dump db.sqlite --to dump"
    );
    let Some(run) = namespace::run(&env, &script) else {
        return;
    };
    run.succeeds();
}
