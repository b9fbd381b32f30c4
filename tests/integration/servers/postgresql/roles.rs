//! Restores of the roles of a server: alone, and in order with the databases.

use super::Server;
use crate::servers::assert_not_restored;
use crate::servers::drilled::with_text;
use crate::support::{Env, Run};

#[test]
#[ignore = "needs PostgreSQL"]
fn everything_of_a_server_is_restored_in_order_and_one_failure_stops_nothing() {
    let env = Env::new();
    let old = Server::start();
    for sql in [
        "CREATE ROLE app LOGIN PASSWORD 'x'; CREATE ROLE reader; GRANT reader TO app",
        "CREATE DATABASE app OWNER app",
        "CREATE DATABASE bad",
        "CREATE DATABASE zoo",
        "CREATE TABLE in_postgres (v int)",
    ] {
        old.psql("postgres", sql);
    }
    let tables = "CREATE TABLE t (v text); INSERT INTO t VALUES ('a'); GRANT SELECT ON t TO reader";
    for database in ["app", "bad", "zoo"] {
        old.psql(database, tables);
    }
    env.run(&format!("dump {}", old.url(""))).succeeds();
    let new = Server::start();
    new.psql("postgres", "CREATE DATABASE bad");
    new.psql("bad", "CREATE TABLE mine (v int)");
    let run: Run = env.run(&format!("restore dump {}", new.url("")));
    let run = run.fails(1, "the database bad is not empty (table public.mine)");
    let last: Vec<_> = run.stderr.lines().rev().take(5).collect();
    for (line, expected) in last.iter().rev().zip([
        "@globals  restored",
        "app       restored",
        "error: bad       FAILED",
        "postgres  restored",
        "zoo       restored",
    ]) {
        assert!(line.starts_with(expected), "{run:#?}");
    }
    for database in ["app", "zoo", "postgres"] {
        assert_eq!(new.read_all(database), old.read_all(database));
    }
    let member = "SELECT pg_has_role('app', 'reader', 'member'), (SELECT rolpassword FROM pg_authid WHERE rolname = 'app')";
    assert_eq!(new.psql("postgres", member), old.psql("postgres", member));
    env.run(&format!("restore dump {}", env.path("x.sqlite").display()))
        .fails(2, "--name");
    env.run("restore dump mysql://root@/?socket=/nonexistent")
        .fails(1, "holds no dump of MySQL");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn of_roles_those_that_fail_are_named_and_the_others_are_restored() {
    let env = Env::new();
    let old = Server::start();
    old.psql(
        "postgres",
        "CREATE ROLE app LOGIN PASSWORD 'x'; CREATE ROLE bad LOGIN PASSWORD 'y'; CREATE ROLE reader;
         GRANT reader TO app; GRANT reader TO bad; ALTER ROLE app SET work_mem = '7MB'",
    );
    env.run(&format!("dump {}", old.url(""))).succeeds();
    let names = env.names();
    let globals = names
        .iter()
        .find(|name| name.starts_with("@globals"))
        .unwrap();
    // The prefix is the server's own.
    let dump = with_text(&env.path("dump").join(globals), |text| {
        text.replace(" bad", " pg_bad")
    });
    let new = Server::start();
    let restore = |options: &str| {
        env.run(&format!(
            "restore {options} {} {}",
            dump.display(),
            new.url("")
        ))
    };
    let roles = || {
        new.psql("postgres", "SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolname IN ('app', 'bad', 'reader')")
    };
    restore("").fails(1, "the server-wide objects cannot be restored");
    assert_eq!(roles(), "");
    let run = restore("--keep-going").fails(1, "not restored: ");
    let failed = [
        "role pg_bad: role name \"pg_bad\" is reserved",
        "grant reader TO pg_bad",
    ];
    assert_not_restored(&run, &failed, 2);
    assert!(!run.stderr.contains("SCRAM"), "{run:?}");
    assert_eq!(roles(), "app,reader");
    let member = "SELECT pg_has_role('app', 'reader', 'member'), (SELECT rolpassword FROM pg_authid WHERE rolname = 'app'),
        (SELECT rolconfig FROM pg_roles WHERE rolname = 'app')";
    assert_eq!(new.psql("postgres", member), old.psql("postgres", member));
    // A statement that the server does not understand is not repeated: it may hold a password.
    let dump = with_text(&dump, |text| {
        text.replacen(
            "CREATE ROLE reader;",
            "CREATE ROLE reader; ALTER ROLE reader PASSWORD 'SCRAM-SHA-256$4096' NOSUCH;",
            1,
        )
    });
    let run = env.run(&format!(
        "restore -v --keep-going {} {}",
        dump.display(),
        new.url("")
    ));
    assert!(!run.stderr.contains("SCRAM"), "{run:?}");
}
