//! Dumps that are restored and compared: table by table, catalogue by catalogue.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Server;
use crate::servers::{KilledOnDrop, drilled::drill};
use crate::support::Env;

const HARD: &str = "hard `ö` a/b c";
const HARD_URL: &str = "hard%20%60%C3%B6%60%20a%2Fb%20c";

fn hard_server() -> Server {
    let server = Server::start();
    for sql in [
        "CREATE USER app@localhost IDENTIFIED BY 'it''s \\\\'",
        "CREATE ROLE reader",
        "GRANT reader TO app@localhost",
        "SET DEFAULT ROLE reader FOR app@localhost",
        "CREATE USER 'odd `user`'@'%' IDENTIFIED BY PASSWORD '*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29' WITH MAX_USER_CONNECTIONS 3",
        "CREATE DATABASE `hard ``ö`` a/b c` CHARACTER SET latin1 COLLATE latin1_german2_ci COMMENT 'it''s \\\\ hard'",
        "GRANT SELECT ON `hard ``ö`` a/b c`.* TO reader",
    ] {
        server.sql("", sql);
    }
    server.script(HARD, include_str!("hard.sql"));
    let lines = "BEGIN\r\n    SELECT 'a\r\n';\r\nEND";
    server.script(
        HARD,
        &format!(
            "DELIMITER //\nCREATE PROCEDURE crlf() {lines}//\n
             CREATE EVENT crlf ON SCHEDULE EVERY 1 DAY DISABLE DO {lines}//\n"
        ),
    );
    server
}

fn dump_of(paths: &[PathBuf], start: &str) -> String {
    let shown = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let found = paths.iter().find(|path| shown(path).starts_with(start));
    found
        .unwrap_or_else(|| panic!("no dump of {start}"))
        .display()
        .to_string()
}

#[test]
#[ignore = "needs MariaDB"]
fn a_hard_database_and_the_users_come_back_on_a_fresh_server() {
    let env = Env::new();
    let old = hard_server();
    let expected = old.read_all(HARD);
    let users = "SELECT user, host, priv FROM mysql.global_priv WHERE user NOT IN ('root', 'mariadb.sys') ORDER BY 1, 2;
        SELECT * FROM mysql.roles_mapping WHERE user <> 'root' ORDER BY 1, 2; SELECT * FROM mysql.db ORDER BY 1, 2, 3";
    let expected_users = old.sql("", users);

    let run = env.run(&format!("dump {}", old.url(""))).succeeds();
    assert!(run.stderr.contains("legacy (MyISAM)"), "{run:?}");
    env.run("verify").succeeds();
    let paths = run.paths();
    let drilled = drill(&env, "").succeeds();
    assert_eq!(drilled.stdout.lines().count(), paths.len(), "{drilled:?}");
    let (hard, globals) = (dump_of(&paths, "hard"), dump_of(&paths, "@globals"));

    let new = Server::start();
    let to = new.url(HARD_URL);
    env.run(&format!("restore {globals} {}", new.url("")))
        .succeeds();
    let found = new.sql("", users);
    assert_eq!(without_times(&found), without_times(&expected_users));
    env.run(&format!("restore {hard} {to}")).succeeds();
    let found = new.read_all(HARD);
    if found != expected {
        let differing = found.lines().zip(expected.lines()).find(|(a, b)| a != b);
        panic!("first difference: {differing:#?}");
    }
    assert!(found.contains("SELECT 'a\r\n';\r\nEND"));
    let history = new.sql(
        HARD,
        "SELECT v FROM versioned FOR SYSTEM_TIME AS OF '2025-01-15' ORDER BY id",
    );
    assert_eq!(history, "first\ngone");
}

/// Removes what may differ in a restored account: the time when its password was changed, and an
/// explicitly empty default role.
fn without_times(users: &str) -> String {
    let mut kept = String::new();
    let users = users.replace(",\"default_role\":\"\"", "");
    for line in users.lines() {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("\"password_last_changed\":") {
            kept.push_str(before);
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        }
        kept.push_str(rest);
        kept.push('\n');
    }
    kept
}

#[test]
#[ignore = "needs MariaDB"]
fn chinook_comes_back() {
    let env = Env::new();
    let Some(chinook) = crate::servers::chinook("chinook-mysql.sql") else {
        return;
    };
    let server = Server::start();
    server.script("", &std::fs::read_to_string(chinook).unwrap());
    let expected = server.read_all("Chinook");
    let dump = env.dump(&server.url("Chinook"));
    env.run(&format!(
        "restore {} {}",
        dump.display(),
        server.url("again")
    ))
    .succeeds();
    let found = server.read_all("again");
    assert_eq!(server.sql("again", "SELECT COUNT(*) FROM Track"), "3503");
    let same = |text: &str| text.replace("again", "X").replace("Chinook", "X");
    assert!(same(&found) == same(&expected));
}

#[test]
#[ignore = "needs MariaDB"]
fn money_in_motion_is_neither_lost_nor_made() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE bank");
    server.script(
        "bank",
        "CREATE TABLE account (id INT PRIMARY KEY, balance INT NOT NULL, filler TEXT);
         INSERT INTO account SELECT seq, 100, REPEAT(MD5(seq), 60) FROM seq_1_to_20000;
         CREATE TABLE moved (n BIGINT AUTO_INCREMENT PRIMARY KEY);
         DELIMITER //
         CREATE PROCEDURE move() BEGIN LOOP
            SET @giver = 20000 - FLOOR(RAND() * 9000), @taker = 1 + FLOOR(RAND() * 9000);
            START TRANSACTION;
            UPDATE account SET balance = balance - 1 WHERE id = @giver;
            UPDATE account SET balance = balance + 1 WHERE id = @taker;
            INSERT INTO moved VALUES ();
            COMMIT;
         END LOOP; END//",
    );
    let mut writer = server.client("mariadb");
    let writer = writer.args(["bank", "-e", "CALL move()"]).spawn().unwrap();
    let _writer = KilledOnDrop(writer);
    let moved = || -> u64 {
        server
            .sql("bank", "SELECT COUNT(*) FROM moved")
            .parse()
            .unwrap()
    };
    let until = Instant::now() + Duration::from_secs(20);
    while moved() == 0 {
        assert!(Instant::now() < until, "the writer does not write");
    }
    let before = moved();
    let dump = env.dump(&server.url("bank"));
    assert!(moved() > before, "no writer was at work");
    env.run(&format!(
        "restore {} {}",
        dump.display(),
        server.url("again")
    ))
    .succeeds();
    let sum = server.sql("again", "SELECT SUM(balance), COUNT(*) FROM account");
    assert_eq!(sum, "2000000\t20000");
}

#[test]
#[ignore = "needs MariaDB"]
fn users_that_exist_keep_their_passwords() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE USER app@localhost IDENTIFIED BY 'old'");
    let paths = env
        .run(&format!("dump {}", server.url("")))
        .succeeds()
        .paths();
    server.sql(
        "",
        "SET PASSWORD FOR app@localhost = PASSWORD('new'); GRANT SELECT ON *.* TO app@localhost",
    );
    let users = "SELECT user, host, priv FROM mysql.global_priv ORDER BY 1, 2";
    let before = server.sql("", users);
    let globals = dump_of(&paths, "@globals");
    env.run(&format!("restore {globals} {}", server.url("")))
        .succeeds();
    assert_eq!(server.sql("", users), before);
}
