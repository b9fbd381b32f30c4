//! Drills of PostgreSQL dumps.

use super::Server;
use crate::servers::drilled::{
    assert_works_below_a_long_path, drill, fails, skips_unchanged, with_text,
};
use crate::servers::{KilledOnDrop, wait_for};
use crate::support::{Env, planted};
use dump_database::header::Rows;

/// Returns a server with a database `app`, which has a table of nine rows and a view.
pub(super) fn server() -> Server {
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    server.psql(
        "app",
        "CREATE TABLE small (v text); INSERT INTO small SELECT 'row ' || n FROM generate_series(1, 9) n;
         CREATE VIEW seen AS SELECT v FROM small",
    );
    server
}

#[test]
#[ignore = "needs PostgreSQL"]
fn what_verifies_and_does_not_restore_or_lost_a_row_fails() {
    let env = Env::new();
    let server = server();
    let dump = env.dump(&server.url("app"));
    let run = drill(&env, "").succeeds();
    assert!(
        run.stdout.contains("1 table with 9 rows, each as many"),
        "{run:?}"
    );

    let broken = |text: String| text.replace("CREATE VIEW", "CREATE VEIW");
    fails(
        &env,
        &with_text(&dump, broken),
        "syntax error at or near \"VEIW\"",
    );
    let lost = |text: String| text.replace("\nrow 5\n", "\n");
    fails(&env, &with_text(&dump, lost), "small has 8 rows and had 9");
    drill(&env, "").succeeds();
    env.run("status").succeeds();

    assert_works_below_a_long_path(&env);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn rows_are_counted_in_the_snapshot_that_is_dumped() {
    let env = Env::new();
    let server = server();
    server.psql(
        "app",
        "CREATE TABLE large (v text); INSERT INTO large SELECT repeat('x', 1000) FROM generate_series(1, 90000);
         ANALYZE large; INSERT INTO small SELECT 'more'",
    );
    let dump = env.dump(&server.url("app"));
    let facts = planted::header(&dump).facts;
    assert_eq!(
        facts.tables[1],
        ("public.small".to_owned(), Some(Rows::Exact(10)))
    );
    let Some(Rows::About { about }) = facts.tables[0].1 else {
        panic!("{facts:?}");
    };
    assert!((80_000..100_000).contains(&about), "{about}");
    let run = drill(&env, "").succeeds();
    assert!(
        run.stdout
            .contains("2 tables with 90010 rows, in 1 of them"),
        "{run:?}"
    );
    let idle = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dump-database'";
    assert_eq!(server.psql("postgres", idle), "0");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn empty_tables_and_partitioned_ones_are_counted() {
    let env = Env::new();
    let server = server();
    server.psql(
        "app",
        "CREATE TABLE parts (i int) PARTITION BY RANGE (i);
         CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (9); INSERT INTO parts VALUES (1), (2);
         DO $$ BEGIN FOR i IN 1..300 LOOP EXECUTE format('CREATE TABLE empty%s (i int)', i); END LOOP; END $$",
    );
    env.dump(&server.url("app"));
    let run = drill(&env, "").succeeds();
    let said = "303 tables with 11 rows, each as many as were dumped\n";
    assert!(run.stdout.ends_with(said), "{run:?}");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn no_role_becomes_a_superuser_that_was_none() {
    let env = Env::new();
    let server = server();
    server.psql(
        "postgres",
        "CREATE ROLE mallory; CREATE ROLE chief SUPERUSER",
    );
    // An index is made with the rights of its owner, so its function can check what these rights
    // are.
    for sql in [
        "CREATE FUNCTION mere(v text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
            IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER) THEN
                RAISE 'a superuser';
            END IF;
            RETURN v;
        END $$",
        "CREATE TABLE his (v text); ALTER TABLE his OWNER TO mallory",
        "INSERT INTO his VALUES ('x'); CREATE INDEX on_his ON his (mere(v))",
        "CREATE FUNCTION told() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER tells ON ddl_command_end EXECUTE FUNCTION told()",
        "ALTER EVENT TRIGGER tells OWNER TO chief",
    ] {
        server.psql("app", sql);
    }
    for format in ["plain", "custom"] {
        let dump = env.dump(&format!("--format {format} {}", server.url("app")));
        let run = drill(&env, &dump.display().to_string()).succeeds();
        assert!(run.stdout.contains("restored in"), "{run:?}");
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_database_that_did_not_change_is_skipped() {
    let env = Env::new();
    let server = server();
    for (format, row) in [("plain", "one"), ("custom", "two")] {
        let source = format!("--format {format} {}", server.url("app"));
        skips_unchanged(&env, &source, || {
            server.psql("app", &format!("INSERT INTO small VALUES ('{row}')"));
        });
        skips_unchanged(&env, &source, || {
            server.psql("app", &format!("COMMENT ON DATABASE app IS '{row}'"));
        });
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn rows_under_a_writer_are_those_of_the_dump() {
    let env = Env::new();
    let server = server();
    let mut writer = server.client("psql", "app");
    writer.args([
        "-Xqc",
        "DO $$ BEGIN LOOP INSERT INTO small VALUES ('new'); COMMIT; END LOOP; END $$",
    ]);
    let _writer = KilledOnDrop(writer.spawn().unwrap());
    let rows = || -> u64 {
        let rows = server.psql("app", "SELECT count(*) FROM small");
        rows.parse().unwrap()
    };
    wait_for("the writer", || rows() > 9);
    for format in ["plain", "custom"] {
        let before = rows();
        let dump = env.dump(&format!("--format {format} {}", server.url("app")));
        assert!(rows() > before, "no writer was at work");
        let run = drill(&env, &dump.display().to_string()).succeeds();
        assert!(
            run.stdout.contains(", each as many as were dumped"),
            "{run:?}"
        );
    }
}
