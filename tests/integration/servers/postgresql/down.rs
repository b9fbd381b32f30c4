//! Servers that are down, that another server takes over from, or that are standbys.

use std::fs;

use super::Server;
use crate::servers::clients::with_fake;
use crate::support::{Env, Run};

#[test]
#[ignore = "needs PostgreSQL"]
fn after_a_failover_it_is_the_same_source() {
    let env = Env::new();
    let (mut first, second) = (Server::start(), Server::start());
    for server in [&first, &second] {
        server.psql("postgres", "CREATE DATABASE app");
        server.psql("app", "CREATE TABLE t (v text); INSERT INTO t VALUES ('a')");
    }
    let url = format!(
        "postgresql://postgres@/app?host={},{}",
        first.directory().display(),
        second.directory().display()
    );
    // An earlier version, or an earlier URL, names only one host.
    env.dump(&format!("--keep 2 {}", first.url("app")));
    env.dump(&url);
    first.stop();
    env.dump(&url);
    assert_eq!(env.names().len(), 2);
    let run = env.run(&format!("dump {}", second.url("app")));
    // A URL with only the other host is another source.
    run.fails(1, "the newest dump called app in");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_server_that_is_down_is_said_once_and_each_of_its_databases_has_failed() {
    let env = Env::new();
    let mut server = Server::start();
    for name in ["app", "dropped"] {
        server.psql("postgres", &format!("CREATE DATABASE {name}"));
    }
    let url = server.url("");
    env.run(&format!("dump {url}")).succeeds();
    env.run("status").succeeds();
    server.psql("postgres", "DROP DATABASE dropped");
    // An excluded database still belongs to the server.
    env.run(&format!("dump --exclude app {url}")).succeeds();
    server.stop();
    let run = env
        .run(&format!("dump {url}"))
        .fails(1, "3 of 3 were not dumped: app, postgres, @globals");
    let said = format!("error: the databases of {url} cannot be listed: cannot connect to");
    assert_eq!(run.stderr.matches(&said).count(), 1, "{run:#?}");
    assert_eq!(
        run.stderr
            .matches("FAILED  the databases of its server cannot be listed")
            .count(),
        3,
        "{run:#?}"
    );
    assert!(!run.stderr.contains("@globals was not dumped"), "{run:#?}");
    let status = env.run("status");
    assert_eq!(status.status, Some(1));
    for name in ["app", "postgres", "@globals"] {
        let of_it = status.stdout.lines().find(|line| line.starts_with(name));
        assert!(
            of_it.is_some_and(|line| line.contains("cannot be listed")),
            "{status:#?}"
        );
    }
    let run = env.run(&format!("dump --exclude app {url}"));
    run.fails(1, "2 of 2 were not dumped: postgres, @globals");
    let run = env.run(&format!("dump --exclude app,@globals {url}"));
    let run = run.fails(1, &said);
    assert!(!run.stderr.contains("@globals"), "{run:#?}");
    // The server's failure counts even if none of its databases is known or wanted.
    let run = env.run(&format!("dump --exclude * {url}")).fails(1, &said);
    assert!(!run.stderr.contains("nothing is dumped"), "{run:#?}");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_standby_that_ends_a_dump_is_asked_once_more() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    server.psql("app", "CREATE TABLE t (v text); INSERT INTO t VALUES ('a')");
    let real = Run::finish(env.command("which").arg("pg_dump"))
        .succeeds()
        .stdout;
    let ends = format!(
        "case \"$*\" in *--version*) exec {real} --version;; esac
         echo x >> ended
         [ \"$(wc -l < ended)\" -gt \"$(cat most)\" ] && exec {real} \"$@\"
         echo 'pg_dump: error: ERROR:  canceling statement due to conflict with recovery' >&2; exit 1",
        real = real.trim()
    );
    let path = with_fake(&env, "pg_dump", &ends);
    let dump = |most: &str| {
        fs::write(env.path("most"), most).unwrap();
        let _ = fs::remove_file(env.path("ended"));
        Run::finish(
            env.program(&format!("dump {}", server.url("app")))
                .env("PATH", &path),
        )
    };
    let run = dump("1").succeeds();
    assert!(
        run.stderr.contains("conflict with recovery; trying again"),
        "{run:?}"
    );
    let run = dump("9").fails(1, "hot_standby_feedback");
    assert_eq!(
        fs::read_to_string(env.path("ended"))
            .unwrap()
            .lines()
            .count(),
        2,
        "{run:?}"
    );
    assert_eq!(env.names().len(), 1);
}
