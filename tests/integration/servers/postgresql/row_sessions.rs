//! Restores whose large tables are loaded, and whose indexes are created, by several sessions.

use super::Server;
use super::hard::assert_same;
use super::sessions::content;
use crate::command_line::logging::{assert_in_order, statuses};
use crate::support::{Env, planted};

const MORE: &str = "2 further sessions load rows";
const ROOM: &str = "1 further session loads rows";

/// Starts a server with a database of 2 tables that several sessions load, and 2 that one loads.
fn server_with_large_tables() -> Server {
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE shop");
    server.psql(
        "shop",
        r"CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL, gone int, note text,
            shouted text GENERATED ALWAYS AS (upper(name)) STORED);
        ALTER TABLE customer DROP gone;
        INSERT INTO customer (id, name, note) SELECT n, 'Zoë ' || n || E'\\ \n\t\\.\n', nullif(repeat(md5(n::text), n % 9), '')
            FROM generate_series(1, 140000) n;
        CREATE INDEX ON customer (name);
        CREATE TABLE placed (id int PRIMARY KEY, customer int NOT NULL REFERENCES customer);
        INSERT INTO placed SELECT n, 1 + n * 7 % 140000 FROM generate_series(1, 1000) n;
        CREATE TABLE document (id int PRIMARY KEY, content text);
        INSERT INTO document SELECT n, repeat(md5(n::text), 10000 * n) FROM generate_series(1, 12) n;
        CREATE TABLE nothing ();
        CREATE EXTENSION btree_gist;
        CREATE FUNCTION short(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT substr($1, 1, 3) $$;
        CREATE INDEX expressed ON customer (short(name)) WHERE id > 7;
        COMMENT ON INDEX expressed IS $$a comment; with
--
-- Name: x; Type: TABLE; Schema: public; Owner: o
$$;
        COMMENT ON CONSTRAINT customer_pkey ON customer IS 'the key';
        ALTER TABLE customer CLUSTER ON customer_pkey;
        ALTER TABLE customer REPLICA IDENTITY USING INDEX customer_pkey;
        ALTER INDEX expressed ALTER COLUMN 1 SET STATISTICS 500;
        ALTER TABLE customer ADD EXCLUDE USING gist (id WITH =);
        CREATE STATISTICS both_columns ON id, name FROM customer;
        CREATE TABLE parted (id int, day int, PRIMARY KEY (id, day)) PARTITION BY LIST (day);
        CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
        CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
        CREATE UNIQUE INDEX parted_day ON parted (day, id);
        INSERT INTO parted SELECT n, 1 + n % 2 FROM generate_series(1, 500) n;
        CREATE TABLE of_part (id int, day int, FOREIGN KEY (id, day) REFERENCES parted);
        CREATE MATERIALIZED VIEW seen AS SELECT id, max(name) AS name FROM customer GROUP BY id;
        CREATE UNIQUE INDEX ON seen (id);
        CREATE VIEW grouped AS SELECT * FROM customer GROUP BY id;
        CREATE RULE quiet AS ON INSERT TO nothing DO INSTEAD NOTHING;
        ALTER TABLE customer ALTER note SET STORAGE PLAIN",
    );
    server
}

#[test]
#[ignore = "needs PostgreSQL"]
fn the_rows_of_large_tables_come_back_by_several_sessions() {
    let env = Env::new();
    let server = server_with_large_tables();
    env.dump(&server.url("shop"));
    let expected = server.read_all_unordered("shop");
    let custom = format!("--format custom --to custom {}", server.url("shop"));
    env.run(&format!("dump {custom}")).succeeds();
    for (target, options, said) in [
        ("two", "--threads 2 dump", true),
        ("one", "--threads 1 dump", false),
        ("four", "--threads 4 dump", false),
        ("owned", "--threads 2 --no-owner dump", true),
        ("custom", "--threads 2 custom", true),
    ] {
        let url = server.url(target);
        let restored = env.run(&format!("restore --log debug {options} {url}"));
        let restored = restored.succeeds();
        assert_eq!(restored.stderr.contains(MORE), said, "{}", restored.stderr);
        assert_same(&server.read_all_unordered(target), &expected);
    }
    let told = statuses(&env, &format!("restore dump {}", server.url("told")));
    let phases = [
        "verifying",
        "loading",
        "creating indexes and constraints",
        "analyzing",
    ];
    assert_in_order(&told, &phases);
    env.run("drill dump").succeeds();
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_bad_row_in_any_session_fails_the_restore_with_the_name_of_its_table() {
    let env = Env::new();
    let server = server_with_large_tables();
    let dump = env.dump(&server.url("shop"));
    let databases = server.databases();
    let text = String::from_utf8(content(&dump)).unwrap();
    for row in ["20\t", "120000\t", "139999\t"] {
        let bad = text.replacen(&format!("\n{row}"), "\nbad\t", 1);
        let bad = planted::with_content(&dump, bad.as_bytes());
        let url = server.url("bad");
        let restored = env.run(&format!("restore --threads 2 {} {url}", bad.display()));
        let restored = restored.fails(1, "rows of table public.customer: ERROR:");
        assert!(
            restored.stderr.contains("CONTEXT:  COPY customer, line "),
            "{}",
            restored.stderr
        );
        assert_eq!(server.databases(), databases);
        std::fs::remove_file(bad).unwrap();
    }
}

/// Every session creates some of these indexes.
#[test]
#[ignore = "needs PostgreSQL"]
fn an_index_that_fails_in_any_session_fails_the_restore_with_its_name() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE shop");
    server.psql(
        "shop",
        "CREATE TABLE large AS SELECT n AS id, repeat(md5(n::text), 10) AS text FROM generate_series(1, 60000) n",
    );
    for number in 1..=6 {
        let create = format!(
            "CREATE TABLE t{number} (id int CONSTRAINT key{number} PRIMARY KEY, text text);
            INSERT INTO t{number} VALUES (1, 'row of {number}'), (20{number}, 'last')"
        );
        server.psql("shop", &create);
    }
    let dump = env.dump(&server.url("shop"));
    let databases = server.databases();
    let text = String::from_utf8(content(&dump)).unwrap();
    for number in [1, 2, 5, 6] {
        let bad = text.replacen(&format!("\n20{number}\tlast"), "\n1\tlast", 1);
        let bad = planted::with_content(&dump, bad.as_bytes());
        let url = server.url("bad");
        let restored = env.run(&format!("restore --threads 2 {} {url}", bad.display()));
        let object = format!("constraint public.t{number} key{number}: ERROR:");
        restored.fails(1, &object);
        assert_eq!(server.databases(), databases);
        std::fs::remove_file(bad).unwrap();
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_server_without_room_for_more_sessions_loads_the_rows_by_those_it_has() {
    let env = Env::new();
    let server = server_with_large_tables();
    env.dump(&server.url("shop"));
    let settings = [
        "max_connections=2",
        "superuser_reserved_connections=0",
        "max_wal_senders=0",
    ];
    let small = Server::start_with_settings(&settings.map(str::to_owned));
    let url = small.url("copy");
    let restored = env.run(&format!("restore --log debug --threads 4 dump {url}"));
    let restored = restored.succeeds();
    assert!(restored.stderr.contains(ROOM), "{}", restored.stderr);
    assert_same(
        &small.read_all_unordered("copy"),
        &server.read_all_unordered("shop"),
    );
}
