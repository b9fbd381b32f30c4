//! The databases that a dump finds, the messages about them, and the server they belong to.

use std::fs;

use super::Server;
use crate::servers::clients::with_fake;
use crate::servers::free_port;
use crate::support::{Env, Run};

#[test]
#[ignore = "needs MariaDB"]
fn every_database_is_found_but_the_servers_own_and_a_disks_directory() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE Sys; CREATE DATABASE `two words`");
    let lost = server.directory().join("data/lost+found");
    fs::create_dir(&lost).unwrap();
    crate::servers::give_to("mysql", &lost);
    assert!(server.databases().contains("lost+found"));
    let run = env.run(&format!("dump {}", server.url(""))).succeeds();
    assert_eq!(run.paths().len(), 3, "{run:?}");
    assert!(!run.stderr.contains("SHOW DATABASES"), "{run:?}");

    // On an old server `sys` is an ordinary name.
    server.sql(
        "",
        "DROP DATABASE sys; CREATE DATABASE sys; CREATE DATABASE app",
    );
    let excluding = "--exclude t* --exclude S*";
    let run = env.run(&format!("dump --to again {excluding} {}", server.url("")));
    let names = crate::support::names(&env.path("again")).join(" ");
    assert_eq!(run.succeeds().paths().len(), 3, "{names}");
    assert!(names.contains("sys-") && names.contains("app-"), "{names}");
}

#[test]
#[ignore = "needs MariaDB"]
fn what_a_user_may_not_see_is_said_or_refused_with_a_role_too() {
    let env = Env::new();
    let server = Server::start();
    server.sql(
        "",
        "CREATE DATABASE app; CREATE TABLE app.t (a INT); CREATE USER u@localhost; CREATE ROLE reader;
         GRANT SELECT, SHOW VIEW, EXECUTE ON app.* TO reader; GRANT reader TO u@localhost;
         SET DEFAULT ROLE reader FOR u@localhost",
    );
    let url = server.url_as("u", "app");
    env.run(&format!("dump {url}"))
        .fails(1, "it lacks TRIGGER, EVENT");
    server.sql("", "GRANT TRIGGER, EVENT ON app.* TO reader");
    env.run(&format!("dump {url}")).succeeds();
    let run = env.run(&format!("dump --to all {}", server.url_as("u", "")));
    assert!(run.stderr.contains("grant it SHOW DATABASES"), "{run:?}");
    server.sql("", "GRANT SHOW DATABASES ON *.* TO reader");
    let run = env.run(&format!("dump --to all {}", server.url_as("u", "")));
    assert!(!run.stderr.contains("grant it SHOW DATABASES"), "{run:?}");
}

#[test]
#[ignore = "needs MariaDB"]
fn a_table_that_shows_others_rows_is_said_to_be_dumped_without() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE app");
    server.sql(
        "app",
        "CREATE TABLE t (a INT) ENGINE=MyISAM; INSERT INTO t VALUES (1); CREATE TABLE m (a INT) ENGINE=MERGE UNION=(t)",
    );
    let run = env.run(&format!("dump {}", server.url("app"))).succeeds();
    let said = |end: &str| run.stderr.lines().any(|line| line.ends_with(end));
    assert!(said("on other servers: m (MRG_MyISAM)"), "{run:?}");
    assert!(said("in it or not: t (MyISAM)"), "{run:?}");
}

#[test]
#[ignore = "needs MariaDB"]
fn servers_that_an_option_file_leads_to_are_told_apart() {
    let env = Env::new();
    let start = || {
        let port = free_port();
        let server = Server::start_with(&format!("--bind-address=127.0.0.1 --port={port}"));
        server.sql(
            "",
            "CREATE DATABASE app; CREATE USER u@'%'; GRANT ALL ON *.* TO u@'%'",
        );
        (server, port)
    };
    let servers = [start(), start()];
    let run = |port: u16| {
        let file = format!("[client]\nhost=127.0.0.1\nport={port}\nprotocol=tcp\n");
        fs::write(env.path(".my.cnf"), file).unwrap();
        let mut command = env.program("dump mariadb://u@/app");
        Run::finish(command.env("HOME", env.root()))
    };
    run(servers[0].1).succeeds();
    let told = run(servers[1].1).fails(1, "the newest dump called app");
    let first = format!(":{}", servers[0].1);
    assert!(told.stderr.contains(&first), "no {first}: {told:?}");
    run(servers[0].1).succeeds();
}

#[test]
#[ignore = "needs MariaDB"]
fn flags_that_only_some_clients_know_are_passed_to_those() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE app; CREATE TABLE app.t (a INT)");
    let script = "[ \"$1\" = --help ] && { /usr/bin/mariadb-dump --help; echo ' --set-gtid-purged --column-statistics'; exit; }
echo \"$@\" >> said
for word; do shift; case $word in --set-gtid-purged=OFF|--column-statistics=0) ;; *) set -- \"$@\" \"$word\";; esac; done
exec /usr/bin/mariadb-dump \"$@\"";
    let path = with_fake(&env, "mariadb-dump", script);
    let mut dump = env.program(&format!("dump {}", server.url("app")));
    Run::finish(dump.env("PATH", path)).succeeds();
    let said = fs::read_to_string(env.path("said")).unwrap();
    for flag in [
        "--set-gtid-purged=OFF",
        "--column-statistics=0",
        "--single-transaction",
        "--tz-utc",
    ] {
        assert_eq!(said.matches(flag).count(), 1, "{said}");
    }
}

#[test]
#[ignore = "needs MariaDB"]
fn what_a_killed_restore_left_is_named_and_not_dumped() {
    let env = Env::new();
    let server = Server::start();
    let left = "app.restoring-65a-1f-0123abcd";
    server.sql(
        "",
        &format!("CREATE DATABASE `{left}`; CREATE DATABASE `app.restoring-x`"),
    );
    let run = env.run(&format!("dump {}", server.url(""))).succeeds();
    let said = format!("warning: {left} is not dumped: a restore that was killed left it");
    assert!(run.stderr.contains(&said), "{run:?}");
    let names = env.names();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("app.restoring-x-2"))
    );
    // Named by its URL, it is dumped.
    env.run(&format!("dump --to named {}", server.url(left)))
        .succeeds();
}
