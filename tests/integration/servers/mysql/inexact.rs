//! Values that servers show inexactly to every client: dumped, restored, and compared with what
//! the dump says about them.

use std::process::Stdio;

use super::Server;
use crate::servers::drilled::drill;
use crate::servers::{KilledOnDrop, wait_for};
use crate::support::planted::header;
use crate::support::{Env, Run};

/// Tables with one row and the key `i`. The tests compare the column `v`, as hexadecimal digits or
/// as a number.
const TABLES: [(&str, &str, &str, &str); 16] = [
    ("float7", "FLOAT", "16777215", ""),
    ("float6", "FLOAT", "1.5", ""),
    ("float_null", "FLOAT", "NULL", ""),
    ("float_digits", "FLOAT(12, 2)", "16777215", ""),
    ("doubles", "DOUBLE", "0.1", ""),
    ("cp1250_81", "CHAR(2) CHARACTER SET cp1250", "0xE981", ""),
    ("cp1250", "CHAR(2) CHARACTER SET cp1250", "0xE9", ""),
    ("cp1251_98", "TEXT CHARACTER SET cp1251", "0xFF98", ""),
    ("cp1251", "ENUM('я', 'б') CHARACTER SET cp1251", "'я'", ""),
    ("sjis_5C", "CHAR(2) CHARACTER SET sjis", "0x5C", ""),
    ("sjis", "CHAR(2) CHARACTER SET sjis", "'表ソ'", ""),
    ("latin1", "BLOB", "'é'", ""),
    ("emoji", "VARCHAR(9) CHARACTER SET utf32", "'😀?'", ""),
    (
        "set_utf32",
        "SET('a', '😀') CHARACTER SET utf32",
        "'a,😀'",
        " (a ? in its definition)",
    ),
    (
        "enum_utf8",
        "ENUM('a', '😀')",
        "'😀'",
        " (a ? in its definition)",
    ),
    (
        "enum_utf8mb3",
        "ENUM('a', '?') CHARACTER SET utf8mb3",
        "'?'",
        "",
    ),
];

fn server() -> Server {
    let server = Server::start();
    server.sql("", "CREATE DATABASE app CHARACTER SET utf8mb4");
    for (table, kind, value, _) in TABLES {
        server.script(
            "app",
            &format!("CREATE TABLE {table} (i INT PRIMARY KEY, v {kind}); INSERT INTO {table} VALUES (1, {value});"),
        );
    }
    server.script(
        "app",
        "CREATE TABLE history (i INT PRIMARY KEY, v FLOAT) WITH SYSTEM VERSIONING;
         INSERT INTO history VALUES (1, 16777215); UPDATE history SET v = 1;
         CREATE TABLE bytes (i INT PRIMARY KEY, v VARCHAR(300) CHARACTER SET latin1);
         INSERT INTO bytes SELECT 1, GROUP_CONCAT(CHAR(seq USING latin1) ORDER BY seq SEPARATOR '') FROM seq_0_to_255;
         CREATE VIEW shown AS SELECT * FROM float7;",
    );
    server
}

fn tables() -> impl Iterator<Item = &'static str> {
    let tables = TABLES.into_iter().map(|(table, ..)| table);
    tables.chain(["history", "bytes"])
}

/// Returns the tables whose values differ, including the values of old rows.
fn differing(server: &Server, other: &str) -> Vec<&'static str> {
    let value = |database: &str, table: &str| {
        let all = if table == "history" {
            "FOR SYSTEM_TIME ALL"
        } else {
            ""
        };
        // The hexadecimal digits of a number would be those of a rounded number.
        let query = format!(
            "SELECT IF(data_type IN ('float', 'double'), 'v + 0e0', 'HEX(v)') FROM information_schema.columns
             WHERE table_schema = '{database}' AND table_name = '{table}' AND column_name = 'v'"
        );
        let value = server.sql("", &query);
        server.sql(
            database,
            &format!("SELECT {value} FROM {table} {all} ORDER BY 1"),
        )
    };
    let mut differing: Vec<_> = tables()
        .filter(|table| value("app", table) != value(other, table))
        .collect();
    differing.sort_unstable();
    differing
}

fn named(settings: &serde_json::Map<String, serde_json::Value>) -> Vec<String> {
    let columns = settings.get("inexact").and_then(|list| list.as_array());
    let columns = columns.into_iter().flatten();
    columns
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

#[test]
#[ignore = "needs MariaDB"]
fn columns_that_a_dump_has_with_other_values_are_named_and_no_others() {
    let env = Env::new();
    let server = server();
    let run = env.run(&format!("dump {}", server.url("app"))).succeeds();
    let dump = run.paths().remove(0);
    let restored = env
        .run(&format!(
            "restore {} {}",
            dump.display(),
            server.url("again")
        ))
        .succeeds();
    let named = named(&header(&dump).facts.settings);
    let tables: Vec<_> = named
        .iter()
        .map(|name| name.split('.').next().unwrap())
        .collect();
    assert_eq!(tables, differing(&server, "again"), "{named:?}");
    for name in &named {
        assert_eq!(run.stderr.matches(name).count(), 1, "{name}: {run:?}");
        assert_eq!(
            restored.stderr.matches(name).count(),
            1,
            "{name}: {restored:?}"
        );
    }
    assert_eq!(run.stderr.matches("warning: app: ").count(), 1, "{run:?}");
    for (table, _, _, said) in TABLES {
        if !said.is_empty() {
            assert!(named.contains(&format!("{table}.v{said}")), "{named:?}");
        }
    }
    drill(&env, "").succeeds();

    for table in differing(&server, "again") {
        server.sql("app", &format!("DROP TABLE {table}"));
    }
    server.sql("app", "DROP VIEW shown");
    let run = env.run(&format!("dump {}", server.url("app"))).succeeds();
    assert!(!run.stderr.contains("warning: app: "), "{run:?}");
}

#[test]
#[ignore = "needs MariaDB"]
fn columns_that_take_too_long_to_look_through_are_named_as_well() {
    let env = Env::new();
    let server = Server::start();
    server.sql("", "CREATE DATABASE app");
    let many: Vec<_> = (0..12).map(|n| format!("c{n} FLOAT")).collect();
    server.sql("app", &format!("CREATE TABLE t ({})", many.join(", ")));
    let mut locking = server.client("mariadb");
    locking.args(["app", "-e", "LOCK TABLES t WRITE; SELECT SLEEP(600)"]);
    let locking = KilledOnDrop(locking.stdout(Stdio::null()).spawn().unwrap());
    let sleeping = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'";
    wait_for("the lock", || !server.sql("", sleeping).is_empty());
    let running = env.start(&format!("dump {}", server.url("app")));
    wait_for("the client that dumps", || {
        let waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table%' AND info LIKE 'SELECT /*!40001%'";
        server.sql("", waiting) == "1"
    });
    server.sql("", &format!("KILL {}", server.sql("", sleeping)));
    drop(locking);
    let run = Run::end_of(running).succeeds();
    assert!(
        run.stderr
            .contains("the dump may differ from it in t.c0 (float), t.c1 (float)")
            && run.stderr.contains("t.c9 (float) and 2 more"),
        "{run:?}"
    );
}
