//! Rows that settings of a server would hide, and rows that are counted in the dump and again
//! after the restore.

use std::process::Stdio;

use super::Server;
use crate::servers::KilledOnDrop;
use crate::servers::clients::{edit_questions, with_fake};
use crate::servers::drilled::{drill, fails, with_text};
use crate::support::planted::header;
use crate::support::{Env, Run, wait_until};
use dump_database::header::Rows;

fn server() -> Server {
    let server = Server::start();
    server.sql("", "CREATE DATABASE app");
    server.script(
        "app",
        "CREATE TABLE many (i INT PRIMARY KEY, v CHAR(9));
         INSERT INTO many SELECT seq, IF(seq % 2, '),\\n(', ';\\n') FROM seq_1_to_6000;
         CREATE TABLE none (i INT);
         CREATE TABLE history (i INT) WITH SYSTEM VERSIONING;
         INSERT INTO history VALUES (1), (2); DELETE FROM history WHERE i = 1;",
    );
    server
}

#[test]
#[ignore = "needs MariaDB"]
fn rows_are_counted_in_the_dump_and_compared_by_the_drill() {
    let env = Env::new();
    let server = server();
    let dump = env.dump(&server.url("app"));
    let counted: Vec<_> = header(&dump)
        .facts
        .tables
        .into_iter()
        .map(|(name, rows)| (name, rows.and_then(Rows::exact)))
        .collect();
    let expected = [("history", None), ("many", Some(6000)), ("none", Some(0))];
    assert_eq!(
        counted,
        expected.map(|(name, rows)| (name.to_owned(), rows))
    );
    let run = drill(&env, "").succeeds();
    let counted = "3 tables with 6001 rows, in 2 of them counted as many as were dumped";
    assert!(run.stdout.contains(counted), "{run:?}");
    let fewer = |text: String| text.replace("\n(4711,'),\\n('),", "");
    fails(
        &env,
        &with_text(&dump, fewer),
        "many has 5999 rows and had 6000",
    );
}

#[test]
#[ignore = "needs MariaDB"]
fn a_limit_that_is_set_while_another_database_is_dumped_is_noticed() {
    let server = server();
    server.sql("", "CREATE DATABASE aaa; CREATE TABLE aaa.t (n INT)");
    let limit = ("sql_select_limit = 10", "sql_select_limit = DEFAULT");
    let on_connect = (
        "init_connect = 'SET sql_select_limit = 10'",
        "init_connect = ''",
    );
    let edited = |sed: &str| edit_questions("/usr/bin/mariadb", sed);
    let [as_it_is, unknown] =
        ["", "s/@@GLOBAL.system_versioning_asof/@@GLOBAL.unknown/"].map(edited);
    let with_role =
        "reading; GRANT reading TO reader@localhost; SET DEFAULT ROLE reading FOR reader@localhost";
    for ((set, unset), granted, client) in [
        (limit, "reader@localhost", &as_it_is),
        (on_connect, "reader@localhost", &as_it_is),
        (limit, with_role, &as_it_is),
        (limit, "reader@localhost", &unknown),
    ] {
        let env = Env::new();
        let path = with_fake(&env, "mariadb", client);
        // init_connect does not apply to root.
        server.sql(
            "",
            &format!("CREATE OR REPLACE ROLE reading; CREATE OR REPLACE USER reader@localhost; GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE, PROCESS, SHOW DATABASES ON *.* TO {granted}"),
        );
        let mut locking = server.client("mariadb");
        locking.args(["aaa", "-e", "LOCK TABLES t WRITE; SELECT SLEEP(600)"]);
        let locking = locking.stdout(Stdio::null()).stderr(Stdio::null());
        let _locking = KilledOnDrop(locking.spawn().unwrap());
        let count = |state: &str| {
            let list = "information_schema.processlist WHERE state";
            server.sql("", &format!("SELECT COUNT(*) FROM {list} LIKE '{state}%'"))
        };
        wait_until(|| count("User sleep") == "1");
        let url = server.url_as("reader", "");
        let mut dump = env.program(&format!("dump --exclude test {url}"));
        dump.env("PATH", path);
        let dump = dump.stdout(Stdio::piped()).stderr(Stdio::piped());
        let dump = dump.spawn().unwrap();
        wait_until(|| count("Waiting for table metadata") == "1");
        server.sql("", &format!("SET GLOBAL {set}"));
        let sleeping = "SELECT id FROM information_schema.processlist WHERE state = 'User sleep'";
        let sleeping = server.sql("", sleeping);
        server.sql("", &format!("KILL {sleeping}"));
        let said = "app       FAILED  sql_select_limit is 10 in the user's sessions";
        Run::end_of(dump).fails(1, said);
        assert_eq!(env.names().len(), 1, "aaa alone: {:?}", env.names());
        server.sql("", &format!("SET GLOBAL {unset}"));
    }
}

#[test]
#[ignore = "needs MariaDB"]
fn a_server_that_hides_rows_is_refused_and_its_other_limits_lose_none() {
    let env = Env::new();
    let server = server();
    let url = server.url("app");
    let expected = server.read_all("app");
    server.sql("", "SET GLOBAL sql_select_limit = 0");
    for args in ["app", ""] {
        let run = env.run(&format!("dump {}", server.url(args)));
        run.fails(1, "sql_select_limit is 0 in the user's sessions");
    }
    server.sql("", "SET GLOBAL sql_select_limit = DEFAULT");
    for (variable, value) in [
        ("sql_select_limit", "1000"),
        ("system_versioning_asof", "'2020-01-01'"),
    ] {
        server.sql("", &format!("SET GLOBAL {variable} = {value}"));
        env.run(&format!("dump {url}"))
            .fails(1, &format!("{variable} is "));
        server.sql("", &format!("SET GLOBAL {variable} = DEFAULT"));
    }
    server.sql(
        "",
        "CREATE USER app@localhost; GRANT ALL ON app.* TO app@localhost; GRANT PROCESS ON *.* TO app@localhost;
         SET GLOBAL init_connect = 'SET sql_select_limit = 10'",
    );
    env.run(&format!("dump {}", server.url_as("app", "app")))
        .fails(1, "sql_select_limit is 10 in the user's sessions");
    server.sql("", "SET GLOBAL init_connect = ''");
    server.sql("", "SET GLOBAL max_join_size = 1000");
    env.run(&format!("dump {url}")).fails(1, "MAX_JOIN_SIZE");
    server.sql("", "SET GLOBAL max_join_size = DEFAULT");
    assert!(env.names().is_empty());

    for setting in [
        "sql_mode = 'PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
        "sql_safe_updates = 1",
        // Reading the catalogue alone takes longer.
        "max_statement_time = 0.002",
    ] {
        server.sql("", &format!("SET GLOBAL {setting}"));
    }
    let dump = env.dump(&url).display().to_string();
    env.run(&format!("restore {dump} {}", server.url("again")))
        .succeeds();
    drill(&env, "").succeeds();
    for variable in ["sql_mode", "sql_safe_updates", "max_statement_time"] {
        let reset = format!("SET SESSION max_statement_time = 0; SET GLOBAL {variable} = DEFAULT");
        server.sql("", &reset);
    }
    assert!(server.read_all("again").replace("again", "app") == expected);
}
