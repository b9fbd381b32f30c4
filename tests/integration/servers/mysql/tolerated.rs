//! Content that a server holds, but would refuse if it were inserted again.

use super::Server;
use crate::servers::drilled::drill;
use crate::support::Env;

#[test]
#[ignore = "needs MariaDB"]
fn rows_from_before_a_check_and_tables_too_wide_for_strict_mode_come_back() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE app");
    let columns: Vec<_> = (0..40)
        .map(|n| format!("c{n} VARCHAR(255) CHARACTER SET latin1"))
        .collect();
    server.script(
        "app",
        &format!(
            "CREATE TABLE checked (i INT PRIMARY KEY, v INT); INSERT INTO checked VALUES (1, -1), (2, 1);
             SET check_constraint_checks = 0, innodb_strict_mode = 0;
             ALTER TABLE checked ADD CONSTRAINT positive CHECK (v > 0);
             CREATE TABLE wide ({}); INSERT INTO wide (c0) VALUES ('a');",
            columns.join(", ")
        ),
    );
    let expected = server.read_all("app");
    let dump = env.dump(&server.url("app"));
    let restore = |to: &str| {
        let to = server.url(to);
        env.run(&format!("restore --replace {} {to}", dump.display()))
            .succeeds();
    };
    restore("again");
    assert!(server.read_all("again").replace("again", "app") == expected);
    server.sql("app", "DROP TABLE checked");
    restore("app");
    assert!(server.read_all("app") == expected);
    let refused = server.try_sql("app", "INSERT INTO checked VALUES (3, -1)");
    assert!(!refused.status.success());
    drill(&env, &dump.display().to_string()).succeeds();
}

#[test]
#[ignore = "needs MariaDB"]
fn a_definer_that_is_gone_is_reported_and_keeps_nothing_from_being_restored() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE app; CREATE USER gone@localhost");
    server.script(
        "app",
        "CREATE TABLE t (a INT); INSERT INTO t VALUES (1);
         CREATE DEFINER = gone@localhost PROCEDURE p() SELECT 1;
         CREATE DEFINER = gone@localhost TRIGGER stamped BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 2;
         CREATE DEFINER = gone@localhost EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 03:00:00' DISABLE DO SELECT 1;",
    );
    server.sql("", "DROP USER gone@localhost");
    let expected = server.read_all("app");
    let dump = env.dump(&server.url("app"));
    server.sql("", "DROP DATABASE app");
    let run = env
        .run(&format!("restore {} {}", dump.display(), server.url("app")))
        .succeeds();
    let said = "lacks the users (definers) gone@localhost;";
    assert_eq!(run.stderr.matches(said).count(), 1, "{run:?}");
    assert!(server.read_all("app") == expected);
}
