//! Clients that are old, lie, or wait: what the run reports, and that nothing of the dump stays.

use std::time::{Duration, Instant};

use super::Server;
use crate::servers::clients::with_fake;
use crate::servers::{KilledOnDrop, assert_no_trace, wait_for};
use crate::support::{Env, Run};

#[test]
#[ignore = "needs PostgreSQL"]
fn a_table_locked_by_an_open_alter_is_not_waited_for_without_end() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE TABLE t (a int)");
    let mut altering = server.client("psql", "postgres");
    altering.args([
        "-Xc",
        "BEGIN",
        "-c",
        "ALTER TABLE t ADD b int",
        "-c",
        "SELECT pg_sleep(600)",
    ]);
    let _altering = KilledOnDrop(
        altering
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap(),
    );
    wait_for("the lock", || {
        server.psql("postgres", "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 't'::regclass") == "1"
    });
    let started = Instant::now();
    env.run(&format!(
        "dump --busy-timeout 1s {}",
        server.url("postgres")
    ))
    .fails(
        1,
        "a table stayed locked by another session for 1s (--busy-timeout)",
    );
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_no_trace(&env, &[]);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_client_that_is_old_or_lies_about_its_success_is_not_believed() {
    let env = Env::new();
    let server = Server::start();
    let version = "[ \"$1\" = --version ] && exec /usr/bin/pg_dump --version\n";
    for (script, sentence) in [
        (
            "echo 'pg_dump (PostgreSQL) 14.9'".to_owned(),
            "pg_dump 14.9 is older than the server",
        ),
        (
            format!("{version}/usr/bin/pg_dump \"$@\" | head -n 20; exit 0"),
            "did not print its last line",
        ),
        (
            format!(
                "{version}/usr/bin/pg_dump \"$@\" | sed '$d' | sed '$d' | sed '$d' | sed '$d' | sed '$d'"
            ),
            "did not print its last line",
        ),
        (format!("{version}exit 0"), "did not print its last line"),
        (
            format!("{version}/usr/bin/pg_dump \"$@\"; echo broken >&2; exit 1"),
            "exit status: 1: broken",
        ),
    ] {
        let path = with_fake(&env, "pg_dump", &script);
        let mut command = env.program(&format!("dump {}", server.url("postgres")));
        Run::finish(command.env("PATH", path)).fails(1, sentence);
        assert_no_trace(&env, &[]);
    }
    server.psql(
        "postgres",
        "CREATE TABLE t AS SELECT n, md5(n::text) FROM generate_series(1, 5000) n",
    );
    for bytes in ["1", "2000", "100000"] {
        // `pg_restore --list` accepts the longest of these archives.
        let script = format!("{version}/usr/bin/pg_dump \"$@\" | head -c {bytes}");
        let path = with_fake(&env, "pg_dump", &script);
        let url = server.url("postgres");
        let mut command = env.program(&format!("dump --format custom {url}"));
        Run::finish(command.env("PATH", path)).fails(1, "pg_dump archive");
        assert_no_trace(&env, &[]);
    }
}

/// A script for a psql that refuses `\\restrict`, as psql did before August 2025.
const OLD_PSQL: &str = r#"
case "$*" in *--file=-*)
    cat > fed
    grep -q '^.restrict ' fed && { echo 'invalid command \\restrict' >&2; exit 3; }
    exec /usr/bin/psql "$@" < fed
esac
exec /usr/bin/psql "$@""#;

#[test]
#[ignore = "needs PostgreSQL"]
fn a_dump_of_newer_clients_is_restored_by_an_old_psql_into_an_old_server() {
    let env = Env::new();
    let server = Server::start();
    server.psql(
        "postgres",
        "CREATE TABLE t AS SELECT 'SET transaction_timeout = 0;' AS v",
    );
    let newer = "[ \"$1\" = --version ] && exec /usr/bin/pg_dump --version
        /usr/bin/pg_dump \"$@\" | sed 's/^SET lock_timeout = 0;$/&\\nSET transaction_timeout = 0;/'";
    let path = with_fake(&env, "pg_dump", newer);
    let mut command = env.program(&format!("dump {}", server.url("postgres")));
    let dump = Run::finish(command.env("PATH", path))
        .succeeds()
        .paths()
        .remove(0);
    let text = Run::finish(env.command("gunzip").arg("-c").arg(&dump))
        .succeeds()
        .stdout;
    assert!(text.contains("\nSET transaction_timeout = 0;\n"), "{text}");
    assert!(text.contains("\n\\restrict "), "{text}");

    let path = with_fake(&env, "psql", OLD_PSQL);
    let restore = format!("restore {} {}", dump.display(), server.url("again"));
    Run::finish(env.program(&restore).env("PATH", path)).succeeds();
    assert_eq!(
        server.psql("again", "SELECT v FROM t"),
        "SET transaction_timeout = 0;"
    );
}
