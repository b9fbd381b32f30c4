//! Restoring while other sessions and restores use the server.

use super::Server;
use crate::servers::clients::with_fake;
use crate::servers::drilled::with_text;
use crate::support::{Env, Run};

#[test]
#[ignore = "needs PostgreSQL"]
fn what_others_put_into_a_database_while_it_is_filled_stays() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    server.psql("postgres", "CREATE DATABASE mine");
    server.psql(
        "app",
        "CREATE TABLE early (id int PRIMARY KEY); INSERT INTO early VALUES (1);
         CREATE TABLE users AS SELECT 'dumped' AS v; SELECT lo_from_bytea(5, 'five');
         CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = pg_catalog.simple);
         CREATE OPERATOR FAMILY f USING btree; CREATE CONVERSION c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
         ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    );
    let plain = env.dump(&server.url("app"));
    let custom = env.dump(&format!(
        "--format custom --to custom {}",
        server.url("app")
    ));
    let fill = |dump: &std::path::Path| {
        format!(
            "restore --into-empty {} {}",
            dump.display(),
            server.url("mine")
        )
    };
    // An application creates its tables after the database was found empty.
    let script = r#"case "$*" in *--file=-*)
/usr/bin/psql -Xq -d "$MINE" -c "CREATE TABLE IF NOT EXISTS public.users AS SELECT 'mine' AS v" \
    -c "CREATE TABLE IF NOT EXISTS public.theirs AS SELECT 'mine' AS v" 2> /dev/null;; esac
exec /usr/bin/psql "$@""#;
    let path = with_fake(&env, "psql", script);
    let others = "SELECT users.v, theirs.v, to_regclass('early'),
        (SELECT count(*) FROM pg_largeobject_metadata) FROM users, theirs";
    for dump in [&plain, &custom] {
        let mut restore = env.program(&fill(dump));
        let run = Run::finish(restore.env("PATH", &path).env("MINE", server.url("mine")));
        let run = run.fails(1, "relation \"users\" already exists");
        let said = "the database mine is not empty: it has table public.";
        assert!(run.stderr.contains(said), "{run:?}");
        assert_eq!(server.psql("mine", others), "mine|mine||0");
        server.psql("mine", "DROP TABLE users, theirs");
    }
    // The failure comes after the rows and the large objects.
    let broken = with_text(&plain, |text| {
        text.replace("PRIMARY KEY (id)", "PRIMARY KEY (nosuch)")
    });
    let run = env.run(&fill(&broken));
    run.fails(1, "the database mine is empty again");
    let objects =
        "SELECT (SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass
            AND refobjid = 'public'::regnamespace), (SELECT count(*) FROM pg_largeobject_metadata),
        (SELECT count(*) FROM pg_default_acl)";
    assert_eq!(server.psql("mine", objects), "0|0|0");

    env.run(&fill(&custom)).succeeds();
    let expected = server.read_all("app");
    assert_eq!(server.read_all("mine").replace("mine", "app"), expected);
    server.psql("mine", "DROP TABLE early, users; SELECT lo_unlink(5)");
    env.run(&fill(&plain))
        .fails(1, "the database mine is not empty (text search dictionary ");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_closed_database_stays_closed_if_another_setting_fails() {
    let env = Env::new();
    let server = Server::start();
    for sql in [
        "CREATE ROLE gone",
        "CREATE ROLE reader",
        "CREATE DATABASE app OWNER gone",
        "REVOKE ALL ON DATABASE app FROM PUBLIC",
        "GRANT CONNECT ON DATABASE app TO reader",
        "ALTER DATABASE app SET work_mem = '7MB'",
    ] {
        server.psql("postgres", sql);
    }
    let dump = env.dump(&server.url("app"));
    server.psql("postgres", "DROP DATABASE app");
    server.psql("postgres", "DROP ROLE gone");
    let restore = format!(
        "restore --keep-going {} {}",
        dump.display(),
        server.url("app")
    );
    let run = env.run(&restore).fails(
        1,
        "not restored: setting of the database (ALTER DATABASE \"app\" OWNER TO \"gone\"): ",
    );
    assert!(
        !run.stderr
            .contains("REVOKE ALL ON DATABASE \"app\" FROM PUBLIC"),
        "{run:?}"
    );
    let privileges = "SELECT has_database_privilege('public', 'app', 'CONNECT'),
        has_database_privilege('reader', 'app', 'CONNECT')";
    assert_eq!(server.psql("postgres", privileges), "f|t");
    assert_eq!(server.psql("app", "SHOW work_mem"), "7MB");
}
