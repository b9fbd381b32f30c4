//! Dumps that roles, limits, a standby or other sessions interfere with.

use super::Server;
use crate::servers::clients::with_fake;
use crate::support::{Env, Run, planted};
use dump_database::header::Rows;

#[test]
#[ignore = "needs PostgreSQL"]
fn timeouts_and_read_only_of_the_role_hinder_nothing() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    // ANALYZE takes half a second with this function.
    server.psql(
        "app",
        "CREATE FUNCTION slow(v int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_catalog.pg_sleep(0.5); RETURN v; END $$",
    );
    server.psql(
        "app",
        "CREATE TABLE t (v int); CREATE INDEX ON t (slow(v)); INSERT INTO t VALUES (1)",
    );
    for setting in [
        "statement_timeout = '400ms'",
        "lock_timeout = '400ms'",
        "idle_in_transaction_session_timeout = '400ms'",
        "default_transaction_read_only = on",
    ] {
        server.psql(
            "postgres",
            &format!("SET default_transaction_read_only = off; ALTER ROLE postgres SET {setting}"),
        );
    }
    for format in ["plain", "custom"] {
        let dump = env.dump(&format!("--format {format} {}", server.url("app")));
        let target = server.url(format);
        for replace in ["", "--replace"] {
            let restore = format!("restore {replace} {} {target}", dump.display());
            let run = env.run(&restore).succeeds();
            assert!(!run.stderr.contains("ANALYZE failed"), "{run:?}");
        }
        assert_eq!(server.psql(format, "SELECT v FROM t"), "1");
        let analyzed = "SELECT count(*) > 0 FROM pg_statistic WHERE starelid = 't'::regclass";
        assert_eq!(server.psql(format, analyzed), "t");
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_role_with_room_for_two_sessions_dumps_without_counting() {
    let env = Env::new();
    let server = Server::start();
    server.psql(
        "postgres",
        "CREATE ROLE two LOGIN CONNECTION LIMIT 2; GRANT pg_read_all_data TO two",
    );
    server.psql("postgres", "CREATE TABLE t AS SELECT 'a' AS v");
    let run = env.run(&format!("dump {}", server.url_as("two", "postgres")));
    assert!(run.stderr.contains("its rows are not counted"), "{run:?}");
    let dump = run.succeeds().paths().remove(0);
    let restore = format!("restore {} {}", dump.display(), server.url("again"));
    env.run(&restore).succeeds();
    assert_eq!(server.psql("again", "SELECT v FROM t"), "a");

    server.psql("postgres", "ALTER ROLE two CONNECTION LIMIT 9");
    let run = env.run(&format!("dump {}", server.url_as("two", "postgres")));
    assert!(!run.stderr.contains("not counted"), "{run:?}");
    let dump = run.succeeds().paths().remove(0);
    let known = planted::header(&dump).facts.tables;
    assert_eq!(known, [("public.t".to_owned(), Some(Rows::Exact(1)))]);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn the_tables_that_are_known_are_those_of_the_snapshot() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE TABLE first AS SELECT 1 AS v");
    let create = |table: &str| {
        format!(r#"/usr/bin/psql -Xq -d "$URL" -c 'CREATE TABLE public.{table} AS SELECT 1 AS v'"#)
    };
    // One table comes just before the statement that takes the snapshot.
    let before = format!(
        r#"case "$*" in
*--file=-*) while IFS= read -r line; do
    case "$line" in "SELECT 'BEGIN "*) {}; esac
    printf '%s\n' "$line"
done | /usr/bin/psql "$@";;
*) exec /usr/bin/psql "$@";;
esac"#,
        create("before")
    );
    with_fake(&env, "psql", &before);
    // Another one comes when `pg_dump` has the snapshot.
    let after = format!(
        r#"case "$*" in *--snapshot=*) {}; esac
exec /usr/bin/pg_dump "$@""#,
        create("after")
    );
    let path = with_fake(&env, "pg_dump", &after);
    let url = server.url("postgres");
    let mut dump = env.program(&format!("dump {url}"));
    let run = Run::finish(dump.env("PATH", path).env("URL", &url)).succeeds();
    let known = planted::header(&run.paths()[0]).facts.tables;
    let expected =
        ["public.before", "public.first"].map(|name| (name.to_owned(), Some(Rows::Exact(1))));
    assert_eq!(known, expected);
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(server.psql("postgres", tables), "3");
    env.run(&format!("drill {}", run.paths()[0].display()))
        .succeeds();
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_full_disk_during_a_restore_leaves_nothing() {
    let env = Env::new();
    let Some(server) = Server::start_with_disk(28) else {
        return;
    };
    server.psql("postgres", "CREATE DATABASE app TABLESPACE tiny");
    server.psql(
        "app",
        "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 10) AS v FROM generate_series(1, 40000) n",
    );
    // Sorting would need room on the disk as well.
    let rows = || server.psql("app", "SELECT count(*), sum(hashtext(t::text)) FROM t");
    for format in ["plain", "custom"] {
        let dump = env.dump(&format!("--format {format} {}", server.url("app")));
        let expected = rows();
        let before = server.databases();
        for (options, name) in [("", "fresh"), ("--replace", "app")] {
            let url = server.url(name);
            let run = env.run(&format!("restore {options} {} {url}", dump.display()));
            let run = run.fails(1, "No space left on device");
            assert_eq!(server.databases(), before, "{run:?}");
            assert_eq!(rows(), expected);
        }
    }
    assert_eq!(env.names().len(), 2);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_standby_says_that_it_has_no_rows_of_unlogged_tables() {
    let env = Env::new();
    let mut server = Server::start();
    server.psql("postgres", "CREATE TABLE kept AS SELECT 1 AS v");
    server.psql(
        "postgres",
        "CREATE UNLOGGED TABLE fleeting AS SELECT 1 AS v",
    );
    server.psql("postgres", "CHECKPOINT");
    server.stop();
    std::fs::write(server.data().join("standby.signal"), "").unwrap();
    server.resume();
    let run = env.run(&format!("dump {}", server.url("postgres")));
    assert!(
        run.stderr.contains("the rows of 1 table are not dumped"),
        "{run:?}"
    );
    let dump = run.succeeds().paths().remove(0);
    let known = planted::header(&dump).facts.tables;
    assert_eq!(
        known,
        [
            ("public.fleeting".to_owned(), None),
            ("public.kept".to_owned(), Some(Rows::Exact(1)))
        ]
    );
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_monitor_in_the_new_database_does_not_keep_it_from_its_name() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    server.psql("app", "CREATE TABLE t AS SELECT 1 AS v");
    let dump = env.dump(&server.url("app"));
    // This session connects to each database as soon as the new database is loaded.
    let monitored = r#"/usr/bin/psql "$@" || exit
case "$*" in *'CONNECTION LIMIT'*'IS_TEMPLATE'*)
    /usr/bin/psql -Xq -d "${URL%%/app*}/$(/usr/bin/psql -XAtq -d "$URL" -c \
        "SELECT datname FROM pg_database WHERE datname LIKE '%.restoring-%'")?${URL##*\?}" \
        -c 'SELECT pg_sleep(100)' > /dev/null 2>&1 &
    until [ "$(/usr/bin/psql -XAtq -d "$URL" -c \
        "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(100)'")" = 1 ]
    do sleep 0.02; done
esac"#;
    let path = with_fake(&env, "psql", monitored);
    let restore = format!("restore {} {}", dump.display(), server.url("fresh"));
    let mut restore = env.program(&restore);
    Run::finish(restore.env("PATH", path).env("URL", server.url("app"))).succeeds();
    assert_eq!(server.psql("fresh", "SELECT v FROM t"), "1");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_role_that_may_create_databases_restores_its_own() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE ROLE maker LOGIN CREATEDB");
    server.psql("postgres", "CREATE DATABASE app OWNER maker");
    server.psql(
        "app",
        "SET ROLE maker; CREATE SCHEMA own; CREATE TABLE own.t AS SELECT 1 AS v",
    );
    let dump = env.dump(&server.url_as("maker", "app"));
    let dump = dump.display();
    for (options, name) in [("", "again"), ("--replace", "again")] {
        let url = server.url_as("maker", name);
        env.run(&format!("restore {options} {dump} {url}"))
            .succeeds();
        assert_eq!(server.psql(name, "SELECT v FROM own.t"), "1");
    }
}
