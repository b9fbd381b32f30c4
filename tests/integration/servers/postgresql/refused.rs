//! Dumps that fail for any reason: what they report, and that nothing of them stays.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use super::Server;
use crate::servers::clients::{
    assert_a_stopped_server_leaves_no_trace, assert_sigterm_leaves_no_child,
    assert_what_is_missing_is_not_recorded, dumping, ends_without_showing, pause_while,
};
use crate::servers::{assert_no_trace, wait_for};
use crate::support::{Env, Run, namespace};

const PASSWORD: &str = "s3cr3t p@ss/w\"o'rd\\";

/// Starts a server with a database that takes a while to dump.
pub(super) fn large_server() -> Server {
    large_server_with(&[])
}

/// Starts a server as [`large_server`] does, with more settings.
pub(super) fn large_server_with(settings: &[String]) -> Server {
    let server = Server::start_with_settings(settings);
    server.psql("postgres", "CREATE DATABASE large");
    server.psql(
        "large",
        "CREATE TABLE a_first (id int); INSERT INTO a_first VALUES (1);
         CREATE TABLE big AS SELECT n, repeat(md5(n::text), 10) AS v FROM generate_series(1, 250000) n",
    );
    server
}

/// Asserts that its deadline ends a dump of the database of [`large_server`] for which a session of the server stops
/// sending rows.
pub(super) fn assert_the_deadline_ends_a_dump(env: &Env, server: &Server, args: &str) {
    let running = dumping(env, &format!("--timeout 5s {args}"));
    let sending = "SELECT pid FROM pg_stat_activity
        WHERE datname = 'large' AND query LIKE 'COPY %' AND state = 'active' LIMIT 1";
    let session = pause_while(&running, || {
        let session = server.psql("postgres", sending).parse().unwrap();
        let session = Pid::from_raw(session).unwrap();
        kill_process(session, Signal::STOP).unwrap();
        session
    });
    Run::end_of(running).fails(1, "not done within");
    kill_process(session, Signal::CONT).unwrap();
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_server_that_stops_or_ends_the_session_during_a_dump() {
    let env = Env::new();
    let mut server = large_server();
    let url = server.url("large");
    env.dump(&url);
    let good = env.names();
    for format in ["plain", "custom"] {
        let running = dumping(&env, &format!("--format {format} {url}"));
        let end =
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'large'";
        let ended = pause_while(&running, || server.psql("postgres", end));
        assert_ne!(ended, "0");
        Run::end_of(running).fails(1, "pg_dump ended with exit status: 1");
        assert_no_trace(&env, &good);
    }
    assert_a_stopped_server_leaves_no_trace(
        &env,
        (&url, "postgresql://postgres@/large"),
        || server.stop(),
        "pg_dump ended with exit status: 1",
        &good,
    );
}

#[test]
#[ignore = "needs PostgreSQL"]
fn sigterm_and_the_deadline_leave_no_child() {
    let env = Env::new();
    let server = large_server();
    let url = server.url("large");
    assert_sigterm_leaves_no_child(&env, &url);
    assert_the_deadline_ends_a_dump(&env, &server, &url);
    assert_no_trace(&env, &[]);
    let left = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'large'";
    wait_for("no session", || server.psql("postgres", left) == "0");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn passwords_are_taken_from_a_file_or_url_and_shown_nowhere() {
    let env = Env::new();
    let server = large_server();
    server.psql(
        "postgres",
        "CREATE ROLE app LOGIN SUPERUSER PASSWORD 's3cr3t p@ss/w\"o''rd\\'",
    );
    fs::write(
        server.data().join("pg_hba.conf"),
        "local all app scram-sha-256\nlocal all all trust\n",
    )
    .unwrap();
    server.psql("postgres", "SELECT pg_reload_conf()");
    let url = server.url_as("app", "large");
    wait_for("the new rules", || {
        env.run(&format!("dump {url}"))
            .stderr
            .contains("no password supplied")
    });
    fs::write(env.path("wrong"), "nonsense\n").unwrap();
    env.run(&format!("dump --password-file wrong {url}"))
        .fails(1, "password authentication failed for user \"app\"");
    env.run(&format!("dump --password-file missing {url}"))
        .fails(1, "missing");
    assert_no_trace(&env, &[]);

    fs::write(env.path("right"), format!("{PASSWORD}\n")).unwrap();
    let in_url = server.url_as("app:s3cr3t%20p%40ss%2Fw%22o%27rd%5C", "large");
    for args in [format!("--password-file right {url}"), in_url] {
        let running = dumping(&env, &format!("--log trace {args}"));
        let run = ends_without_showing("s3cr3t", "pg_dump", running);
        if args.starts_with("postgresql") {
            assert!(run.stderr.contains("--password-file"), "{run:?}");
        }
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_missing_database_does_not_keep_the_good_ones() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE good");
    let (good, missing) = (server.url("good"), server.url("missing"));
    let run = env.run(&format!("dump {missing} {good} --name x"));
    run.fails(2, "--name names one source");
    let run = env.run(&format!("dump {missing} {good} {}", server.url("postgres")));
    let run = run.fails(1, "database \"missing\" does not exist");
    assert_eq!(run.paths().len(), 2, "{run:?}");
    assert!(
        run.stderr
            .ends_with("error: 1 of 3 was not dumped: missing\n")
    );
    let last: Vec<_> = run.stderr.lines().rev().skip(1).take(3).collect();
    assert!(
        last[0].starts_with("postgres") && last[0].contains("  dumped  "),
        "{run:?}"
    );
    assert!(
        last[1].starts_with("good") && last[1].contains("  dumped  "),
        "{run:?}"
    );
    assert!(
        last[2].starts_with("error: missing") && last[2].contains("  FAILED  "),
        "{run:?}"
    );
}

#[test]
#[ignore = "needs PostgreSQL"]
fn what_the_role_may_not_read_is_named_before_anything_is_written() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE ROLE backup LOGIN");
    server.psql("postgres", "CREATE DATABASE app");
    for sql in [
        "CREATE TABLE hidden (); CREATE SEQUENCE s; CREATE SCHEMA inner_; CREATE TABLE inner_.t ()",
        "CREATE TABLE rows (a int); ALTER TABLE rows ENABLE ROW LEVEL SECURITY; GRANT SELECT ON rows TO backup",
        "SELECT lo_create(77)",
        "CREATE EXTENSION postgres_fdw; CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw;
         CREATE USER MAPPING FOR postgres SERVER other OPTIONS (password 'x')",
        "CREATE SUBSCRIPTION sub CONNECTION 'host=/nonexistent' PUBLICATION p WITH (connect = false)",
    ] {
        server.psql("app", sql);
    }
    let refused = |url: &str| {
        let run = env
            .run(&format!("dump {url}"))
            .fails(1, "may not read all of app");
        for what in [
            "schema inner_",
            "table public.hidden",
            "sequence public.s",
            "table public.rows (row security hides rows)",
            "large object 77",
            "subscription sub",
            "user mapping of postgres for other",
        ] {
            assert!(run.stderr.contains(what), "no {what}: {run:?}");
        }
    };
    refused(&server.url_as("backup", "app"));
    // A superuser whose sessions have another role is none.
    for (set, reset) in [
        ("DATABASE app SET role = backup", "DATABASE app RESET role"),
        (
            "ROLE postgres IN DATABASE app SET role = backup",
            "ROLE postgres IN DATABASE app RESET role",
        ),
    ] {
        server.psql("postgres", &format!("ALTER {set}"));
        refused(&server.url("app"));
        server.psql("postgres", &format!("ALTER {reset}"));
    }
    assert_no_trace(&env, &[]);
    let run = env.run(&format!(
        "dump {} --exclude [a-z]*",
        server.url_as("backup", "")
    ));
    assert!(run.stderr.contains("without them"), "{run:?}");
    assert_eq!(run.succeeds().paths().len(), 1);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_full_disk_leaves_nothing_behind() {
    let env = Env::new();
    let server = large_server();
    let url = server.url("large");
    let run = namespace::run(
        &env,
        &format!(
            "mkdir small; mount -t tmpfs -o size=3m none small; mkdir small/dump
             dump-database dump --to small/dump '{}' --name good
             rm small/dump/good* ; cp -a small/dump ok
             dump-database dump --to small/dump '{url}' && exit 9
             ls -A small/dump | grep -v -e lock -e state && exit 8; exit 0",
            server.url("postgres")
        ),
    );
    if let Some(run) = run {
        let run = run.succeeds().fails(0, "No space left on device");
        assert!(!run.stderr.contains("terminated by user"), "{run:?}");
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_mistyped_database_is_not_recorded() {
    let server = Server::start();
    let missing = server.url("apq");
    assert_what_is_missing_is_not_recorded(&Env::new(), &server.url("postgres"), &missing);
}
