//! A URL without a database stands for every database of the server.

use super::Server;
use crate::support::{Env, Run};

fn databases(env: &Env) -> Vec<String> {
    let name = |name: &String| name.split("-2").next().unwrap().to_owned();
    let mut names: Vec<_> = env.names().iter().map(name).collect();
    names.dedup();
    names
}

#[test]
#[ignore = "needs PostgreSQL"]
fn every_database_is_found_at_each_run() {
    let env = Env::new();
    let server = Server::start();
    for name in ["globals", "a/b c", "app_test", "app", "tmp1"] {
        server.psql("postgres", &format!("CREATE DATABASE \"{name}\""));
    }
    for name in ["globals", "a/b c"] {
        server.psql(name, &format!("CREATE TABLE own AS SELECT '{name}' AS v"));
    }
    server.psql("postgres", "CREATE DATABASE closed ALLOW_CONNECTIONS false");
    server.psql("postgres", "CREATE DATABASE pattern IS_TEMPLATE true");
    let url = server.url("");
    let run = env.run(&format!("dump {url} --exclude *_test --exclude tmp[0-9]"));
    let closed = "warning: closed is not dumped: it allows no connections";
    assert!(run.succeeds().stderr.contains(closed));
    let first = [
        "@globals",
        "a%2Fb%20c",
        "app",
        "globals",
        "pattern",
        "postgres",
    ];
    assert_eq!(databases(&env), first);

    server.psql("postgres", "CREATE DATABASE later");
    server.psql("template1", "CREATE TABLE house_rule ()");
    let run = env
        .run(&format!("dump {url} --exclude *_test,tmp? --jobs 3"))
        .succeeds();
    let second = [
        "@globals",
        "a%2Fb%20c",
        "app",
        "globals",
        "later",
        "pattern",
        "postgres",
        "template1",
    ];
    assert_eq!(databases(&env), second);
    let table: Vec<_> = run.stderr.lines().rev().take(8).collect();
    assert!(
        table.iter().all(|line| line.contains("  dumped  ")),
        "{run:?}"
    );
    env.run("verify").succeeds();
    for _ in 0..5 {
        env.run(&format!("dump {url} --jobs 4")).succeeds();
    }
    let of_app = env
        .names()
        .into_iter()
        .filter(|name| name.starts_with("app-"));
    assert_eq!(of_app.count(), 5);

    for (name, target) in [("globals", "globals2"), ("a/b c", "a%2Fb%20d")] {
        let mut restore = env.program("restore dump --name");
        restore.arg(name).arg(server.url(target));
        Run::finish(&mut restore).succeeds();
        let restored = target.replace("%2F", "/").replace("%20", " ");
        assert_eq!(server.psql(&restored, "SELECT v FROM own"), name);
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn one_that_cannot_be_dumped_does_not_keep_the_others() {
    let env = Env::new();
    let server = Server::start();
    server.psql(
        "postgres",
        "CREATE ROLE backup LOGIN; GRANT pg_read_all_data TO backup",
    );
    for name in ["good", "secret", "worse"] {
        server.psql("postgres", &format!("CREATE DATABASE {name}"));
    }
    server.psql(
        "secret",
        "CREATE TABLE t (); ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    );
    let url = server.url_as("backup", "");
    for jobs in [1, 3] {
        let run = env.run(&format!("dump {url} --jobs {jobs}"));
        let run = run.fails(1, "secret    FAILED  the role may not read all of secret");
        assert_eq!(run.paths().len(), 4, "{run:?}");
    }
    assert_eq!(databases(&env), ["@globals", "good", "postgres", "worse"]);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn two_whole_servers_in_one_directory_are_a_usage_error() {
    let env = Env::new();
    env.run("dump postgresql://a/ mysql://b/")
        .fails(2, "@globals");
    env.run("dump postgresql://a/ --name x").fails(2, "--name");
    env.run("dump postgresql://a/x postgresql://b/x")
        .fails(2, "both called x");
    env.run("dump postgresql://a/x?sslpassword=abc")
        .fails(2, "sslpassword");
    env.run("dump mysql://a/x?sock=1")
        .fails(2, "sock is not a parameter");
    env.run("dump oracle://a/x").fails(2, "oracle://");
    assert_eq!(env.names(), [""; 0]);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_template1_that_is_no_ordinary_template_is_dumped_or_named() {
    let env = Env::new();
    let server = Server::start();
    let url = server.url("");
    server.psql("postgres", "ALTER DATABASE template1 IS_TEMPLATE false");
    env.run(&format!("dump {url}")).succeeds();
    assert_eq!(databases(&env), ["@globals", "postgres", "template1"]);
    server.psql(
        "postgres",
        "ALTER DATABASE template1 ALLOW_CONNECTIONS false",
    );
    let run = env.run(&format!("dump {url}")).succeeds();
    let said = "template1 is not dumped: it allows no connections";
    assert!(run.stderr.contains(said), "{run:?}");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn databases_half_gone_are_left_out_and_a_template1_with_other_grants_is_not() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE half");
    server.psql(
        "postgres",
        "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'half'",
    );
    let url = server.url("");
    let run = env.run(&format!("dump {url}")).succeeds();
    assert!(run.stderr.contains("half is not dumped"), "{run:?}");
    assert_eq!(databases(&env), ["@globals", "postgres"]);
    for (changed, back) in [
        (
            "REVOKE USAGE ON SCHEMA public FROM PUBLIC",
            "GRANT USAGE ON SCHEMA public TO PUBLIC",
        ),
        (
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
            "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC",
        ),
    ] {
        server.psql("template1", changed);
        let run = env.run(&format!("dump {url}")).succeeds();
        assert_eq!(run.paths().len(), 3, "{changed}: {run:?}");
        server.psql("template1", back);
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn what_a_killed_restore_left_is_named_and_not_dumped() {
    let env = Env::new();
    let server = Server::start();
    let left = "\"app.restoring-6927a1c2-1f4\"";
    server.psql("postgres", &format!("CREATE DATABASE {left}"));
    let url = server.url("");
    let run = env.run(&format!("dump {url}")).succeeds();
    let remove = format!("remove it with DROP DATABASE {left}");
    assert!(run.stderr.contains(&remove), "{run:?}");
    assert_eq!(databases(&env), ["@globals", "postgres"]);
    env.run(&format!("dump {url} --exclude *"))
        .fails(1, "nothing is dumped: --exclude leaves out every database");
}
