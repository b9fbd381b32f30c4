//! Changes that other sessions make to a database while it is dumped.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::Server;
use crate::servers::clients::with_fake;
use crate::servers::drilled::drill;
use crate::servers::{KilledOnDrop, assert_no_trace, wait_for};
use crate::support::{Env, Run};

#[test]
#[ignore = "needs MariaDB"]
fn a_table_locked_by_another_session_is_waited_for_as_long_as_was_said() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE app; CREATE TABLE app.t (a INT)");
    let mut locking = server.client("mariadb");
    locking.args(["app", "-e", "LOCK TABLES t WRITE; SELECT SLEEP(600)"]);
    let _locking = KilledOnDrop(locking.stdout(Stdio::null()).spawn().unwrap());
    wait_for("the lock", || {
        server.sql(
            "",
            "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'",
        ) == "1"
    });
    let started = Instant::now();
    env.run(&format!(
        "dump --busy-timeout 1s --timeout 5m {}",
        server.url("app")
    ))
    .fails(1, "another session held a lock on a table for 1 s");
    assert!(started.elapsed() < Duration::from_mins(1));
    assert_no_trace(&env, &[]);
}

#[test]
#[ignore = "needs MariaDB"]
fn a_table_that_came_or_went_before_the_snapshot_is_no_reason_for_a_drill_to_fail() {
    let env = Env::new();
    let server = Server::start();
    server.sql(
        "",
        "CREATE DATABASE app; CREATE TABLE app.stays (a INT); CREATE TABLE app.goes (a INT)",
    );
    let change = server.directory().join("change.sql");
    std::fs::write(&change, "CREATE TABLE came (a INT); DROP TABLE goes;").unwrap();
    let script = format!(
        "case \"$1\" in *help|*version|--print-defaults) exec /usr/bin/mariadb-dump \"$@\";; esac
mariadb --no-defaults --socket={}/s --user=root app < {}
exec /usr/bin/mariadb-dump \"$@\"",
        server.directory().display(),
        change.display()
    );
    let path = with_fake(&env, "mariadb-dump", &script);
    let mut dump = env.program(&format!("dump {}", server.url("app")));
    Run::finish(dump.env("PATH", path)).succeeds();
    let run = drill(&env, "").succeeds();
    assert!(run.stdout.contains("2 tables"), "{run:?}");
}
