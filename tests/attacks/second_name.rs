//! A WAL database under two names: its log has the name that the database's program uses, not the
//! name that the dump uses.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rusqlite::Connection;

use crate::support::database::{make_large, make_small};
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
    // Without a log a second name does no harm.
    let rollback = env.path("rollback.sqlite");
    drop(make_large(&rollback, "DELETE", 10_000));
    std::fs::hard_link(&rollback, env.path("third")).unwrap();
    env.dump("rollback.sqlite");
    drop(make_small(&env.path("plain.sqlite")));
    env.dump("plain.sqlite");
}
