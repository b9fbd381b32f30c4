//! The content of a user's option file, and what it must not change.

use std::fs;

use super::Server;
use crate::servers::drilled::drill;
use crate::support::{Env, Run};

const ROWS: &str = "SELECT GROUP_CONCAT(v ORDER BY v) FROM t";

/// Starts a server with the database `app`, and writes an option file with this content. Returns
/// the server, and the end of a URL that names the option file.
fn with_options(env: &Env, content: &str) -> (Server, String) {
    let server = Server::start();
    server.sql(
        "",
        "CREATE DATABASE app; CREATE TABLE app.t (at TIMESTAMP, v TEXT)",
    );
    server.sql(
        "app",
        "INSERT INTO t VALUES ('2026-03-29 01:30:00', 'a'), (NOW(), 'b')",
    );
    let file = env.path("options");
    fs::write(&file, content).unwrap();
    let end = format!("&defaults-file={}", file.display());
    (server, end)
}

#[test]
#[ignore = "needs MariaDB"]
fn force_does_not_make_a_failed_restore_a_success() {
    let env = Env::new();
    let (server, options) = with_options(&env, "[client]\nforce\n");
    server.sql(
        "",
        "CREATE DATABASE other; CREATE TABLE other.t (a INT); CREATE VIEW app.zzz AS SELECT a FROM other.t",
    );
    let dump = env.dump(&server.url("app")).display().to_string();
    server.sql(
        "",
        "DROP DATABASE other; DELETE FROM app.t; INSERT INTO app.t VALUES (NOW(), 'old')",
    );
    let before = server.databases();
    for (how, name) in [("", "fresh"), ("--replace", "app")] {
        let url = format!("{}{options}", server.url(name));
        env.run(&format!("restore {how} {dump} {url}"))
            .fails(1, "the dump cannot be loaded");
        assert_eq!(server.databases(), before);
        assert_eq!(server.sql("app", ROWS), "old");
    }
}

#[test]
#[ignore = "needs MariaDB"]
fn flags_of_an_option_file_leave_nothing_out() {
    let env = Env::new();
    let (server, options) = with_options(
        &env,
        "[client]\nforce\n[mysqldump]\nno-data\nno-create-info\ncompact\nskip-tz-utc\nskip-opt\nskip-quote-names
         skip-triggers\nskip-routines\nskip-comments\ninsert-ignore\n[mysql]\nsafe-updates\n",
    );
    let url = format!("{}{options}", server.url("app"));
    let dump = env.dump(&url).display().to_string();
    let text = Run::finish(env.command("gunzip").args(["-c", &dump])).succeeds();
    assert!(text.stdout.contains("SET TIME_ZONE='+00:00'"));
    assert!(!text.stdout.contains("INSERT  IGNORE"));
    env.run(&format!("restore {dump} {}", server.url("again")))
        .succeeds();
    let content = |name| server.read_all(name).replace("again", "app");
    assert_eq!(content("again"), content("app"));
}

#[test]
#[ignore = "needs MariaDB"]
fn what_no_flag_undoes_is_refused_by_name_and_without_what_it_holds() {
    let env = Env::new();
    let (server, options) = with_options(&env, "");
    let url = format!("{}{options}", server.url("app"));
    for (group, option, name) in [
        ("mysqldump", "ignore-table=app.s3cr3t", "ignore-table"),
        (
            "mariadb-dump",
            "loose_ignore_table=app.s3cr3t",
            "ignore-table",
        ),
        ("mariadb-dump", "wher=v<>'s3cr3t'", "where"),
    ] {
        fs::write(env.path("options"), format!("[{group}]\n{option}\n")).unwrap();
        let run = env.run(&format!("--log trace dump {url}"));
        let run = run.fails(1, &format!("an option file sets {name} for mariadb-dump"));
        assert!(!run.stderr.contains("s3cr3t"), "{run:?}");
        assert_eq!(env.names().len(), 0);
    }
    fs::write(env.path("options"), "").unwrap();
    let dump = env.dump(&url).display().to_string();
    fs::write(env.path("options"), "[mysql]\nexecute=DO 1\n").unwrap();
    let again = format!("{}{options}", server.url("again"));
    let run = env.run(&format!("restore {dump} {again}"));
    run.fails(1, "an option file sets execute for mariadb");
}

#[test]
#[ignore = "needs MariaDB"]
fn a_drill_reads_nothing_of_the_users() {
    let env = Env::new();
    let (server, _) = with_options(&env, "");
    env.dump(&server.url("app"));
    fs::write(
        env.path(".my.cnf"),
        "[client]\npassword=nonsense\nhost=192.0.2.1\n[mysqld]\nnonsense\n",
    )
    .unwrap();
    let mut command = env.program("drill --scratch .");
    command
        .env("HOME", env.path(""))
        .env("MYSQL_PWD", "nonsense");
    Run::finish(&mut command).succeeds();
    drop(server);
    drill(&env, "").succeeds();
}
