//! Restores that fail leave everything as it was; `--replace` keeps what it replaces.

use std::fs;
use std::process::Stdio;

use super::Server;
use crate::servers::{KilledOnDrop, wait_for};
use crate::support::{Env, Run, database, planted};

const ROWS: &str = "SELECT string_agg(v, ',' ORDER BY v) FROM t";

/// Starts a server with the database `app`, and makes a dump of it without its last row.
fn dumped(env: &Env, options: &str) -> (Server, String) {
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app CONNECTION LIMIT 33");
    server.psql(
        "app",
        "CREATE TABLE t (v text); INSERT INTO t VALUES ('a'), ('b')",
    );
    let dump = env.dump(&format!("{options} {}", server.url("app")));
    server.psql("app", "INSERT INTO t VALUES ('later')");
    (server, dump.display().to_string())
}

#[test]
#[ignore = "needs PostgreSQL"]
fn an_existing_database_is_replaced_only_when_asked_and_kept_as_a_dump() {
    for format in ["plain", "custom"] {
        let env = Env::new();
        let (server, dump) = dumped(&env, &format!("--format {format}"));
        let url = server.url("app");
        env.run(&format!("restore {dump} {url}"))
            .fails(1, "--replace");
        assert_eq!(server.psql("app", ROWS), "a,b,later");

        let mut session = server.client("psql", "app");
        session
            .args(["-Xc", "SELECT pg_sleep(600)"])
            .stderr(Stdio::null());
        let mut session = KilledOnDrop(session.spawn().unwrap());
        wait_for("a session", || {
            server.psql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleep(600)' AND datname = 'app'") == "1"
        });
        let before = server.databases();
        let run = env
            .run(&format!("restore --replace {dump} {url}"))
            .succeeds();
        assert!(!session.0.wait().unwrap().success());
        assert_eq!(server.databases(), before);
        assert_eq!(server.psql("app", ROWS), "a,b");
        let limit = "SELECT datconnlimit FROM pg_database WHERE datname = 'app'";
        assert_eq!(server.psql("postgres", limit), "33");

        // The replaced database was dumped, but the next restore does not choose that dump.
        let names = env.names();
        assert_eq!(names.len(), 2, "{names:?}");
        let saved = env.dumps().join(&names[1]);
        assert!(run.stderr.contains(&names[1]), "{run:?}");
        let back = env.run(&format!(
            "restore {} {}",
            saved.display(),
            server.url("back")
        ));
        back.succeeds();
        assert_eq!(server.psql("back", ROWS), "a,b,later");
        assert_eq!(server.psql("postgres", &limit.replace("app", "back")), "33");
        env.run(&format!("restore --replace dump {url}")).succeeds();
        assert_eq!(server.psql("app", ROWS), "a,b");
        env.run(&format!("dump {url}")).succeeds();
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_safety_dump_that_fails_puts_the_old_database_back() {
    let env = Env::new();
    let (server, dump) = dumped(&env, "");
    let before = server.databases();
    let settings = server.read_all("app");
    fs::write(env.path("file"), "").unwrap();
    // Dumps of another database have its name in this directory.
    database::make_small(&env.path("other.sqlite"));
    env.run("dump --name app --to taken other.sqlite")
        .succeeds();
    for (to, said) in [
        ("file", "could not be dumped first (--to says where to)"),
        ("taken", "the old database is as it was"),
    ] {
        env.run(&format!(
            "restore --replace --to {to} {dump} {}",
            server.url("app")
        ))
        .fails(1, said);
        assert_eq!(server.databases(), before);
        assert_eq!(server.read_all("app"), settings);
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_restore_that_fails_at_its_last_statement_leaves_nothing() {
    for format in ["plain", "custom"] {
        let env = Env::new();
        let server = Server::start();
        server.psql("postgres", "CREATE ROLE marker; CREATE TABLE zzz (a int)");
        server.psql(
            "postgres",
            "SELECT lo_from_bytea(1, 'abc');
             CREATE MATERIALIZED VIEW last AS SELECT 1 / (SELECT count(*) FROM pg_roles WHERE rolname = 'marker')",
        );
        let dump = env.dump(&format!("--format {format} {}", server.url("postgres")));
        server.psql("postgres", "DROP ROLE marker");
        server.psql("postgres", "CREATE DATABASE app");
        server.psql("app", "CREATE TABLE t AS SELECT 'old' AS v");
        let before = server.databases();
        for (options, name) in [("", "fresh"), ("--replace", "app")] {
            env.run(&format!(
                "restore {options} {} {}",
                dump.display(),
                server.url(name)
            ))
            .fails(1, "division by zero");
            assert_eq!(server.databases(), before);
            assert_eq!(server.psql("app", ROWS), "old");
        }
        assert_eq!(env.names().len(), 1);
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn sigterm_during_a_restore_leaves_nothing() {
    let env = Env::new();
    let server = Server::start();
    server.psql(
        "postgres",
        "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 10) AS v FROM generate_series(1, 200000) n;
         CREATE INDEX ON t (v)",
    );
    let dump = env.dump(&server.url("postgres"));
    let before = server.databases();
    let running = env.start(&format!(
        "restore {} {}",
        dump.display(),
        server.url("fresh")
    ));
    wait_for("a database being restored", || {
        server.databases().len() > before.len()
    });
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&running),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    assert_eq!(Run::end_of(running).signal, Some(15));
    assert_eq!(server.databases(), before);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_database_with_a_replication_slot_is_not_replaced() {
    let env = Env::new();
    let (server, dump) = dumped(&env, "");
    server.psql(
        "app",
        "SELECT pg_create_logical_replication_slot('downstream', 'pgoutput')",
    );
    server.psql(
        "app",
        "CREATE SUBSCRIPTION news CONNECTION 'host=/nonexistent' PUBLICATION p WITH (connect = false)",
    );
    let run = env.run(&format!("restore --replace {dump} {}", server.url("app")));
    let run = run.fails(1, "replication slot downstream");
    assert!(run.stderr.contains("subscription news"), "{run:?}");
    assert_eq!(server.psql("app", ROWS), "a,b,later");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn all_that_the_server_lacks_is_listed_at_once() {
    let env = Env::new();
    let server = Server::start();
    let place = server.directory().join("space");
    fs::create_dir(&place).unwrap();
    crate::servers::give_to("postgres", &place);
    server.psql("postgres", "CREATE ROLE owner_; CREATE ROLE \"Other\"");
    server.psql(
        "postgres",
        &format!("CREATE TABLESPACE fast LOCATION '{}'", place.display()),
    );
    server.psql(
        "postgres",
        "CREATE DATABASE app OWNER owner_ TABLESPACE fast",
    );
    server.psql(
        "app",
        "CREATE TABLE t (); GRANT SELECT ON t TO \"Other\"; CREATE EXTENSION hstore",
    );
    let dump = env.dump(&server.url("app"));
    // Back on the same server the database is complete, including its tablespace.
    env.run(&format!(
        "restore {} {}",
        dump.display(),
        server.url("again")
    ))
    .succeeds();
    let space = "SELECT spcname FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace WHERE datname = 'again'";
    assert_eq!(server.psql("postgres", space), "fast");
    let other = Server::start();
    let lacking = planted::changed(&dump, |header| {
        header.time = planted::ago(60);
        for (kind, name) in [("extensions", "nowhere"), ("collations", "tlh-x-icu")] {
            let names = header.facts.settings.get_mut(kind).unwrap();
            names.as_array_mut().unwrap().push(name.into());
        }
    });
    let run = env.run(&format!(
        "restore {} {}",
        lacking.display(),
        other.url("app")
    ));
    run.fails(
        1,
        "the roles Other, owner_; the extensions nowhere; the tablespaces fast; the collations tlh-x-icu;",
    );
    assert_eq!(other.databases(), ["postgres", "template0", "template1"]);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_dump_goes_only_where_it_belongs() {
    let env = Env::new();
    let (server, dump) = dumped(&env, "");
    env.run(&format!("restore {dump} {}", server.url("")))
        .fails(1, "add the target database to the server's URL");
    env.run(&format!("restore {dump} app.sqlite"))
        .fails(1, "cannot be restored into");
    env.run(&format!("restore {dump} mysql://localhost/app"))
        .fails(1, "cannot be restored into");
}
