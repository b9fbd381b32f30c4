//! Tables and rows that the user leaves out of a dump.

use super::Server;
use crate::servers::clients::with_fake;
use crate::servers::drilled::{drill, fails, with_text};
use crate::support::{Env, Run};

fn server() -> Server {
    let server = Server::start();
    server.sql("", "CREATE DATABASE app");
    server.script(
        "app",
        "CREATE TABLE orders (id INT AUTO_INCREMENT PRIMARY KEY, v TEXT);
         INSERT INTO orders (v) SELECT CONCAT('order ', seq) FROM seq_1_to_9;
         CREATE TABLE audit_1 (v TEXT); INSERT INTO audit_1 VALUES ('audited');
         CREATE TABLE audit_2 (v TEXT);
         CREATE VIEW audits AS SELECT v FROM audit_1;
         CREATE TABLE log (v TEXT); INSERT INTO log SELECT CONCAT('line ', seq) FROM seq_1_to_99;
         CREATE TABLE `log b` (v TEXT); INSERT INTO `log b` VALUES ('b');
         CREATE TRIGGER noted AFTER INSERT ON log FOR EACH ROW INSERT INTO orders (v) VALUES ('logged');
         CREATE VIEW lines_ AS SELECT v FROM log;
         CREATE PROCEDURE twice() SELECT 2;",
    );
    server
}

/// Asserts that `database` is what a dump with `--exclude-table audit_*,audits --exclude-rows log*`
/// holds.
#[track_caller]
fn has_the_rest(server: &Server, database: &str) {
    let tables = server.sql(database, "SHOW TABLES");
    let tables: Vec<_> = tables.lines().collect();
    assert_eq!(tables, ["lines_", "log", "log b", "orders"]);
    for (table, rows) in [("orders", "9"), ("log", "0"), ("`log b`", "0")] {
        let count = format!("SELECT COUNT(*) FROM {table}");
        assert_eq!(server.sql(database, &count).trim(), rows, "{table}");
    }
    server.sql(database, "CALL twice(); INSERT INTO log VALUES ('new')");
    let last = "SELECT v FROM orders WHERE id > 9";
    assert_eq!(server.sql(database, last).trim(), "logged");
}

#[test]
#[ignore = "needs MariaDB"]
fn what_is_left_out_is_not_restored_and_all_else_is() {
    let env = Env::new();
    let server = server();
    let url = server.url("app");
    let left_out = "--exclude-table audit_* --exclude-table audits --exclude-rows log*";
    let dump = env.dump(&format!("{url} {left_out}"));
    let words = "without the tables audit_*, audits, and without the rows of log*";
    let restore = format!("restore {} {}", dump.display(), server.url("again"));
    let run = env.run(&restore).succeeds();
    assert!(run.stderr.contains(words), "{run:?}");
    has_the_rest(&server, "again");
    for command in ["list", "status"] {
        let run = env.run(command).succeeds();
        assert!(run.stdout.contains(words), "{run:?}");
    }
    let run = drill(&env, "").succeeds();
    let compared = "3 tables with 9 rows, each as many as were dumped; dumped without";
    assert!(run.stdout.contains(compared), "{run:?}");
    let row = |text: String| {
        let end = "-- Dump completed";
        text.replace(end, &format!("INSERT INTO `log b` VALUES ('back');\n{end}"))
    };
    fails(&env, &with_text(&dump, row), "log b has 1 row and had 0");
}

/// MySQL's own client has no option for tables without rows. Its definitions come from a second run
/// of the client.
#[test]
#[ignore = "needs MariaDB"]
fn a_client_without_the_option_dumps_the_definitions_apart() {
    let env = Env::new();
    let server = server();
    let real = "exec /usr/bin/mariadb-dump \"$@\"";
    let hide = "[ \"$1\" != --help ] || { /usr/bin/mariadb-dump --help | sed 's/--ignore-table-data/--ignored/'; exit; }
         case \"$*\" in *--ignore-table-data*) exit 9;; esac";
    let path = with_fake(&env, "mariadb-dump", &format!("{hide}\n{real}"));
    let dump = |left_out: &str| {
        let mut command = env.program(&format!("dump {} {left_out}", server.url("app")));
        Run::finish(command.env("PATH", &path))
    };
    let run = dump("--exclude-table audit_*,audits --exclude-rows log*").succeeds();
    let file = run.paths()[0].display().to_string();
    env.run(&format!("restore {file} {}", server.url("again")))
        .succeeds();
    has_the_rest(&server, "again");
    drill(&env, "").succeeds();

    // The second run writes nothing and succeeds: what the first wrote ends as a dump does.
    let lies = format!("{hide}\ncase \"$*\" in *--no-data*) ;; *) exit 0;; esac\n{real}");
    with_fake(&env, "mariadb-dump", &lies);
    let left = env.names();
    let run = dump("--exclude-rows log*");
    run.fails(1, "did not print its last line");
    let cut = format!(
        "{hide}\ncase \"$*\" in *--no-data*) /usr/bin/mariadb-dump \"$@\" | head -n -1; exit;; esac\n{real}"
    );
    with_fake(&env, "mariadb-dump", &cut);
    let run = dump("--exclude-rows log*");
    run.fails(1, "did not print its last line");
    assert_eq!(env.names(), left);
}

#[test]
#[ignore = "needs MariaDB"]
fn wrong_patterns_and_dumps_that_would_not_restore_are_refused() {
    let env = Env::new();
    let server = server();
    server.script(
        "app",
        "CREATE TABLE item (order_id INT, FOREIGN KEY belongs (order_id) REFERENCES orders (id));",
    );
    let url = server.url("app");
    for (args, sentence) in [
        (
            "--exclude-rows lag",
            "app has no table for --exclude-rows lag;",
        ),
        (
            "--exclude-rows audits",
            "app has no table for --exclude-rows audits;",
        ),
        (
            "--exclude-table [",
            "the pattern [ of --exclude-table is wrong",
        ),
        ("--exclude-table audit_1", "left out: view audits;"),
        ("--exclude-rows orders", "of item to orders"),
        ("--exclude-table orders", "of item to orders"),
    ] {
        env.run(&format!("dump {url} {args}")).fails(1, sentence);
    }
    env.run(&format!("dump {} --exclude-rows log", server.url("")))
        .fails(2, "concern one database");
    assert_eq!(env.names(), [""; 0]);
    for args in ["--exclude-rows orders,item", "--exclude-table orders,item"] {
        env.dump(&format!("{url} {args}"));
        drill(&env, "").succeeds();
    }
    // A dump that lacks something else pushes out none of these.
    for _ in 0..3 {
        env.dump(&format!("{url} --keep 1 --exclude-rows log"));
    }
    assert_eq!(env.names().len(), 3);
}
