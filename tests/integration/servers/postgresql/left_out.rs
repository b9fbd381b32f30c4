//! Tables and rows that the user leaves out of a dump.

use std::collections::BTreeSet;
use std::path::Path;

use super::Server;
use crate::servers::drilled::{drill, fails, with_text};
use crate::support::Env;

/// A database with everything that patterns may concern.
const SHOP: &str = "
    CREATE TABLE orders (id serial PRIMARY KEY, v text);
    INSERT INTO orders (v) SELECT 'order ' || n FROM generate_series(1, 9) n;
    CREATE TABLE audit_2025 (v text);
    INSERT INTO audit_2025 SELECT 'audit ' || n FROM generate_series(1, 50) n;
    CREATE TABLE audit_2026 (id serial, v text);
    CREATE VIEW audits AS SELECT v FROM audit_2025;
    CREATE TABLE log (at int, v text) PARTITION BY RANGE (at);
    CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (10);
    CREATE TABLE january PARTITION OF log FOR VALUES FROM (10) TO (20);
    INSERT INTO log SELECT n, 'line ' || n FROM generate_series(0, 19) n;
    CREATE SCHEMA \"Odd.One\";
    CREATE TABLE \"Odd.One\".\"Log$\" (v text);
    INSERT INTO \"Odd.One\".\"Log$\" VALUES ('odd');
    CREATE MATERIALIZED VIEW total AS SELECT count(*) FROM orders";

fn server() -> Server {
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE shop");
    server.psql("shop", SHOP);
    server
}

/// Returns the tables and views of a database, each with the number of its rows.
fn content(server: &Server, database: &str) -> BTreeSet<String> {
    let tables = server.psql(
        database,
        "SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'v', 'm')
            AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
            AND relkind <> 't' AND relname !~ '^pg_'",
    );
    let count = |table: &str| {
        let rows = server.psql(database, &format!("SELECT count(*) FROM {table}"));
        format!("{table} {rows}")
    };
    tables.lines().map(count).collect()
}

fn expected(tables: &[&str]) -> BTreeSet<String> {
    tables.iter().map(|table| (*table).to_owned()).collect()
}

#[test]
#[ignore = "needs PostgreSQL"]
fn what_is_left_out_is_not_restored_and_all_else_is() {
    let env = Env::new();
    let server = server();
    let left_out = "--exclude-table audit* --exclude-rows log,\"Odd.One\".\"Log$\"";
    let words = "without the tables audit*, and without the rows of \"Odd.One\".\"Log$\", log";
    let by_sessions = "plain --sessions 4 --large-table 8KiB";
    for (number, format) in ["plain", "custom", by_sessions].into_iter().enumerate() {
        let url = server.url("shop");
        let dump = env.dump(&format!("{url} --format {format} {left_out}"));
        let dump = dump.display();
        let target = format!("again{number}");
        let restore = format!("restore {dump} {}", server.url(&target));
        let run = env.run(&restore).succeeds();
        assert!(run.stderr.contains(words), "{run:?}");
        assert_eq!(
            content(&server, &target),
            expected(&[
                "orders 9",
                "log_1 0",
                "january 0",
                "total 1",
                "\"Odd.One\".\"Log$\" 0",
            ])
        );
        server.psql(&target, "INSERT INTO log VALUES (5, 'new')");
        let next = "INSERT INTO orders (v) VALUES ('x') RETURNING id";
        assert_eq!(server.psql(&target, next), "10");

        let run = drill(&env, &dump.to_string()).succeeds();
        let compared = "4 tables with 9 rows, each as many as were dumped; dumped without";
        assert!(run.stdout.contains("dumped without the tables"), "{run:?}");
        assert!(!run.stderr.contains("differ"), "{compared}: {run:?}");
    }
    for command in ["list", "status"] {
        let run = env.run(command).succeeds();
        assert!(run.stdout.contains(words), "{run:?}");
    }
    for command in ["list --json", "status --json"] {
        let run = env.run(command).succeeds();
        let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let left_out = serde_json::json!({
            "tables": ["audit*"], "rows": ["\"Odd.One\".\"Log$\"", "log"]
        });
        assert_eq!(json[0]["left_out"], left_out, "{run:?}");
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn the_drill_fails_if_rows_or_tables_come_back() {
    let env = Env::new();
    let server = server();
    let url = server.url("shop");
    let dump = env.dump(&format!("{url} --exclude-rows log --exclude-table audit*"));
    drill(&env, "").succeeds();
    let row = |text: String| {
        let end = "-- PostgreSQL database dump complete";
        let insert = "INSERT INTO public.log VALUES (1, 'back');\n";
        text.replace(end, &format!("{insert}{end}"))
    };
    fails(&env, &with_text(&dump, row), "log_1 has 1 row and had 0");
    let table = |text: String| {
        let end = "-- PostgreSQL database dump complete";
        text.replace(end, &format!("CREATE TABLE public.audit_2025 ();\n{end}"))
    };
    fails(&env, &with_text(&dump, table), "tables and had ");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn patterns_mean_what_they_mean_for_pg_dump() {
    let server = Server::start();
    let env = Env::new();
    server.psql("postgres", "CREATE DATABASE names");
    let tables = [
        "log",
        "Log",
        "log1",
        "log_2",
        "a.b",
        "a$b",
        "a\"b",
        "a*",
        "ax",
        "x|y",
        "[]",
        "logs[]",
        "(",
        "é",
        "É",
        "back\\slash",
        "'quoted'",
        "a b",
    ];
    for table in tables {
        let name = table.replace('"', "\"\"");
        server.psql("names", &format!("CREATE TABLE \"{name}\" ()"));
    }
    server.psql("names", "CREATE SCHEMA \"S\"; CREATE TABLE \"S\".only ()");
    let dumped = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("CREATE TABLE"));
        lines.map(str::to_owned).collect()
    };
    for pattern in [
        "log*",
        "LOG",
        "\"Log\"",
        "log?",
        "log[12]",
        "log(1|_2)",
        "a$b",
        "\"a.b\"",
        "\"a\"\"b\"",
        "\"a*\"",
        "a*",
        "\"x|y\"",
        "ax|lo?",
        "[]",
        "logs[]",
        "\"(\"",
        "é",
        "É",
        "\"É\"",
        "back\\\\slash",
        "\"back\\slash\"",
        "'quoted'",
        "\"a b\"",
        "public.l*",
        "pub*.log",
        "\"S\".*",
        "*.log",
        "only",
        "o*",
    ] {
        let mut pg_dump = server.client("pg_dump", "names");
        pg_dump.env("PGOPTIONS", "-c search_path=public,\\\"S\\\"");
        pg_dump.args(["--schema-only", "--exclude-table", pattern]);
        let theirs = pg_dump.output().unwrap();
        assert!(theirs.status.success(), "{pattern}: {theirs:?}");
        let theirs = dumped(&String::from_utf8(theirs.stdout).unwrap());
        assert!(theirs.len() < tables.len() + 1, "{pattern} matches nothing");
        let mut dump = env.program("dump --exclude-table");
        // The flag takes several patterns, separated by commas.
        dump.arg(pattern).arg(server.url("names"));
        let run = crate::support::Run::finish(&mut dump).succeeds();
        assert_eq!(dumped(&text_of(&run.paths()[0])), theirs, "{pattern}");
    }
}

fn text_of(dump: &Path) -> String {
    use std::io::Read;
    let mut text = String::new();
    let file = std::fs::File::open(dump).unwrap();
    let mut decoder = flate2::read::MultiGzDecoder::new(file);
    decoder.read_to_string(&mut text).unwrap();
    text
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_wrong_pattern_dumps_nothing() {
    let env = Env::with_database();
    let server = server();
    let url = server.url("shop");
    for (args, sentence) in [
        (
            "--exclude-rows lag",
            "shop has no table for --exclude-rows lag;",
        ),
        (
            "--exclude-rows log,audits --exclude-table a,b",
            "shop has no table for --exclude-table a, --exclude-table b, --exclude-rows audits;",
        ),
        ("--exclude-rows shop.public.log", "too many dots"),
        ("--exclude-rows log(", "invalid regular expression"),
    ] {
        env.run(&format!("dump {url} {args}")).fails(1, sentence);
    }
    let whole = server.url("");
    for (source, sentence) in [
        ("db.sqlite".to_owned(), "everything is dumped"),
        (format!("{url} db.sqlite"), "everything is dumped"),
        (whole, "concern one database"),
    ] {
        for flag in ["--exclude-table", "--exclude-rows"] {
            let run = env.run(&format!("dump {flag} log {source}"));
            run.fails(2, sentence);
        }
    }
    let program = env.run("dump --name x --exclude-rows log -- echo");
    program.fails(2, "everything is dumped");
    assert_eq!(env.names(), [""; 0]);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_dump_that_would_not_restore_is_refused() {
    let env = Env::new();
    let server = server();
    server.psql(
        "shop",
        "CREATE TABLE item (order_id int REFERENCES orders, parent audit_2026);
         INSERT INTO item VALUES (1);
         CREATE TABLE child () INHERITS (audit_2025);
         CREATE FUNCTION f(audit_2026) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    );
    let url = server.url("shop");
    for (args, sentence) in [
        (
            "--exclude-rows orders",
            "constraint item_order_id_fkey on table",
        ),
        ("--exclude-table orders", "materialized view public.total"),
        ("--exclude-table audit_2025", "view public.audits"),
        ("--exclude-table audit_2025", "table public.child"),
        (
            "--exclude-table audit_2026",
            "function public.f(public.audit_2026)",
        ),
        (
            "--exclude-table audit_2026",
            "column parent of table public.item",
        ),
        (
            "--exclude-table orders_id_seq",
            "default value for column id of table public.orders",
        ),
    ] {
        let run = env.run(&format!("dump {url} {args}"));
        let run = run.fails(1, "could not be restored without what is left out: ");
        assert!(run.stderr.contains(sentence), "no {sentence}: {run:?}");
    }
    assert_eq!(env.names(), [""; 0]);
    for args in [
        "--exclude-rows orders,item",
        "--exclude-rows orders --exclude-table item",
        "--exclude-table orders,item,total",
        "--exclude-table audit_2025,audits,child",
    ] {
        let dump = env.dump(&format!("{url} {args}"));
        drill(&env, &dump.display().to_string()).succeeds();
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_table_that_is_left_out_is_neither_read_nor_waited_for() {
    let env = Env::new();
    let server = server();
    server.psql(
        "shop",
        "CREATE ROLE dumper LOGIN; GRANT USAGE ON SCHEMA \"Odd.One\" TO dumper;
         GRANT SELECT ON ALL TABLES IN SCHEMA public, \"Odd.One\" TO dumper;
         GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO dumper;
         CREATE TABLE secret (v text)",
    );
    let url = server.url_as("dumper", "shop");
    env.run(&format!("dump {url}"))
        .fails(1, "table public.secret");
    // A session that rewrites the table holds its lock for as long as the dumps take.
    let mut session = server.client("psql", "shop");
    session
        .args(["-XAtqw", "-c"])
        .arg("BEGIN; LOCK TABLE audit_2026; SELECT pg_sleep(60)");
    let mut session = session.spawn().unwrap();
    crate::servers::wait_for("the lock", || {
        let locks = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'";
        server.psql("postgres", locks) != "0"
    });
    let args = "--busy-timeout 1s --exclude-table secret,audit_2026";
    env.dump(&format!("{url} {args}"));
    session.kill().unwrap();
    session.wait().unwrap();
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_dump_without_rows_pushes_out_no_whole_dump() {
    let env = Env::new();
    let server = server();
    let url = server.url("shop");
    let whole = |number: usize| -> Vec<_> {
        let all = (0..number).map(|_| env.dump(&format!("{url} --keep 2")));
        all.map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    let partial = |args: &str, number: usize| -> Vec<_> {
        let all = (0..number).map(|_| env.dump(&format!("{url} --keep 2 {args}")));
        all.map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    let sorted = |lists: &[&[String]]| {
        let mut all = lists.concat();
        all.sort();
        all
    };
    let kept = || {
        let mut names = env.names();
        names.sort();
        names
    };
    let first = whole(3);
    let without = partial("--exclude-rows log", 4);
    assert_eq!(kept(), sorted(&[&first[1..], &without[2..]]));
    let others = partial("--exclude-table audit*", 3);
    assert_eq!(kept(), sorted(&[&first[1..], &without[2..], &others[1..]]));
    // A shrink is not reported, because the whole dumps did not shrink.
    assert!(!env.run("status").succeeds().stdout.contains("shrank"));
    // A whole dump holds more, so it takes the place of the others.
    let second = whole(2);
    assert_eq!(kept(), sorted(&[&second]));
    env.run("rotate --keep 1 --dry-run").succeeds();
}
