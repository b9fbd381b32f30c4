//! Dumps in the custom format, which only `pg_restore` can read.

use super::Server;
use crate::servers::clients::with_fake;
use crate::support::{Env, Run};

const ROWS: &str = "SELECT count(*), sum(n), md5(string_agg(v, '' ORDER BY n)) FROM t";

/// Starts a server with a table in `postgres`, and dumps it in the custom format.
fn dumped(env: &Env) -> (Server, String) {
    let server = Server::start();
    server.psql(
        "postgres",
        "CREATE TABLE t AS SELECT n, md5(n::text) AS v FROM generate_series(1, 20000) n;
         ALTER TABLE t ADD PRIMARY KEY (n); SELECT lo_from_bytea(7, 'large');
         CREATE ROLE marker; CREATE TABLE zzz (a int)",
    );
    server.psql(
        "postgres",
        "CREATE MATERIALIZED VIEW last AS SELECT 1 / (SELECT count(*) FROM pg_roles WHERE rolname = 'marker')",
    );
    let dump = env.dump(&format!("--format custom {}", server.url("postgres")));
    (server, dump.display().to_string())
}

#[track_caller]
fn is_restored(server: &Server, database: &str) {
    assert_eq!(server.psql(database, ROWS), server.psql("postgres", ROWS));
    let large = "SELECT convert_from(lo_get(7), 'UTF8')";
    assert_eq!(server.psql(database, large), "large");
}

/// A script for a `pg_restore` that sends a server a setting that only PostgreSQL 17 knows, and
/// writes the setting into the SQL that it makes.
const NEWER: &str = r#"
[ "$1" = --version ] && { echo 'pg_restore (PostgreSQL) 17.2'; exit; }
case "$*" in *--file=-*)
    /usr/bin/pg_restore "$@" | sed 's/^SET lock_timeout = 0;$/&\nSET transaction_timeout = 0;/'
    exit "${ENDS:-0}"
esac
echo 'unrecognized configuration parameter "transaction_timeout"' >&2
exit 1"#;

#[test]
#[ignore = "needs PostgreSQL"]
fn a_newer_pg_restore_reaches_an_older_server_through_psql() {
    let env = Env::new();
    let (server, dump) = dumped(&env);
    let path = with_fake(&env, "pg_restore", NEWER);
    let restore = |name: &str, ends: &str| {
        let mut restore = env.program(&format!("restore {dump} {}", server.url(name)));
        Run::finish(restore.env("PATH", &path).env("ENDS", ends))
    };
    restore("again", "0").succeeds();
    is_restored(&server, "again");

    let before = server.databases();
    restore("fresh", "3").fails(1, "pg_restore ended with exit status: 3");
    assert_eq!(server.databases(), before);
    server.psql("postgres", "DROP ROLE marker");
    restore("fresh", "0").fails(1, "division by zero");
    assert_eq!(server.databases(), before);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn an_archive_that_was_cut_is_refused() {
    let env = Env::new();
    let (server, dump) = dumped(&env);
    let bytes = std::fs::read(&dump).unwrap();
    std::fs::write(&dump, &bytes[..bytes.len() - 2000]).unwrap();
    let before = server.databases();
    let newer = with_fake(&env, "pg_restore", NEWER);
    for path in [std::env::var("PATH").unwrap(), newer] {
        let mut restore = env.program(&format!("restore {dump} {}", server.url("fresh")));
        let cut = "before the end of the compressed data";
        Run::finish(restore.env("PATH", path)).fails(1, cut);
        assert_eq!(server.databases(), before);
    }
}
