//! Restores that succeed in spite of an obstacle: part of a dump, an empty database, a damaged old
//! database.

use std::fs;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::Server;
use crate::servers::assert_not_restored;
use crate::servers::drilled::with_text;
use crate::servers::leftovers::Leftovers;
use crate::support::Env;

/// Content that a database holds, but refuses when it is loaded: a check and a materialized view
/// that call functions with unqualified names, and a row without the one that its foreign key names.
/// Also rows that psql must not take for SQL.
const FRAGILE: &str = "CREATE TABLE z_allowed (v int); INSERT INTO z_allowed VALUES (1), (2);
    CREATE FUNCTION ok(v int) RETURNS bool LANGUAGE plpgsql AS
        'BEGIN RETURN EXISTS (SELECT FROM z_allowed z WHERE z.v = ok.v); END';
    CREATE TABLE a_checked (v int CHECK (public.ok(v))); INSERT INTO a_checked VALUES (1);
    CREATE FUNCTION number() RETURNS bigint LANGUAGE plpgsql AS
        'BEGIN RETURN (SELECT count(*) FROM z_allowed); END';
    CREATE MATERIALIZED VIEW counted AS SELECT public.number() AS n;
    CREATE TABLE lost (a_type text, v text);
    INSERT INTO lost VALUES ('x', 'a'), (E'DROP TABLE good;', E'\\\\.');
    CREATE TABLE good (id int PRIMARY KEY, v text); INSERT INTO good VALUES (1, 'one'), (2, 'it''s; $$');
    CREATE VIEW of_good AS SELECT v FROM good; CREATE VIEW of_lost AS SELECT v FROM lost;
    SELECT lo_from_bytea(77, 'large');
    CREATE TABLE parent (i int PRIMARY KEY); INSERT INTO parent VALUES (1);
    CREATE TABLE child (i int REFERENCES parent); INSERT INTO child VALUES (1);
    SET session_replication_role = replica; DELETE FROM parent";

fn everything_good(server: &Server, database: &str) -> String {
    server.psql(
        database,
        "SELECT (SELECT string_agg(id || v, ',' ORDER BY id) FROM good), (SELECT count(*) FROM of_good),
            (SELECT sum(v) FROM z_allowed), (SELECT count(*) FROM a_checked), convert_from(lo_get(77), 'UTF8'),
            to_regclass('lost'), (SELECT relispopulated FROM pg_class WHERE relname = 'counted'),
            (SELECT count(*) FROM pg_constraint WHERE contype = 'p' AND connamespace = 'public'::regnamespace)",
    )
}

#[test]
#[ignore = "needs PostgreSQL"]
fn what_can_be_loaded_is_loaded_and_what_cannot_is_named() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    server.psql("app", FRAGILE);
    let dump = env.dump(&server.url("app"));
    // The same error as with a missing extension.
    let dump = with_text(&dump, |text| {
        text.replace("a_type text", "a_type public.nosuch")
    });
    let custom = env.dump(&format!(
        "--format custom --to custom {}",
        server.url("app")
    ));
    let restore = |options: &str, dump: &Path, to: &str| {
        env.run(&format!(
            "restore {options} {} {}",
            dump.display(),
            server.url(to)
        ))
    };
    let before = server.databases();
    let run =
        restore("", &dump, "new").fails(1, "table public.lost: ERROR:  type \"public.nosuch\"");
    assert!(!run.stderr.contains("<stdin>"), "{run:?}");
    let run = restore("", &custom, "new").fails(1, "rows of table public.a_checked: ERROR:  ");
    assert!(
        run.stderr.contains("relation \"z_allowed\" does not exist"),
        "{run:?}"
    );
    assert_eq!(server.databases(), before);

    let run = restore("--keep-going", &dump, "new").fails(1, "without 6 objects");
    let failed = [
        "check a_checked_v_check of table public.a_checked: the rows are loaded, but the check is NOT VALID, so that it is evaluated for new rows only: relation \"z_allowed\" does not exist",
        "table public.lost: type \"public.nosuch\" does not exist",
        "rows of table public.lost: relation \"public.lost\" does not exist",
        "view public.of_lost: relation \"public.lost\" does not exist",
        "fk constraint public.child child_i_fkey: insert or update on table \"child\" violates",
        "refresh of materialized view public.counted: relation \"z_allowed\" does not exist",
    ];
    assert_not_restored(&run, &failed, 6);
    let good = "1one,2it's; $$|2|3|1|large||f|2";
    assert_eq!(everything_good(&server, "new"), good);

    let run = restore("--keep-going", &custom, "fresh").fails(1, "without 3 objects");
    assert!(
        run.stderr
            .contains("check a_checked_v_check of table public.a_checked: "),
        "{run:?}"
    );
    assert_eq!(
        everything_good(&server, "fresh"),
        good.replace("large||", "large|lost|")
    );
    // A dump without any failing object is restored as without the flag.
    server.psql(
        "app",
        "DROP MATERIALIZED VIEW counted; DROP TABLE a_checked, child",
    );
    let whole = env.dump(&server.url("app"));
    restore("--keep-going --replace", &whole, "new").succeeds();
    let expected = server.read_all("app");
    assert_eq!(server.read_all("new").replace("new", "app"), expected);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_role_that_may_create_no_database_fills_an_empty_one() {
    let env = Env::new();
    let server = Server::start();
    for sql in [
        "CREATE ROLE app; CREATE ROLE hosted LOGIN; CREATE ROLE reader",
        "CREATE DATABASE app OWNER app",
        "CREATE DATABASE mine OWNER hosted",
    ] {
        server.psql("postgres", sql);
    }
    server.psql(
        "mine",
        "CREATE EXTENSION pg_stat_statements; CREATE EXTENSION pg_trgm",
    );
    server.psql(
        "app",
        "CREATE EXTENSION pg_trgm; SET ROLE app; CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('x');
         CREATE TABLE s.t (id serial PRIMARY KEY, m s.mood, v text); INSERT INTO s.t (m, v) VALUES ('x', 'a');
         GRANT SELECT ON s.t TO reader; ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO reader;
         CREATE FUNCTION s.f() RETURNS text LANGUAGE sql AS $$ SELECT '
ALTER TABLE s.t OWNER TO app;
' $$; CREATE VIEW s.w AS SELECT v FROM s.t; SELECT lo_from_bytea(5, 'five')",
    );
    server.psql("postgres", "ALTER DATABASE app SET work_mem = '7MB'");
    let plain = env.dump(&server.url("app"));
    let custom = env.dump(&format!(
        "--format custom --to custom {}",
        server.url("app")
    ));
    let url = server.url_as("hosted", "mine");
    let fill = |dump: &Path| {
        env.run(&format!(
            "restore --into-empty --no-owner {} {url}",
            dump.display()
        ))
    };
    let objects = "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace
            AND relname NOT LIKE 'pg_stat%'),
        (SELECT count(*) FROM pg_namespace WHERE nspname = 's'), (SELECT count(*) FROM pg_largeobject_metadata)";
    assert_eq!(server.psql("mine", objects), "0|0|0");

    let restore = format!("restore {} ", plain.display());
    env.run(&(restore.clone() + &url))
        .fails(1, "--into-empty loads into it if it is empty");
    let new = server.url_as("hosted", "new");
    env.run(&(restore + &new)).fails(
        1,
        "(--into-empty loads into one that exists and is empty): ",
    );
    let broken = with_text(&plain, |text| {
        text.replace("VIEW s.w AS", "VIEW s.w AS SELECT nothing;")
    });
    let run = fill(&broken).fails(1, "the database mine is empty again");
    assert!(run.stderr.contains("view s.w: ERROR: "), "{run:?}");
    assert_eq!(server.psql("mine", objects), "0|0|0");

    for dump in [&plain, &custom] {
        fill(dump).succeeds();
        assert_eq!(
            server.psql(
                "mine",
                "SELECT id, m, t.v, s.f(), lo_get(5) FROM s.t, s.w w WHERE w.v = t.v"
            ),
            "1|x|a|\nALTER TABLE s.t OWNER TO app;\n|\\x66697665"
        );
        let owners = "SELECT string_agg(DISTINCT pg_get_userbyid(relowner) || coalesce(relacl::text, ''), ',')
            FROM pg_class WHERE relnamespace = 's'::regnamespace";
        assert_eq!(server.psql("mine", owners), "hosted");
        assert_eq!(server.psql("mine", "SHOW work_mem"), "7MB");
        fill(dump).fails(
            1,
            "the database mine is not empty (table s.t, sequence s.t_id_seq, view s.w",
        );
        server.psql("mine", "DROP SCHEMA s CASCADE; SELECT lo_unlink(5)");
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn an_old_database_that_cannot_be_dumped_is_replaced_when_that_is_said() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    server.psql("app", "CREATE TABLE t (v text); INSERT INTO t VALUES ('a')");
    let dump = env.dump(&server.url("app")).display().to_string();
    let file = server.psql("app", "SELECT pg_relation_filepath('t')");
    server.psql(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'app'",
    );
    server.psql("postgres", "CHECKPOINT");
    fs::remove_file(server.data().join(file)).unwrap();
    assert!(!server.try_psql("app", "SELECT * FROM t").status.success());
    let restore =
        |options: &str| env.run(&format!("restore {options} {dump} {}", server.url("app")));
    let run = restore("--replace").fails(1, "the old database is as it was");
    let said = "could not be dumped first (--replace --save-partly keeps it on the server under another name, --replace --without-saving drops it)";
    assert!(run.stderr.contains(said), "{run:?}");
    // What failed is named.
    assert!(run.stderr.contains("public.t"), "{run:?}");
    restore("--without-saving").fails(2, "--replace");
    restore("--save-partly").fails(2, "--replace");
    let run = restore("--replace --save-partly").succeeds();
    assert_eq!(server.psql("app", "SELECT v FROM t"), "a");
    let databases = server.databases();
    let kept = databases
        .iter()
        .find(|name| name.starts_with("app.replaced-"))
        .unwrap_or_else(|| panic!("it is gone: {run:?}"));
    assert!(
        run.stderr
            .contains(&format!("stays on the server as {kept};")),
        "{run:?}"
    );
    assert_eq!(
        server.psql(kept, "SELECT 1 FROM pg_class WHERE relname = 't'"),
        "1"
    );
    server.psql("postgres", &format!("DROP DATABASE \"{kept}\""));
    // What can be dumped is dumped with the flag, too.
    restore("--replace --save-partly --to saved").succeeds();
    assert_eq!(
        crate::support::names(&env.path("saved"))
            .iter()
            .filter(|name| name.starts_with("app-"))
            .count(),
        1
    );
    restore("--replace --without-saving").succeeds();
    assert_eq!(server.psql("app", "SELECT v FROM t"), "a");
    assert_eq!(
        server.databases(),
        ["app", "postgres", "template0", "template1"]
    );
    assert_eq!(env.names().len(), 1);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn the_dump_directory_is_taken_before_anything_is_loaded_and_leftovers_go() {
    let env = Env::new();
    let server = Server::start_with_settings(&["log_statement=ddl".to_owned()]);
    server.psql("postgres", "CREATE DATABASE app");
    server.psql("app", "CREATE TABLE t (v text); INSERT INTO t VALUES ('a')");
    let dump = env.dump(&server.url("app")).display().to_string();
    let log = || fs::read_to_string(server.directory().join("log")).unwrap();
    let replace = |to: &str| {
        env.run(&format!(
            "restore --replace --to {to} {dump} {}",
            server.url("app")
        ))
    };
    replace("missing/dump").fails(1, "could not be dumped first (--to says where to)");
    let lock = fs::File::open(env.dumps().join(".dump-database.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    replace("dump").fails(75, "is in use by");
    assert!(!log().contains("restoring"), "{}", log());
    drop(lock);

    let leftovers = Leftovers::new("app");
    for name in leftovers.names() {
        server.psql("postgres", &format!("CREATE DATABASE \"{name}\""));
    }
    let run = replace("dump").succeeds();
    leftovers.assert_judged(&run, |name| server.databases().iter().any(|it| it == name));
}
