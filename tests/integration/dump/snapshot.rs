//! The snapshot: consistent while others write, and taken without blocking any writer.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::database::{Lock, contents};
use crate::support::writer::{Writer, killed, state};
use crate::support::{Env, Run, inventory, names, set_mode, skipped, strace};

/// Dumps a database while a writer commits all the time. Asserts that the dump holds a state that
/// was committed during the dump, and that no transaction took nearly as long as the dump.
fn dump_under_writer(journal_mode: &str) {
    let env = Env::new();
    let source = env.path("db.sqlite");
    let writer = Writer::start(&source, journal_mode, 40_000_000);
    let before = writer.committed();
    let begun = Instant::now();
    // The compression is slow, so that the writer commits many transactions during the dump.
    let dumped = env.run("dump db.sqlite --compress gzip:9 --threads 1 --timeout 2m");
    let took = begun.elapsed();
    let after = writer.committed();
    let longest = writer.stop();

    let dumped = dumped.succeeds().paths();
    let mut restore = env.command(crate::support::PROGRAM);
    Run::finish(restore.arg("restore").args(dumped).arg("copy.sqlite")).succeeds();
    // The counted rows are of the same state.
    let drilled = env.run("drill").succeeds();
    assert!(
        drilled.stdout.contains(", each as many as were dumped"),
        "{drilled:?}"
    );
    let n = state(&env.path("copy.sqlite"));
    assert!((before..=after + 1).contains(&n), "{before} {n} {after}");
    assert!(after - before > 100, "{before} {after}");
    assert!(longest < took / 2, "{longest:?} of {took:?}");
}

#[test]
fn a_writer_in_wal_mode_is_never_blocked_nor_torn() {
    dump_under_writer("WAL");
}

#[test]
fn a_writer_in_rollback_mode_waits_for_the_copy_alone() {
    dump_under_writer("DELETE");
}

#[test]
#[ignore = "needs sqlite3"]
fn what_a_killed_writer_committed_to_the_log_is_dumped_and_left_there() {
    let env = Env::new();
    let source = env.path("db.sqlite");
    killed(
        &source,
        "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1);
         BEGIN; INSERT INTO t VALUES (2);",
    );
    let before = fs::read(env.path("db.sqlite-wal")).unwrap();
    assert!(before.len() > 4096);
    let dump = env.dump("db.sqlite");
    assert!(before == fs::read(env.path("db.sqlite-wal")).unwrap());
    env.run(&format!("restore {} copy.sqlite", dump.display()))
        .succeeds();
    let copy = contents(&env.path("copy.sqlite"));
    assert!(copy.contains("INSERT INTO t VALUES(1)"), "{copy}");
    assert!(!copy.contains("INSERT INTO t VALUES(2)"), "{copy}");
}

#[test]
#[ignore = "needs sqlite3"]
fn a_hot_journal_is_for_a_writer_to_roll_back() {
    let env = Env::with_database();
    let source = env.path("hot.sqlite");
    hot_journal(&source);
    let before = inventory(env.root());
    env.run("dump hot.sqlite --busy-timeout 1s")
        .fails(1, "was left by a program that crashed");
    assert!(env.names().is_empty());
    let mut after = inventory(env.root());
    after.retain(|path, _| !path.starts_with(env.dumps()));
    assert!(before == after);
}

/// Makes a database with a transaction over half of the file, which was killed in the middle.
pub(crate) fn hot_journal(path: &Path) {
    drop(crate::support::database::make_large(
        path, "DELETE", 400_000,
    ));
    killed(
        path,
        "PRAGMA cache_size = 5; BEGIN; UPDATE blob SET content = zeroblob(4000) WHERE id % 2;",
    );
    let journal = path.with_extension("sqlite-journal");
    assert!(journal.metadata().unwrap().len() > 4096);
}

#[test]
fn a_database_at_rest_is_left_as_it_was() {
    let env = Env::new();
    for mode in ["WAL", "DELETE", "PERSIST", "TRUNCATE"] {
        let home = env.path(mode);
        fs::create_dir(&home).unwrap();
        let source = home.join("db.sqlite");
        drop(crate::support::database::make_large(&source, mode, 10_000));
        let before = (names(&home), inventory(&home));
        Run::finish(env.program("dump --name").arg(mode).arg(&source)).succeeds();
        let after = (names(&home), inventory(&home));
        assert!(after == before, "{mode}: {after:?}");
    }
}

#[test]
fn what_a_dump_creates_beside_a_database_belongs_to_its_owner() {
    let env = Env::new();
    let source = env.path("db.sqlite");
    let writer = Writer::start(&source, "WAL", 20_000_000);
    let owned = |path: &Path| std::os::unix::fs::chown(path, Some(1234), Some(1234));
    if owned(&source).is_err() {
        writer.stop();
        return skipped("only root dumps what is another's");
    }
    writer.stop();
    set_mode(&source, 0o640);
    let mut dump = env.start("dump db.sqlite --compress gzip:9 --threads 1");
    // A check may come between the moment when SQLite creates a file and the moment when the
    // program changes its owner, so the last check counts.
    let mut seen = std::collections::BTreeMap::new();
    while dump.try_wait().unwrap().is_none() {
        for side in ["db.sqlite-wal", "db.sqlite-shm"] {
            if let Ok(meta) = env.path(side).metadata() {
                seen.insert(side, (meta.uid(), meta.gid(), meta.mode() & 0o777));
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(seen.len(), 2);
    for (side, owned) in seen {
        assert_eq!(owned, (1234, 1234, 0o640), "{side}");
    }
    Run::end_of(dump).succeeds();
}

#[test]
fn a_wal_database_whose_directory_may_not_be_written_says_so() {
    let env = Env::new();
    fs::create_dir(env.path("read-only")).unwrap();
    drop(crate::support::database::make_small(
        &env.path("read-only/db.sqlite"),
    ));
    set_mode(&env.path("read-only"), 0o555);
    set_mode(env.root(), 0o755);
    fs::create_dir(env.dumps()).unwrap();
    set_mode(&env.dumps(), 0o777);
    let mut command = env.command("setpriv");
    command.args(["--reuid=1234", "--regid=1234", "--clear-groups"]);
    if !rustix::process::geteuid().is_root() {
        command = env.command("env");
    }
    command.args([crate::support::PROGRAM, "dump", "read-only/db.sqlite"]);
    Run::finish(&mut command).fails(1, "run as the file's owner, with its directory writable");
}

#[test]
#[ignore = "needs sqlite3"]
fn waiting_for_a_lock_ends_at_the_deadline_or_a_signal() {
    let env = Env::new();
    for mode in ["WAL", "DELETE"] {
        let source = env.path(format!("{mode}.sqlite"));
        drop(crate::support::database::make_large(&source, mode, 10_000));
        let lock = Lock::exclusive(&source);
        let begun = Instant::now();
        env.run(&format!("dump {mode}.sqlite --busy-timeout 2s"))
            .fails(1, "was locked by process ")
            .fails(1, " (sqlite3) for 2s; see --busy-timeout");
        let waited = begun.elapsed().as_secs_f64();
        assert!((2.0..4.0).contains(&waited), "{waited}");

        let begun = Instant::now();
        let dump = env.start(&format!("dump {mode}.sqlite --busy-timeout 5m"));
        std::thread::sleep(Duration::from_millis(500));
        kill_process(Pid::from_child(&dump), Signal::TERM).unwrap();
        assert_eq!(Run::end_of(dump).signal, Some(15));
        assert!(begun.elapsed() < Duration::from_secs(3));

        let dump = env.start(&format!("dump {mode}.sqlite --busy-timeout 5m"));
        std::thread::sleep(Duration::from_millis(300));
        drop(lock);
        Run::end_of(dump).succeeds();
    }
}

#[test]
#[ignore = "takes more than ten seconds"]
fn the_time_limit_holds_while_a_database_is_checked() {
    let env = Env::new();
    let db = Connection::open(env.path("db.sqlite")).unwrap();
    // The check evaluates this expression for each row, so it takes far longer than reading.
    db.execute_batch(
        "PRAGMA journal_mode = WAL; CREATE TABLE t (a);
         CREATE INDEX i ON t (length(hex(zeroblob(20000 + a % 2))));
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
         INSERT INTO t SELECT i FROM n;",
    )
    .unwrap();
    drop(db);
    let begun = Instant::now();
    env.dump("db.sqlite");
    let whole = begun.elapsed();
    let begun = Instant::now();
    env.run(&format!(
        "dump db.sqlite --timeout {}ms",
        whole.as_millis() / 4
    ))
    .fails(1, "--timeout allows longer");
    assert!(begun.elapsed() < whole * 3 / 4);
    assert_eq!(env.names().len(), 1);
    assert!(env.temporaries().is_empty());
}

#[test]
#[ignore = "needs strace"]
fn nothing_but_sqlite_opens_the_database() {
    // Closing another descriptor of the file would drop the locks of a dump of the same file under
    // another name.
    let env = Env::new();
    for mode in ["WAL", "DELETE"] {
        let source = env.path(format!("{mode}.sqlite"));
        drop(crate::support::database::make_large(&source, mode, 10_000));
        let (run, calls) = strace::run(&env, "openat,openat2", &[], &format!("dump {mode}.sqlite"));
        run.succeeds();
        let name = format!("/{mode}.sqlite\"");
        let opened = calls.iter().filter(|call| {
            let opened = call.is("openat", &name) || call.is("openat2", &name);
            opened && !call.text.contains("O_PATH")
        });
        // In WAL mode the database is opened a second time, to leave it as it was.
        assert_eq!(opened.count(), if mode == "WAL" { 2 } else { 1 });
    }
}
