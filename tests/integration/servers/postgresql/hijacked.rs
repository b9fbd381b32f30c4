//! Databases whose owner replaces PostgreSQL's own operators, functions, casts and views, so that
//! the superuser who dumps or restores calls the replacements.

use std::fs;
use std::path::Path;

use dump_database::header::Rows;

use super::Server;
use super::sessions::content;
use crate::servers::drilled::drill;
use crate::support::{Env, Run};

const PATH: &str = "SET search_path = public, pg_catalog";

/// Starts a server whose databases `app` and `postgres` are full of such replacements, with that
/// search path.
fn hijacked_server() -> Server {
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = here.join("tests/integration/servers/postgresql/hijacked.sql");
    for database in ["app", "postgres"] {
        server.script(database, &script);
        server.psql(database, &format!("ALTER DATABASE {database} {PATH}"));
        let role = format!("ALTER ROLE postgres IN DATABASE {database} {PATH}");
        server.psql(database, &role);
    }
    server
}

/// Returns which replacements were called, without duplicates.
fn list_called(server: &Server) -> Vec<String> {
    let log = fs::read_to_string(server.directory().join("log")).unwrap();
    let said = log.lines().filter_map(|line| line.split_once("hijacked: "));
    let mut replacements: Vec<_> = said.map(|(_, what)| what.to_owned()).collect();
    replacements.sort();
    replacements.dedup();
    replacements
}

#[test]
#[ignore = "needs PostgreSQL"]
fn no_operator_or_function_of_a_database_s_owner_is_called() {
    let env = Env::new();
    let server = hijacked_server();
    let own = format!(
        "{}&options=-c%20search_path%3Dpublic,pg_catalog%20-c%20work_mem%3D5MB",
        server.url("app")
    );
    for format in ["plain", "custom"] {
        for url in [&server.url("app"), &own] {
            let dump = env.dump(&format!("--to {format} --format {format} {url}"));
            let dump = dump.display();
            env.run(&format!("restore --replace --to saved {dump} {url}"))
                .succeeds();
            assert_eq!(list_called(&server), [""; 0], "{format} {url}");
            // The log of the drill's server is not kept, but in a drill each replacement fails
            // when it is called.
            drill(&env, &dump.to_string()).succeeds();
        }
    }
    env.run(&format!("dump --to all {}", server.url("")))
        .succeeds();
    let several = format!(
        "--log debug --sessions 2 --large-table 8KiB {}",
        server.url("app")
    );
    let run = env.run(&format!("dump --to several {several}")).succeeds();
    let said = "2 sessions read the rows of 1 large table";
    assert!(run.stderr.contains(said), "{run:?}");
    assert_eq!(list_called(&server), [""; 0]);
    env.run(&format!("restore all --name @globals {}", server.url("")))
        .succeeds();
    assert_eq!(list_called(&server), [""; 0]);
    // A query of that table calls its owner's function.
    server.psql("app", "SELECT count(*) FROM indexed");
    assert_eq!(list_called(&server), ["a planned function"]);
    fs::write(server.directory().join("log"), "").unwrap();
    // The replacements are called if the search path has them first.
    server.psql("app", "SELECT 'a'::name = 'b'::name");
    assert_eq!(list_called(&server), ["="]);
}

/// While a dump counts rows, the owner of a table that the dump does not lock puts a view in its place. The
/// dump locks no table of an extension. It counts a hundred tables at a time. While it counts the first
/// hundred, a view gets the name of one of the second.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_view_in_the_place_of_a_table_is_not_counted() {
    let env = Env::new();
    let server = hijacked_server();
    server.psql(
        "app",
        "CREATE SCHEMA many;
         DO $$ BEGIN FOR number IN 1..150 LOOP
             EXECUTE format('CREATE TABLE many.t%s (x int)', number);
             EXECUTE format('ALTER EXTENSION plpgsql ADD TABLE many.t%s', number);
         END LOOP; END $$;
         INSERT INTO many.t61 SELECT pg_catalog.generate_series(1, 1400000)",
    );
    // The first hundred are locked until all of them are counted, which takes longest for `t61`.
    let attack = "DO $$ BEGIN
             WHILE (SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks
                    WHERE relation IN ('many.t1'::regclass, 'many.t60'::regclass)) < 2 LOOP
                 PERFORM pg_catalog.pg_sleep(0.002);
             END LOOP;
         END $$;
         ALTER EXTENSION plpgsql DROP TABLE many.t150;
         DROP TABLE many.t150;
         CREATE VIEW many.t150 AS SELECT public.say('a view')::text AS x;";
    let mut psql = server.client("psql", "app");
    let path = "SET search_path = pg_catalog";
    psql.args(["-Xq", "-v", "ON_ERROR_STOP=1", "-c", path, "-c", attack]);
    let mut attack = psql.spawn().unwrap();
    let waits =
        "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE query ~ 'many.t60'";
    crate::servers::wait_for("the attack", || server.psql("app", waits) == "2");
    env.run(&format!("dump {}", server.url("app"))).succeeds();
    assert!(attack.wait().unwrap().success());
    let kind = "SELECT relkind FROM pg_catalog.pg_class WHERE relname = 't150'";
    assert_eq!(server.psql("app", kind), "v");
    let is_called = || list_called(&server).contains(&"a view".to_owned());
    assert!(!is_called());
    // Whoever reads the view calls the function.
    server.psql("app", "SELECT pg_catalog.count(x) FROM many.t150");
    assert!(is_called());
}

/// As soon as a dump has locked a table, its owner creates an index whose expression calls his function.
#[test]
#[ignore = "needs PostgreSQL"]
fn an_index_that_is_made_during_a_dump_calls_no_function() {
    const ROUNDS: usize = 10;
    let env = Env::new();
    let server = hijacked_server();
    server.psql(
        "app",
        "ALTER ROLE evil LOGIN; GRANT CREATE ON SCHEMA public TO evil;
         CREATE TABLE public.later AS SELECT 'row ' || n AS v FROM generate_series(1, 1000) n;
         ALTER TABLE public.later OWNER TO evil",
    );
    let is_locked = "SELECT FROM pg_locks WHERE relation = 'public.later'::regclass";
    let attack = format!(
        "DO $$ BEGIN
             WHILE NOT EXISTS ({is_locked} AND pid <> pg_backend_pid()) LOOP
                 PERFORM pg_sleep(0.001);
             END LOOP;
             PERFORM pg_sleep(0.003);
         END $$;
         CREATE INDEX swapped ON public.later
             ((public.planned('x'::text) OPERATOR(pg_catalog.||) v));"
    );
    let path = "SET search_path = pg_catalog";
    let made_in_time = (0..ROUNDS).filter(|_| {
        let mut psql = server.client("psql", "app");
        psql.args(["-Xq", "--username=evil", "-v", "ON_ERROR_STOP=1"]);
        let mut attack = psql.args(["-c", path, "-c", &attack]).spawn().unwrap();
        let dump = env.dump(&server.url("app"));
        let ended = attack.wait().unwrap();
        assert!(ended.success());
        let index = "SELECT pg_catalog.count(*) FROM pg_catalog.pg_class WHERE relname::text OPERATOR(pg_catalog.=) 'swapped'";
        assert_eq!(server.psql("app", &format!("{path}; {index}")), "1");
        server.psql("app", &format!("{path}; DROP INDEX public.swapped"));
        let tables = crate::support::planted::header(&dump).facts.tables;
        assert!(tables.contains(&("later".to_owned(), Some(Rows::Exact(1000)))) || tables.contains(&("public.later".to_owned(), Some(Rows::Exact(1000)))), "{tables:?}");
        // If the index is not in the dump, it was made after the snapshot was taken.
        !String::from_utf8_lossy(&content(&dump)).contains("INDEX swapped")
    });
    assert!(made_in_time.count() > 0);
    assert_eq!(list_called(&server), [""; 0]);
    // A query of the table calls the function.
    server.psql("app", &format!("{path}; CREATE INDEX ON public.later ((public.planned('x'::text) OPERATOR(pg_catalog.||) v))"));
    fs::write(server.directory().join("log"), "").unwrap();
    server.psql("app", &format!("{path}; SELECT count(*) FROM public.later"));
    assert_eq!(list_called(&server), ["a planned function"]);
}

/// Several sessions read by queries. Without `--sessions`, they read no table on which another user can
/// create an index.
#[test]
#[ignore = "needs PostgreSQL"]
fn several_sessions_read_no_table_of_another_user_by_default() {
    let env = Env::new();
    let server = Server::start();
    // 300 MB of dead rows.
    server.psql(
        "postgres",
        "CREATE ROLE evil; CREATE TABLE parent (v text) PARTITION BY LIST (v);
         CREATE TABLE big (v text); ALTER TABLE big ALTER v SET STORAGE PLAIN;
         INSERT INTO big SELECT repeat('x', 7000) FROM generate_series(1, 38000);
         DELETE FROM big; INSERT INTO big VALUES ('x')",
    );
    let is_read_by_several = |more: &str| {
        let run = env.run(&format!(
            "dump --log debug {more} {}",
            server.url("postgres")
        ));
        run.succeeds()
            .stderr
            .contains("several sessions may read the rows of 1 large table")
    };
    assert!(is_read_by_several(""));
    server.psql("postgres", "ALTER TABLE big OWNER TO evil");
    assert!(!is_read_by_several(""));
    assert!(is_read_by_several("--sessions 2"));
    // The owner of a database chooses the role in which its sessions begin.
    server.psql(
        "postgres",
        "ALTER TABLE parent OWNER TO evil; ALTER DATABASE postgres SET role = evil",
    );
    assert_eq!(server.psql("postgres", "SELECT current_user"), "evil");
    assert!(!is_read_by_several(""));
    // The owner of a partitioned table creates the indexes of its partitions.
    server.psql(
        "postgres",
        "SET ROLE NONE; ALTER DATABASE postgres RESET role;
         ALTER TABLE big OWNER TO postgres; ALTER TABLE parent ATTACH PARTITION big DEFAULT",
    );
    assert!(!is_read_by_several(""));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn options_in_the_url_and_in_the_environment_still_count() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE ROLE reader; CREATE ROLE nobody_");
    server.psql("postgres", "CREATE TABLE t (); GRANT SELECT ON t TO reader");
    let refused = "may not read all of postgres";
    let url = server.url("postgres");
    let with = |role: &str| format!("{url}&options=-c%20role%3D{role}");
    let dump = |url: &str, options: &str| {
        let mut dump = env.program(&format!("dump {url}"));
        Run::finish(dump.env("PGOPTIONS", options))
    };
    dump(&url, "-c role=nobody_").fails(1, refused);
    dump(&with("nobody_"), "").fails(1, refused);
    dump(&with("reader"), "-c role=nobody_").succeeds();
}
