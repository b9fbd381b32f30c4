//! Replacing a database while something goes wrong: names, limits, leftovers.

use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::Server;
use crate::servers::clients::with_fake;
use crate::servers::{KilledOnDrop, wait_for};
use crate::support::{Env, Run};

const ROWS: &str = "SELECT string_agg(v, ',' ORDER BY v) FROM t";
const NAMES: &str = "SELECT string_agg(oid || ' ' || datname || ' ' || datconnlimit, ',' ORDER BY oid) FROM pg_database";

/// Starts a server with the database `app`, and makes a dump of it without its last row.
fn dumped(env: &Env, settings: &[String]) -> (Server, String) {
    let server = Server::start_with_settings(settings);
    server.psql("postgres", "CREATE DATABASE app CONNECTION LIMIT 33");
    server.psql("app", "CREATE TABLE t (v text); INSERT INTO t VALUES ('a')");
    let dump = env.dump(&server.url("app"));
    server.psql("app", "INSERT INTO t VALUES ('later')");
    (server, dump.display().to_string())
}

fn replace(server: &Server, dump: &str) -> String {
    format!("restore --replace {dump} {}", server.url("app"))
}

/// Starts a replacement, and waits until the server waits to rename the database, which a prepared
/// transaction prevents: it is not a session that can be ended.
fn start_renaming(env: &Env, server: &Server, dump: &str) -> Child {
    server.psql(
        "app",
        "BEGIN; CREATE TABLE other (); PREPARE TRANSACTION 'held'",
    );
    let running = env.start(&replace(server, dump));
    let renaming =
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'ALTER DATABASE \"app\" RENAME%'";
    wait_for("the renaming", || server.psql("postgres", renaming) == "1");
    running
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_signal_while_a_database_is_renamed_leaves_it_as_it_was() {
    let env = Env::new();
    let (server, dump) = dumped(&env, &["max_prepared_transactions=1".to_owned()]);
    let before = server.psql("postgres", NAMES);
    let release = "ROLLBACK PREPARED 'held'";
    let running = start_renaming(&env, &server, &dump);
    kill_process(Pid::from_child(&running), Signal::TERM).unwrap();
    wait_for("the release", || {
        server.try_psql("app", release).status.success()
    });
    assert_eq!(Run::end_of(running).signal, Some(15));
    assert_eq!(server.psql("postgres", NAMES), before);
    assert_eq!(server.psql("app", ROWS), "a,later");

    let mut running = start_renaming(&env, &server, &dump);
    kill_process(Pid::from_child(&running), Signal::KILL).unwrap();
    running.wait().unwrap();
    wait_for("the release", || {
        server.try_psql("app", release).status.success()
    });
    let names = "SELECT string_agg(oid || ' ' || datname || ' ' || datconnlimit, ',' ORDER BY oid)
        FROM pg_database WHERE datname NOT LIKE 'app.restoring-%'";
    assert_eq!(server.psql("postgres", names), before);
    assert_eq!(server.psql("app", ROWS), "a,later");
    env.run(&replace(&server, &dump)).succeeds();
    assert_eq!(server.psql("app", ROWS), "a");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_session_that_begins_before_a_rename_is_ended_though_a_superuser_has_it() {
    let env = Env::new();
    let (server, dump) = dumped(&env, &[]);
    // The session begins between the end of all others and the renames. It may be ended before it is seen.
    let script = env.path("connect");
    let connect = "/usr/bin/psql -Xqd \"$URL\" -c 'SELECT pg_sleep(100)' > /dev/null 2>&1 &
until ! kill -0 $! 2> /dev/null || [ \"$(/usr/bin/psql -XAtqd \"$MAINTENANCE\" -c \"SELECT count(*) FROM pg_stat_activity
    WHERE query = 'SELECT pg_sleep(100)' AND state = 'active'\")\" = 1 ]; do sleep 0.02; done";
    std::fs::write(&script, connect).unwrap();
    let fake = r#"case "$*" in *BEGIN*'RENAME TO'*)
    for a; do
        shift
        [ "$a" = BEGIN ] && set -- "$@" '\! sh connect' --command
        set -- "$@" "$a"
    done
esac
exec /usr/bin/psql "$@""#;
    let path = with_fake(&env, "psql", fake);
    let mut command = env.program(&replace(&server, &dump));
    command
        .env("PATH", path)
        .env("URL", server.url("app"))
        .env("MAINTENANCE", server.url("postgres"));
    Run::finish(&mut command).succeeds();
    assert_eq!(server.psql("app", ROWS), "a");
}

/// A script for a psql that gets `second` instead of the second of two renames.
fn second_rename(second: &str) -> String {
    format!(
        r#"case "$*" in *BEGIN*'RENAME TO'*'RENAME TO'*)
    for a; do
        case "$a" in *'RENAME TO "app"') a='{second}';; esac
        shift; set -- "$@" "$a"
    done
esac
exec /usr/bin/psql "$@""#
    )
}

#[test]
#[ignore = "needs PostgreSQL"]
fn the_second_rename_failing_undoes_the_first() {
    let env = Env::new();
    let (server, dump) = dumped(&env, &[]);
    let before = server.psql("postgres", NAMES);
    let path = with_fake(&env, "psql", &second_rename("SELECT 1 / 0"));
    let mut command = env.program(&replace(&server, &dump));
    Run::finish(command.env("PATH", path)).fails(1, "the old database is as it was");
    assert_eq!(server.psql("postgres", NAMES), before);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_connection_lost_after_the_exchange_does_not_undo_it() {
    let env = Env::new();
    let (server, dump) = dumped(&env, &[]);
    let lost = r#"/usr/bin/psql "$@" || exit
case "$*" in *BEGIN*'RENAME TO'*) echo 'connection lost' >&2; exit 2; esac"#;
    let path = with_fake(&env, "psql", lost);
    let mut command = env.program(&replace(&server, &dump));
    Run::finish(command.env("PATH", path)).succeeds();
    let all = ["app", "postgres", "template0", "template1"];
    assert_eq!(server.databases(), all);
    assert_eq!(server.psql("app", ROWS), "a");
    let limit = "SELECT datconnlimit FROM pg_database WHERE datname = 'app'";
    assert_eq!(server.psql("postgres", limit), "33");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn the_maintenance_database_itself_is_replaced() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE TABLE t AS SELECT 'a' AS v");
    let dump = env.dump(&server.url("postgres"));
    server.psql("postgres", "INSERT INTO t VALUES ('later')");
    let before = server.databases();
    let url = server.url("postgres");
    env.run(&format!("restore --replace {} {url}", dump.display()))
        .succeeds();
    assert_eq!(server.psql("postgres", ROWS), "a");
    assert_eq!(server.databases(), before);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn sigterm_while_the_new_database_is_created_leaves_none() {
    let env = Env::new();
    let (server, dump) = dumped(&env, &[]);
    let before = server.databases();
    let mut holding = server.client("psql", "postgres");
    holding.args([
        "-Xc",
        "BEGIN",
        "-c",
        "LOCK pg_database IN SHARE MODE",
        "-c",
        "SELECT pg_sleep(600)",
    ]);
    holding.stdout(Stdio::null()).stderr(Stdio::null());
    let _holding = KilledOnDrop(holding.spawn().unwrap());
    let activity = |query: &str| {
        server.psql(
            "postgres",
            &format!("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '{query}%'"),
        ) == "1"
    };
    wait_for("the lock", || activity("SELECT pg_sleep"));
    let running = env.start(&format!("restore {dump} {}", server.url("fresh")));
    wait_for("CREATE DATABASE", || activity("CREATE DATABASE"));
    kill_process(Pid::from_child(&running), Signal::TERM).unwrap();
    server.psql(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'",
    );
    assert_eq!(Run::end_of(running).signal, Some(15));
    wait_for("the server to be done", || !activity("CREATE DATABASE"));
    assert_eq!(server.databases(), before);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_failed_restore_leaves_no_database_though_it_has_a_subscription() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    server.psql("postgres", "CREATE ROLE marker");
    server.psql(
        "app",
        "CREATE SUBSCRIPTION news CONNECTION 'host=/nonexistent' PUBLICATION p WITH (connect = false)",
    );
    server.psql(
        "app",
        "CREATE MATERIALIZED VIEW last AS SELECT 1 / (SELECT count(*) FROM pg_roles WHERE rolname = 'marker')",
    );
    let dump = env.dump(&server.url("app"));
    server.psql("postgres", "DROP ROLE marker");
    let before = server.databases();
    let run = env.run(&format!("restore {} {}", dump.display(), server.url("b")));
    let run = run.fails(1, "division by zero");
    assert_eq!(server.databases(), before, "{run:?}");
}
