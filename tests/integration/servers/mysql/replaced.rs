//! `restore --replace` in the worst case: after the old database was dropped.

use std::fs;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::Server;
use crate::servers::clients::with_fake;
use crate::servers::{KilledOnDrop, wait_for};
use crate::support::{Env, Run};

const ROWS: &str = "SELECT COUNT(*), MIN(v) FROM t";

/// Makes the database `app` and a dump of it that takes a while to load, and that must be loaded twice,
/// because a table names its database; then `app` gets other
/// rows. Returns the dump's path.
fn dumped(env: &Env, server: &Server) -> String {
    server.sql(
        "",
        "CREATE DATABASE app CHARACTER SET latin1 COMMENT 'it''s'; CREATE TABLE app.big (v TEXT)",
    );
    server.sql(
        "app",
        "INSERT INTO big SELECT REPEAT(MD5(seq), 10) FROM seq_1_to_100000;
         CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('dumped');
         CREATE SEQUENCE s; CREATE TABLE named (n INT DEFAULT NEXTVAL(s))",
    );
    let dump = env.dump(&server.url("app"));
    server.sql(
        "app",
        "UPDATE t SET v = 'later'; INSERT INTO t VALUES ('later'); TRUNCATE big;
         CREATE PROCEDURE p() SELECT 1; CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    );
    dump.display().to_string()
}

/// Starts the restore of that dump, and waits until the old database is gone and the new one is
/// being loaded.
fn replacing(env: &Env, server: &Server, dump: &str) -> Child {
    let running = env.start(&format!("restore --replace {dump} {}", server.url("app")));
    wait_for("the second load", || {
        let databases = server.databases();
        let tables = server.sql("", "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'app' AND table_name = 't'");
        !databases.contains("restoring") && env.names().len() == 2 && tables == "0"
    });
    running
}

fn session_in(server: &Server, database: &str) -> String {
    let query = format!(
        "SELECT id FROM information_schema.processlist WHERE db = '{database}' AND info LIKE 'INSERT INTO `big`%'"
    );
    let mut session = String::new();
    wait_for("a session that loads", || {
        session = server.sql("", &query);
        !session.is_empty()
    });
    session
}

#[test]
#[ignore = "needs MariaDB"]
fn a_second_load_that_fails_puts_the_old_database_back() {
    let env = Env::new();
    let server = Server::start();
    let dump = dumped(&env, &server);
    let expected = server.read_all("app");
    let before = server.databases();

    let running = replacing(&env, &server, &dump);
    server.sql("", &format!("KILL {}", session_in(&server, "app")));
    let run = Run::end_of(running).fails(1, "the old database was restored from ");
    assert!(run.stderr.contains("the dump cannot be loaded"), "{run:?}");
    assert_eq!(server.read_all("app"), expected);
    assert_eq!(server.databases(), before);
    fs::remove_file(env.dumps().join(&env.names()[1])).unwrap();

    let running = replacing(&env, &server, &dump);
    session_in(&server, "app");
    kill_process(Pid::from_child(&running), Signal::TERM).unwrap();
    let run = Run::end_of(running);
    assert_eq!(run.signal, Some(15), "{run:?}");
    assert!(run.stderr.contains("the old database was restored from "));
    assert_eq!(server.read_all("app"), expected);
    assert_eq!(server.databases(), before);
}

/// The second restore would replace what the first has just restored.
#[test]
#[ignore = "needs MariaDB"]
fn of_two_restores_of_one_database_the_second_is_refused() {
    let env = Env::new();
    let server = Server::start();
    let dump = dumped(&env, &server);
    let running = replacing(&env, &server, &dump);
    session_in(&server, "app");
    kill_process(Pid::from_child(&running), Signal::STOP).unwrap();
    let restore =
        |options: &str, to: &str| env.run(&format!("restore {options} {dump} {}", server.url(to)));
    for options in ["--replace --to other", "--into-empty", ""] {
        let run = restore(options, "app");
        run.fails(1, "another restore of the database app is running");
    }
    restore("", "another").succeeds();
    kill_process(Pid::from_child(&running), Signal::CONT).unwrap();
    Run::end_of(running).succeeds();
    assert_eq!(server.sql("app", ROWS), "1\tdumped");
    assert_eq!(
        server.read_all("app"),
        server.read_all("another").replace("another", "app")
    );
    restore("--replace --to other", "app").succeeds();
}

/// Some clusters have no locks of this kind. The restore works without one, and says so.
#[test]
#[ignore = "needs MariaDB"]
fn a_server_without_locks_is_used_and_the_missing_lock_is_told() {
    let env = Env::new();
    let server = Server::start();
    let dump = dumped(&env, &server);
    let script = "case \"$*\" in *--binary-mode*) ;; *--unbuffered*) head -n 2 > asked
echo NULL; exit;; esac
exec /usr/bin/mariadb \"$@\"";
    let path = with_fake(&env, "mariadb", script);
    let restore = format!("restore {dump} {}", server.url("another"));
    let run = Run::finish(env.program(&restore).env("PATH", path)).succeeds();
    let said = "the server gives no lock that keeps another restore of it waiting (NULL)";
    assert!(run.stderr.contains(said), "{run:?}");
    let asked = fs::read_to_string(env.path("asked")).unwrap();
    assert!(asked.contains("GET_LOCK"), "{asked}");
    assert_eq!(server.sql("another", ROWS), "1\tdumped");
}

#[test]
#[ignore = "needs MariaDB"]
fn a_server_that_stops_during_the_second_load_leaves_a_dump_of_the_old_database() {
    let env = Env::new();
    let mut server = Server::start();
    let dump = dumped(&env, &server);
    let expected = server.read_all("app");
    let running = replacing(&env, &server, &dump);
    server.stop();
    let run = Run::end_of(running).fails(1, "the old database is gone from the server");
    let saved = env.dumps().join(&env.names()[1]).display().to_string();
    assert!(run.stderr.contains(&format!("it is in {saved}")), "{run:?}");
    server.resume();
    env.run(&format!("restore --replace {saved} {}", server.url("app")))
        .succeeds();
    assert_eq!(server.read_all("app"), expected);
}

#[test]
#[ignore = "needs MariaDB"]
fn a_directory_that_cannot_be_removed_does_not_cost_the_old_database() {
    let env = Env::new();
    let server = Server::start();
    let dump = dumped(&env, &server);
    let expected = server.read_all("app");
    fs::write(
        server.directory().join("data/app/notes.txt"),
        "not the server's",
    )
    .unwrap();
    env.run(&format!("restore --replace {dump} {}", server.url("app")))
        .fails(1, "the old database was restored from ");
    assert_eq!(server.read_all("app"), expected);
}

#[test]
#[ignore = "needs MariaDB"]
fn a_session_is_no_obstacle_unless_it_has_a_table_in_use() {
    let env = Env::new();
    let server = Server::start();
    let dump = dumped(&env, &server);
    let expected = server.read_all("app");
    let mut holding = server.client("mariadb");
    holding.args(["app", "-e", "BEGIN; SELECT * FROM t; DO SLEEP(600)"]);
    let holding = KilledOnDrop(holding.stdout(Stdio::null()).spawn().unwrap());
    let sleeping =
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(600)'";
    let sleeping = || server.sql("", &format!("{sleeping} AND db = 'app'"));
    wait_for("a transaction", || sleeping() == "1");
    let before = server.databases();
    let restore = format!(
        "restore --replace --busy-timeout 1s {dump} {}",
        server.url("app")
    );
    let run = env.run(&restore).fails(1, "the old database is as it was");
    // The database was dumped before the restore tried to drop it.
    let saved = env.names().pop().unwrap();
    assert!(run.stderr.contains(&saved), "no {saved}: {run:?}");
    assert!(run.stderr.contains("another session has its tables in use"));
    assert_eq!(server.databases(), before);
    assert_eq!(server.read_all("app"), expected);
    drop(holding);
    // The server notices later that its client is gone.
    wait_for("the end of the transaction", || sleeping() == "0");

    let mut idle = server.client("mariadb");
    idle.args(["app", "-e", "DO SLEEP(600)"]);
    let mut idle = KilledOnDrop(idle.spawn().unwrap());
    wait_for("a session", || sleeping() == "1");
    env.run(&restore).succeeds();
    assert_eq!(server.sql("app", ROWS), "1\tdumped");
    assert!(idle.0.try_wait().unwrap().is_none());
}

#[test]
#[ignore = "needs MariaDB"]
fn sigterm_during_a_restore_leaves_nothing() {
    let env = Env::new();
    let server = Server::start();
    let dump = dumped(&env, &server);
    let expected = server.read_all("app");
    let before = server.databases();
    for (options, name) in [("", "fresh"), ("--replace", "app")] {
        let running = env.start(&format!("restore {options} {dump} {}", server.url(name)));
        wait_for("a database being restored", || server.databases() != before);
        kill_process(Pid::from_child(&running), Signal::TERM).unwrap();
        assert_eq!(Run::end_of(running).signal, Some(15));
        assert_eq!(server.databases(), before);
        assert_eq!(server.read_all("app"), expected);
        assert_eq!(env.names().len(), 1);
    }
}

#[test]
#[ignore = "needs MariaDB"]
fn a_full_disk_during_a_restore_leaves_nothing() {
    let env = Env::new();
    let Some(server) = Server::start_on_disk(200) else {
        return;
    };
    let dump = dumped(&env, &server);
    let expected = server.read_all("app");
    let before = server.databases();
    // Fills the disk, except for the space of `spare`, which is too little for the dump.
    let rows = "SELECT REPEAT(MD5(seq), 10) AS v FROM seq_1_to_20000";
    server.sql("mysql", &format!("CREATE TABLE spare {rows}"));
    server.sql("mysql", "CREATE TABLE ballast (v TEXT)");
    let more = format!("INSERT INTO ballast {rows}");
    while server.try_sql("mysql", &more).status.success() {}
    server.sql("mysql", "DROP TABLE spare");
    for (options, name) in [("", "fresh"), ("--replace", "app")] {
        let url = server.url(name);
        let run = env.run(&format!("restore {options} {dump} {url}"));
        let run = run.fails(1, "the dump cannot be loaded");
        assert!(run.stderr.contains("is full"), "{run:?}");
        assert_eq!(server.databases(), before);
        assert_eq!(server.read_all("app"), expected);
    }
    assert_eq!(env.names().len(), 1);
    server.sql("mysql", "DROP TABLE ballast");
    env.run(&format!("restore --replace {dump} {}", server.url("app")))
        .succeeds();
    assert_eq!(server.sql("app", ROWS), "1\tdumped");
}
