//! Drills of MariaDB dumps.

use super::Server;
use crate::servers::drilled::{drill, fails, skips_unchanged, with_text};
use crate::support::Env;

fn server() -> Server {
    let server = Server::start();
    server.sql("", "CREATE DATABASE app; CREATE USER maker@localhost");
    server.sql(
        "app",
        "CREATE TABLE t (v INT); INSERT INTO t SELECT seq FROM seq_1_to_9;
         CREATE DEFINER = maker@localhost VIEW seen AS SELECT v FROM t;
         CREATE EVENT e ON SCHEDULE EVERY 1 SECOND DO INSERT INTO t VALUES (0)",
    );
    server
}

#[test]
fn what_verifies_and_does_not_restore_or_lost_a_table_fails() {
    let env = Env::new();
    let server = server();
    let dump = env.dump(&server.url("app"));
    let run = drill(&env, "").succeeds();
    assert!(run.stdout.contains("1 tables with 9 rows"), "{run:?}");

    let broken = |text: String| text.replace("INSERT INTO `t`", "INSERT IN `t`");
    fails(&env, &with_text(&dump, broken), "ERROR 1064");
    let renamed = |text: String| text.replace("`t`", "`u`");
    fails(&env, &with_text(&dump, renamed), "the table t is missing");
    drill(&env, "").succeeds();
    env.run("status").succeeds();

    let long =
        env.path("a-name-of-a-directory-that-leaves-no-room-for-the-name-of-a-socket-".repeat(2));
    std::fs::create_dir(&long).unwrap();
    let run = env
        .run(&format!("drill --scratch {}", long.display()))
        .succeeds();
    assert!(run.stdout.contains("restored in"), "{run:?}");
}

#[test]
fn a_database_that_did_not_change_is_skipped() {
    let env = Env::new();
    let server = server();
    skips_unchanged(&env, &server.url("app"), || {
        server.sql("app", "INSERT INTO t VALUES (10)");
    });
}
