//! Rows that the source has and that a CHECK refuses while they are loaded.

use super::Server;
use crate::support::Env;

/// A CHECK that reads a table which is loaded later, with its schema; and CHECKs with functions that
/// name a table without its schema: of a table that another one refers to, of a partitioned table,
/// of a table with a child, and of a domain.
const CHECKED: &str = "CREATE TABLE z_allowed (v int); INSERT INTO z_allowed VALUES (1), (2), (3);
    CREATE FUNCTION qualified(v int) RETURNS bool LANGUAGE plpgsql AS
        'BEGIN RETURN EXISTS (SELECT FROM public.z_allowed z WHERE z.v = qualified.v); END';
    CREATE FUNCTION unqualified(v int) RETURNS bool LANGUAGE plpgsql AS
        'BEGIN RETURN EXISTS (SELECT FROM z_allowed z WHERE z.v = unqualified.v); END';
    CREATE TABLE a_later (v int CHECK (public.qualified(v))); INSERT INTO a_later VALUES (1), (3);
    CREATE TABLE \"B ( table\" (v int PRIMARY KEY, note text, CONSTRAINT \"its %s check\" CHECK (public.unqualified(v)));
    INSERT INTO \"B ( table\" VALUES (1, 'a'), (2, E'\\\\.');
    COMMENT ON CONSTRAINT \"its %s check\" ON \"B ( table\" IS 'it''s a comment';
    CREATE TABLE refers (v int REFERENCES \"B ( table\"); INSERT INTO refers VALUES (2);
    CREATE TABLE parted (v int CHECK (public.unqualified(v))) PARTITION BY LIST (v);
    CREATE TABLE part_1 PARTITION OF parted FOR VALUES IN (1);
    CREATE TABLE part_2 PARTITION OF parted FOR VALUES IN (2);
    INSERT INTO parted VALUES (1), (2);
    CREATE TABLE parent (v int, CONSTRAINT c CHECK (public.unqualified(v)));
    CREATE TABLE child (v int, CONSTRAINT c CHECK (public.unqualified(v))) INHERITS (parent);
    INSERT INTO child VALUES (3);
    CREATE DOMAIN allowed AS int CONSTRAINT d CHECK (public.unqualified(VALUE));
    CREATE TABLE of_domain (v allowed); INSERT INTO of_domain VALUES (1);
    CREATE TABLE others (v int CHECK (v > 0)); INSERT INTO others VALUES (7)";

/// Returns all constraints with their comments, and whether they are valid.
fn constraints(server: &Server, database: &str) -> String {
    server.psql(
        database,
        "SELECT conrelid::regclass, contypid::regtype, conname, conislocal, coninhcount, convalidated,
                replace(pg_get_constraintdef(oid), ' NOT VALID', ''), obj_description(oid, 'pg_constraint')
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY conrelid::regclass::text, contypid::regtype::text, conname",
    )
}

fn rows(server: &Server, database: &str) -> String {
    let tables =
        "SELECT string_agg(format('SELECT %L, t::text FROM %s t', oid::regclass, oid::regclass),
            ' UNION ALL ' ORDER BY relname) || ' ORDER BY 1, 2'
        FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    server.psql(database, &server.psql(database, tables))
}

#[test]
#[ignore = "needs PostgreSQL"]
fn rows_that_a_check_refuses_are_loaded_and_the_check_is_not_valid() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    server.psql("postgres", "CREATE ROLE hosted LOGIN");
    server.psql("app", CHECKED);
    let plain = env.dump(&server.url("app"));
    let custom = env.dump(&format!(
        "--format custom --to custom {}",
        server.url("app")
    ));
    let expected = rows(&server, "app");
    assert_eq!(expected.lines().count(), 14, "{expected}");
    let all_valid = constraints(&server, "app");
    let not_valid: Vec<_> = all_valid
        .lines()
        .map(|line| match line.contains("unqualified") {
            true => line.replacen("|t|CHECK", "|f|CHECK", 1),
            false => line.to_owned(),
        })
        .collect();
    let refused = "the rows are loaded, but the check is NOT VALID, so that it is evaluated for new rows only: relation \"z_allowed\" does not exist";
    for dump in [&plain, &custom] {
        for (options, to) in [("", "copy"), ("--into-empty --no-owner", "mine")] {
            if to == "mine" {
                server.psql("postgres", "CREATE DATABASE mine OWNER hosted");
                server.psql("mine", "ALTER SCHEMA public OWNER TO hosted");
            }
            let url = match to {
                "mine" => server.url_as("hosted", to),
                _ => server.url(to),
            };
            let restore = format!("restore --keep-going {options} {} {url}", dump.display());
            let run = env.run(&restore).fails(1, "without 5 objects");
            for check in [
                "its %s check of table public.\"B ( table\"",
                "parted_v_check of table public.parted",
                "c of table public.parent",
                "c of table public.child",
                "d of domain public.allowed",
            ] {
                let said = format!("not restored: check {check}: {refused};");
                assert!(run.stderr.contains(&said), "no {said:?}: {run:#?}");
            }
            assert_eq!(rows(&server, to), expected);
            let found = constraints(&server, to);
            assert_eq!(found.lines().collect::<Vec<_>>(), not_valid);
            server.psql("postgres", &format!("DROP DATABASE {to}"));
        }
    }
    // Nothing fails if the CHECKs succeed once all rows are there.
    server.psql(
        "app",
        "DROP TABLE \"B ( table\", refers, parted, parent, child, of_domain",
    );
    server.psql("app", "DROP DOMAIN allowed; DROP FUNCTION unqualified");
    let later = env.dump(&server.url("app"));
    let restore = |options: &str| {
        env.run(&format!(
            "restore {options} {} {}",
            later.display(),
            server.url("copy")
        ))
    };
    restore("").fails(1, "a_later");
    restore("--keep-going").succeeds();
    assert_eq!(rows(&server, "copy"), rows(&server, "app"));
    assert_eq!(constraints(&server, "copy"), constraints(&server, "app"));
}
