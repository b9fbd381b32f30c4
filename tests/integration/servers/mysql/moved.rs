//! `restore --replace` loads rows once: it moves the tables of the scratch database.

use std::process::Stdio;

use super::Server;
use crate::servers::{KilledOnDrop, wait_for};
use crate::support::{Env, Run};

const ROWS: u64 = 10_000;
/// What the program says when it loads the dump once more.
const TWICE: &str = "is loaded from the dump a second time";

/// Makes the database `app`, with tables that have all that belongs to tables, and objects that use
/// them. `more` is SQL of the test.
fn make_app(server: &Server, more: &str) {
    server.sql(
        "",
        "CREATE DATABASE app CHARACTER SET latin1 COMMENT 'it''s'",
    );
    let script = format!(
        "CREATE TABLE a (id INT PRIMARY KEY, other INT);
         CREATE TABLE big (n INT PRIMARY KEY, v TEXT CHARACTER SET utf8mb4, FULLTEXT KEY words (v))
            SELECT seq AS n, MD5(seq) AS v FROM seq_1_to_{ROWS};
         CREATE TABLE `odd ``t``` (id INT AUTO_INCREMENT PRIMARY KEY, p INT,
            doubled INT GENERATED ALWAYS AS (p * 2) STORED, CHECK (p > 0),
            CONSTRAINT up FOREIGN KEY (p) REFERENCES a (id) ON DELETE CASCADE) AUTO_INCREMENT = 1000;
         ALTER TABLE a ADD CONSTRAINT down FOREIGN KEY (other) REFERENCES `odd ``t``` (id);
         INSERT INTO a VALUES (1, NULL), (2, NULL);
         INSERT INTO `odd ``t``` (p) VALUES (1), (2);
         UPDATE a SET other = 1001;
         CREATE TABLE legacy (id INT PRIMARY KEY, v TEXT) ENGINE=MyISAM CHARACTER SET latin1;
         INSERT INTO legacy VALUES (1, 'ä');
         CREATE TABLE crash_safe (id INT PRIMARY KEY) ENGINE=Aria PAGE_CHECKSUM=1;
         INSERT INTO crash_safe VALUES (7);
         CREATE TABLE parts (id INT, at DATE, PRIMARY KEY (id, at)) PARTITION BY RANGE (YEAR(at)) (
            PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN MAXVALUE);
         INSERT INTO parts VALUES (1, '2019-01-01'), (2, '2026-01-01');
         CREATE TABLE versioned (id INT PRIMARY KEY, v TEXT) WITH SYSTEM VERSIONING;
         INSERT INTO versioned VALUES (1, 'first'); UPDATE versioned SET v = 'second';
         CREATE SEQUENCE counter START WITH 100 INCREMENT BY 3 MAXVALUE 1000; SELECT NEXT VALUE FOR counter;
         CREATE VIEW z_base AS SELECT n, v FROM big WHERE n > 10;
         CREATE VIEW a_on_view AS SELECT COUNT(*) AS c FROM z_base;
         DELIMITER //
         CREATE TRIGGER stamped BEFORE INSERT ON big FOR EACH ROW
         BEGIN
             SET NEW.v = COALESCE(NEW.v, ';');
         END//
         CREATE PROCEDURE work() BEGIN SELECT COUNT(*) FROM big; SELECT 1; END//
         CREATE FUNCTION twice(a INT) RETURNS INT DETERMINISTIC RETURN a * 2//
         CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 03:00:00' DO DELETE FROM a WHERE id < 0//
         DELIMITER ;
         {more}"
    );
    server.script("app", &script);
}

/// Changes what a restore must bring back.
fn damage(server: &Server) {
    server.sql(
        "app",
        "SET foreign_key_checks = 0; DROP TABLE `odd ``t```, a; DROP VIEW a_on_view, z_base; DROP EVENT nightly; UPDATE big SET v = 'x' WHERE n < 9;
         DROP PROCEDURE work; CREATE TABLE later (i INT)",
    );
}

/// Returns the number of rows that the server has inserted since its start.
fn rows_inserted(server: &Server) -> u64 {
    let status = server.sql("", "SHOW GLOBAL STATUS LIKE 'Handler_write'");
    status.rsplit('\t').next().unwrap().parse().unwrap()
}

/// Shows the first lines that differ.
#[track_caller]
fn assert_same(found: &str, expected: &str) {
    let differing = found.lines().zip(expected.lines()).find(|(a, b)| a != b);
    assert_eq!(differing, None);
    assert_eq!(found.len(), expected.len());
}

#[test]
#[ignore = "needs MariaDB"]
fn a_replaced_database_is_as_it_was_dumped_and_its_rows_were_loaded_once() {
    let server = Server::start();
    // Each row: SQL, options, and how often the rows are loaded.
    for (more, options, times) in [
        ("", "", 1),
        ("", "--without-saving", 1),
        ("CREATE TABLE named (n INT DEFAULT NEXTVAL(counter))", "", 2),
        (
            "CREATE TABLE m (i INT) ENGINE=MyISAM; CREATE TABLE merged (i INT) ENGINE=MERGE UNION=(m)",
            "",
            2,
        ),
    ] {
        let env = Env::new();
        make_app(&server, more);
        let expected = server.read_all("app");
        let dump = env.dump(&server.url("app")).display().to_string();
        damage(&server);
        let before = rows_inserted(&server);
        let restore = format!("restore --replace {options} {dump} {}", server.url("app"));
        let run = env.run(&restore).succeeds();
        assert!(!run.stderr.contains(TWICE), "{run:?}");
        let loaded = rows_inserted(&server) - before;
        assert_eq!(loaded / ROWS, times, "{more}: {loaded}");
        assert_same(&server.read_all("app"), &expected);
        assert!(!server.databases().contains("restoring"));
        // The foreign keys work, and the full text index finds rows.
        let refused = server.try_sql("app", "INSERT INTO `odd ``t``` (p) VALUES (77)");
        assert!(!refused.status.success(), "{refused:?}");
        let found = server.sql(
            "app",
            "SELECT COUNT(*) FROM big WHERE MATCH (v) AGAINST (MD5(5)); CALL work(); SELECT * FROM a_on_view",
        );
        assert_eq!(found, format!("1\n{ROWS}\n1\n{}", ROWS - 10));
        server.sql("", "DROP DATABASE app");
    }
}

/// The session that keeps a table of the scratch database stands for whatever makes the server refuse
/// to move a table.
#[test]
#[ignore = "needs MariaDB"]
fn where_the_server_refuses_to_move_a_table_the_dump_is_loaded_a_second_time() {
    let env = Env::new();
    let server = Server::start();
    make_app(&server, "");
    let expected = server.read_all("app");
    let dump = env.dump(&server.url("app")).display().to_string();
    damage(&server);
    let before = rows_inserted(&server);
    let restore = format!(
        "restore --replace --busy-timeout 1s {dump} {}",
        server.url("app")
    );
    let running = env.start(&restore);
    let scratch = "SELECT table_schema FROM information_schema.tables WHERE table_schema LIKE 'app.restoring%' AND table_name = 'big'";
    wait_for("the table after the first one", || {
        !server.sql("", scratch).is_empty()
    });
    let name = server.sql("", scratch);
    let mut holding = server.client("mariadb");
    holding.args([&name, "-e", "LOCK TABLE a READ; DO SLEEP(600)"]);
    let holding = KilledOnDrop(holding.stdout(Stdio::null()).spawn().unwrap());
    let run = Run::end_of(running).succeeds();
    drop(holding);
    assert!(run.stderr.contains(TWICE), "{run:?}");
    assert_eq!((rows_inserted(&server) - before) / ROWS, 2);
    assert!(!server.databases().contains("restoring"));
    assert_same(&server.read_all("app"), &expected);
}
