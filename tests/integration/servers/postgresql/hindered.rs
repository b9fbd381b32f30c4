//! Roles whose own settings or limits stand in the way.

use super::Server;
use crate::support::Env;

#[test]
fn timeouts_and_read_only_of_the_role_hinder_nothing() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    // ANALYZE takes half a second with it.
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
