//! A server whose messages are in another language: the program still recognizes its errors.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::Server;
use crate::servers::clients::with_fake;
use crate::servers::drilled::drill;
use crate::servers::{KilledOnDrop, wait_for};
use crate::support::{Env, Run, skipped};

fn server() -> Option<Server> {
    let Some(server) = Server::start_in_german() else {
        skipped("this system has no German locale, or the server no German messages");
        return None;
    };
    server.psql(
        "postgres",
        "CREATE TABLE t AS SELECT generate_series(1, 100) AS i;
         CREATE ROLE reader LOGIN; GRANT pg_read_all_data TO reader",
    );
    Some(server)
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_locked_table_is_named_as_such() {
    let Some(server) = server() else { return };
    let env = Env::new();
    let mut altering = server.client("psql", "postgres");
    altering.args(["-Xc", "BEGIN", "-c", "ALTER TABLE t ADD b int"]);
    altering
        .args(["-c", "SELECT pg_sleep(600)"])
        .stdout(Stdio::null());
    let _altering = KilledOnDrop(altering.spawn().unwrap());
    wait_for("the lock", || {
        server.psql("postgres", "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 't'::regclass") == "1"
    });
    for user in ["postgres", "reader"] {
        let began = Instant::now();
        let url = server.url_as(user, "postgres");
        let run = env.run(&format!("dump --busy-timeout 1s {url}"));
        let run = run.fails(1, "a table stayed locked by another session for 1s");
        assert!(!run.stderr.contains("55P03"), "{run:?}");
        assert!(began.elapsed() < Duration::from_secs(20), "{user}");
    }
}

/// The session that locks first may lock no table of this role: the dump continues without the
/// locks.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_role_that_may_lock_nothing_dumps() {
    let Some(server) = server() else { return };
    let env = Env::new();
    // A script for a psql that asks for a stronger lock than the role may take.
    let fails = r#"case "$*" in *--file=-*VERBOSITY*)
        mkfifo pipe.$$; exec 3<&0
        sed -u 's/ACCESS SHARE MODE/EXCLUSIVE MODE/' <&3 > pipe.$$ 2>&- &
        exec 3<&-; exec /usr/bin/psql "$@" < pipe.$$ ;;
    esac
    exec /usr/bin/psql "$@""#;
    let path = with_fake(&env, "psql", fails);
    let url = server.url_as("reader", "postgres");
    let mut dump = env.program(&format!("dump --log debug {url}"));
    let run = Run::finish(dump.env("PATH", path)).succeeds();
    assert!(
        run.stderr.contains("its tables are not locked first"),
        "{run:?}"
    );
    drill(&env, "").succeeds();
}

/// `pg_dump` reports no error number. After an error of `pg_dump`, the dump is tried again, but
/// only a limited number of times.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_table_that_is_dropped_while_pg_dump_looks_around_is_no_failure() {
    let Some(server) = server() else { return };
    for user in ["postgres", "reader"] {
        let env = Env::new();
        for (times, succeeds) in [(1, true), (1000, false)] {
            let _ = std::fs::remove_file(env.path("began"));
            // The error of a missing name, in the server's own words.
            let script = format!(
                r#"case "$*" in *--version*) exec /usr/bin/pg_dump "$@"; esac
echo >> began
if [ "$(wc -l < began)" -gt {times} ]; then exec /usr/bin/pg_dump "$@"; fi
for last; do :; done
echo "pg_dump: error: $(/usr/bin/psql -Xq -d "$URL" -c 'SELECT FROM gone' 2>&1)" >&2; exit 1"#
            );
            let path = with_fake(&env, "pg_dump", &script);
            let url = server.url_as(user, "postgres");
            let mut dump = env.program(&format!("dump {url}"));
            let run = Run::finish(dump.env("PATH", path).env("URL", &url));
            if succeeds {
                run.succeeds();
                continue;
            }
            let said = if user == "postgres" {
                "tried 20 times"
            } else {
                "FEHLER"
            };
            run.fails(1, said);
            let tried = std::fs::read(env.path("began")).unwrap().len();
            assert_eq!(tried, if user == "postgres" { 20 } else { 3 });
        }
    }
}
