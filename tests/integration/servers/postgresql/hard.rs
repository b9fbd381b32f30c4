//! Dumps that are restored and compared: table by table, catalogue by catalogue.

use std::path::{Path, PathBuf};

use super::Server;
use crate::servers::{KilledOnDrop, drilled::drill};
use crate::support::{Env, Run, planted};
use dump_database::header::Rows;

pub(super) const HARD: &str = "hard \"ö\" 'x' a/b c";
pub(super) const HARD_URL: &str = "hard%20%22%C3%B6%22%20%27x%27%20a%2Fb%20c";
const OWNER: &str = "\"Ünal \"\"the\"\" owner\"";

/// Starts a server with the hard database, all of whose settings are unusual.
pub(super) fn hard_server() -> Server {
    let server = Server::start();
    for sql in [
        &*format!("CREATE ROLE {OWNER} LOGIN PASSWORD 'p\\w'"),
        "CREATE ROLE app LOGIN NOINHERIT CONNECTION LIMIT 7 VALID UNTIL '2040-01-01'",
        "CREATE ROLE reader",
        "GRANT reader TO app WITH ADMIN OPTION",
        "ALTER ROLE app SET work_mem = '5MB'",
        "COMMENT ON ROLE reader IS 'it''s; a
            reader'",
    ] {
        server.psql("postgres", sql);
    }
    let database = "\"hard \"\"ö\"\" 'x' a/b c\"";
    for sql in [
        format!(
            "CREATE DATABASE {database} TEMPLATE template0 OWNER {OWNER} ENCODING 'UTF8'
                LOCALE_PROVIDER icu ICU_LOCALE 'de-u-co-phonebk' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8' CONNECTION LIMIT 42"
        ),
        format!("COMMENT ON DATABASE {database} IS 'it''s \\ hard'"),
        format!("GRANT CREATE ON DATABASE {database} TO reader WITH GRANT OPTION"),
        format!("REVOKE TEMPORARY, CONNECT ON DATABASE {database} FROM PUBLIC"),
        format!("SET ROLE reader; GRANT CREATE ON DATABASE {database} TO app"),
        format!("ALTER DATABASE {database} SET search_path = \"$user\", public, \"Größe & Co\""),
        format!("ALTER DATABASE {database} SET \"myapp.title\" = 'it''s \\ a=b'"),
        format!("ALTER DATABASE {database} SET statement_timeout = '61s'"),
        format!("ALTER ROLE app IN DATABASE {database} SET search_path = ''"),
        format!("ALTER ROLE {OWNER} IN DATABASE {database} SET \"DateStyle\" = 'SQL, DMY'"),
    ] {
        server.psql("postgres", &sql);
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = here.join("tests/integration/servers/postgresql/hard.sql");
    server.script(HARD, &script);
    server
}

fn dump_of<'a>(paths: &'a [PathBuf], start: &str) -> &'a Path {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut paths = paths.iter().filter(|path| name(path).starts_with(start));
    paths.next().unwrap_or_else(|| panic!("no dump of {start}"))
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_hard_database_and_the_roles_come_back_on_a_fresh_server() {
    let env = Env::new();
    let old = hard_server();
    let expected = old.read_all(HARD);
    let roles = "SELECT rolname, rolinherit, rolcanlogin, rolconnlimit, rolvaliduntil, rolpassword, rolconfig,
        shobj_description(oid, 'pg_authid') FROM pg_authid a LEFT JOIN LATERAL (SELECT setconfig AS rolconfig
        FROM pg_db_role_setting WHERE setrole = a.oid AND setdatabase = 0) s ON true ORDER BY 1";
    let expected_roles = old.psql("postgres", roles);

    let new = Server::start();
    for format in ["plain", "custom"] {
        let run = env.run(&format!(
            "dump --to {format} --format {format} --jobs 2 {}",
            old.url("")
        ));
        let paths = run.succeeds().paths();
        env.run(&format!("verify {format}")).succeeds();
        let drilled = drill(&env, format).succeeds();
        assert_eq!(drilled.stdout.lines().count(), paths.len(), "{drilled:?}");
        let hard = dump_of(&paths, "hard");
        let globals = dump_of(&paths, "@globals");
        if format == "plain" {
            let restored = env.run(&format!("restore {} {}", hard.display(), new.url(HARD_URL)));
            restored.fails(1, "the roles app, reader, Ünal \"the\" owner");
            assert_eq!(new.databases(), ["postgres", "template0", "template1"]);
        }
        env.run(&format!("restore {} {}", globals.display(), new.url("")))
            .succeeds();
        assert_eq!(new.psql("postgres", roles), expected_roles);
        env.run(&format!("restore {} {}", hard.display(), new.url(HARD_URL)))
            .succeeds();
        let found = new.read_all(HARD);
        assert_same(&found, &expected);
        new.psql("postgres", "DROP DATABASE \"hard \"\"ö\"\" 'x' a/b c\"");
    }
}

#[track_caller]
pub(super) fn assert_same(found: &str, expected: &str) {
    if found == expected {
        return;
    }
    let differing = found.lines().zip(expected.lines()).find(|(a, b)| a != b);
    panic!(
        "{} lines, {} expected; first difference: {differing:#?}",
        found.lines().count(),
        expected.lines().count()
    );
}

#[test]
#[ignore = "needs PostgreSQL"]
fn chinook_comes_back_with_either_compression() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE chinook");
    let Some(chinook) = crate::servers::chinook("chinook-postgresql.sql") else {
        return;
    };
    let loaded = server
        .client("psql", "chinook")
        .args(["-Xqw", "-f"])
        .arg(chinook)
        .output()
        .unwrap();
    assert!(loaded.status.success());
    assert_eq!(server.psql("chinook", "SELECT count(*) FROM track"), "3503");
    let expected = server.read_all("chinook");
    for compress in ["gzip", "zstd"] {
        let dumped = env.run(&format!(
            "dump --compress {compress} --name {compress} {}",
            server.url("chinook")
        ));
        let dump = dumped.succeeds().paths().remove(0);
        env.run(&format!(
            "restore {} {}",
            dump.display(),
            server.url(compress)
        ))
        .succeeds();
        let found = server.read_all(compress);
        assert_same(&found.replace(compress, "chinook"), &expected);
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn six_thousand_tables_come_back() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE many");
    // The tables are made in parts: creating them in one transaction exhausts its lock table.
    for part in 0..12 {
        let (from, to) = (part * 500 + 1, (part + 1) * 500);
        server.psql(
            "many",
            &format!(
                "DO $$ BEGIN FOR n IN {from}..{to} LOOP
                    EXECUTE format('CREATE TABLE many_%s (id int PRIMARY KEY, v text)', n);
                    EXECUTE format('INSERT INTO many_%s VALUES (%s, %L)', n, n, 'v' || n);
                END LOOP; END $$"
            ),
        );
    }
    let expected = server.read_all("many");
    let dump = env.dump(&server.url("many"));
    // The dump has more tables than one transaction has locks for.
    let facts = planted::header(&dump).facts;
    assert_eq!(facts.table_count, 6000);
    for (table, rows) in &facts.tables {
        assert_eq!(rows, &Some(Rows::Exact(1)), "{table}");
    }
    drop(server);
    let fresh = Server::start();
    let restore = format!("restore {} {}", dump.display(), fresh.url("many"));
    env.run(&restore).succeeds();
    assert_same(&fresh.read_all("many"), &expected);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn money_in_motion_is_neither_lost_nor_made() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE bank");
    server.psql(
        "bank",
        "CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL, filler text);
         INSERT INTO account SELECT n, 100, repeat(md5(n::text), 60) FROM generate_series(1, 20000) n;
         CREATE TABLE moved (n bigserial)",
    );
    // Moves money from the last accounts to the first ones, against the order of the dump.
    let writer = server
        .client("psql", "bank")
        .args(["-Xqw", "-c"])
        .arg(
            "DO $$ DECLARE giver int; taker int; BEGIN LOOP
                giver := 20000 - (random() * 9000)::int;
                taker := 1 + (random() * 9000)::int;
                UPDATE account SET balance = balance - 1 WHERE id = giver;
                UPDATE account SET balance = balance + 1 WHERE id = taker;
                INSERT INTO moved DEFAULT VALUES;
                COMMIT;
            END LOOP; END $$",
        )
        .spawn()
        .unwrap();
    let _writer = KilledOnDrop(writer);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while server.psql("bank", "SELECT count(*) FROM moved") == "0" {
        assert!(
            std::time::Instant::now() < until,
            "the writer does not write"
        );
    }
    for format in ["plain", "custom"] {
        let before: u64 = server
            .psql("bank", "SELECT count(*) FROM moved")
            .parse()
            .unwrap();
        let dump = env.dump(&format!(
            "--format {format} --to {format} {}",
            server.url("bank")
        ));
        let after: u64 = server
            .psql("bank", "SELECT count(*) FROM moved")
            .parse()
            .unwrap();
        assert!(after > before, "no writer was at work");
        env.run(&format!(
            "restore {} {}",
            dump.display(),
            server.url(format)
        ))
        .succeeds();
        let sum = server.psql(format, "SELECT sum(balance), count(*) FROM account");
        assert_eq!(sum, "2000000|20000");
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn roles_that_exist_keep_their_passwords() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE ROLE app LOGIN PASSWORD 'old'");
    let paths = env
        .run(&format!("dump {}", server.url("")))
        .succeeds()
        .paths();
    let globals = dump_of(&paths, "@globals").display().to_string();
    server.psql(
        "postgres",
        "ALTER ROLE app CONNECTION LIMIT 3 PASSWORD 'new'",
    );
    let roles = "SELECT rolname, rolpassword, rolconnlimit FROM pg_authid ORDER BY 1";
    let before = server.psql("postgres", roles);
    let run = Run::finish(&mut env.program(&format!("restore {globals} {}", server.url(""))));
    run.succeeds();
    assert_eq!(server.psql("postgres", roles), before);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn what_was_added_to_an_extension_s_configuration_comes_back() {
    let env = Env::new();
    let mut server = Server::start();
    server.add_extension(
        "house",
        "default_version = '1.0'\n",
        "CREATE TABLE rule (name text PRIMARY KEY, own bool DEFAULT true);
         INSERT INTO rule VALUES ('given', false);
         SELECT pg_catalog.pg_extension_config_dump('rule', 'WHERE own')",
    );
    server.psql("postgres", "CREATE DATABASE app");
    server.psql(
        "app",
        "CREATE EXTENSION house; INSERT INTO rule VALUES ('added')",
    );
    for format in ["plain", "custom"] {
        let dump = env.dump(&format!(
            "--to {format} --format {format} {}",
            server.url("app")
        ));
        let restore = format!("restore {} {}", dump.display(), server.url(format));
        env.run(&restore).succeeds();
        let rules = "SELECT string_agg(name, ',' ORDER BY name) FROM rule";
        assert_eq!(server.psql(format, rules), "added,given");
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn names_of_no_encoding_come_back() {
    let env = Env::new();
    let server = Server::start();
    server.psql(
        "postgres",
        "CREATE DATABASE old ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0",
    );
    // Latin-1 text, which only SQL_ASCII accepts.
    server.psql(
        "old",
        r"DO $$ BEGIN
            EXECUTE format('CREATE TABLE %I AS SELECT chr(233) AS v', 'caf' || chr(233));
            EXECUTE format('CREATE VIEW seen AS SELECT encode(v::bytea, ''hex'') AS v FROM %I', 'caf' || chr(233));
        END $$",
    );
    for format in ["plain", "custom"] {
        let dump = env.dump(&format!(
            "--to {format} --format {format} {}",
            server.url("old")
        ));
        let known = planted::header(&dump).facts.tables;
        assert_eq!(known.len(), 1, "{known:?}");
        assert_eq!(known[0].1, Some(Rows::Exact(1)), "{known:?}");
        let restore = format!("restore {} {}", dump.display(), server.url(format));
        env.run(&restore).succeeds();
        let seen = server.psql(format, "SELECT v FROM seen");
        assert_eq!(seen, "e9");
        drill(&env, &dump.display().to_string()).succeeds();
    }
}
