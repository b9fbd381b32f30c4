//! Tables that other sessions rewrite (TRUNCATE, ALTER TABLE) while a dump begins: in an older
//! snapshot these tables are empty.

use std::process::{Command, Stdio};

use super::Server;
use crate::servers::clients::with_fake;
use crate::servers::drilled::drill;
use crate::servers::{KilledOnDrop, wait_for};
use crate::support::{Env, Run, planted};
use dump_database::header::Rows;

const ROWS: &str = "SELECT count(*), sum(i) FROM etl";
const WHOLE: &str = "1000|500500";

fn server() -> Server {
    let server = Server::start();
    server.psql(
        "postgres",
        "CREATE TABLE etl (i int); INSERT INTO etl SELECT generate_series(1, 1000);
         CREATE ROLE two LOGIN CONNECTION LIMIT 2; GRANT pg_read_all_data TO two",
    );
    server
}

/// Puts in place a `pg_dump` that runs `first` before the real one, the first `times` times.
/// Returns the `PATH` that finds it.
fn with_late_pg_dump(env: &Env, times: u32, first: &str) -> String {
    let script = format!(
        r#"case "$*" in *--version*) exec /usr/bin/pg_dump "$@"; esac
echo >> began
[ "$(wc -l < began)" -gt {times} ] || {{ {first}; }}
exec /usr/bin/pg_dump "$@""#
    );
    with_fake(env, "pg_dump", &script)
}

/// Empties the table and fills it again; a script for a shell with `URL` in its environment.
const REWRITES: &str = r#"/usr/bin/psql -Xq -d "$URL" -c "BEGIN; TRUNCATE public.etl;
    INSERT INTO public.etl SELECT generate_series(1, 1000); COMMIT""#;

fn dump(env: &Env, path: &str, server: &Server, args: &str) -> Run {
    let mut dump = env.program(&format!("dump {args}"));
    let url = server.url("postgres");
    Run::finish(dump.env("PATH", path).env("URL", url))
}

#[track_caller]
fn is_whole(env: &Env, server: &Server, run: Run) {
    let dump = run.succeeds().paths().remove(0);
    let name = format!("again{}", server.databases().len());
    env.run(&format!("restore {} {}", dump.display(), server.url(&name)))
        .succeeds();
    assert_eq!(server.psql(&name, ROWS), WHOLE);
    drill(env, &dump.display().to_string()).succeeds();
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_table_that_is_to_be_truncated_while_the_dump_begins_is_dumped_whole() {
    let env = Env::new();
    let server = server();
    // TRUNCATE waits for the locks of the snapshot's session, and `pg_dump` waits for TRUNCATE.
    let queued = format!(
        r#"({REWRITES}) > said 2>&1 &
    until [ "$(/usr/bin/psql -XAtq -d "$URL" -c "SELECT count(*) FROM pg_locks WHERE NOT granted")" = 1 ]
    do sleep 0.02; done"#
    );
    for format in ["plain", "custom"] {
        let _ = std::fs::remove_file(env.path("began"));
        let path = with_late_pg_dump(&env, 1, &queued);
        let args = format!("--to {format} --format {format} {}", server.url("postgres"));
        let run = dump(&env, &path, &server, &args);
        assert_eq!(std::fs::read(env.path("began")).unwrap(), b"\n\n");
        let known = planted::header(&run.paths()[0]).facts.tables;
        assert_eq!(known, [("public.etl".to_owned(), Some(Rows::Exact(1000)))]);
        is_whole(&env, &server, run);
    }
}

/// A script for a psql whose session locks nothing before its snapshot, as with a table that is
/// created in between.
const LOCKS_NOTHING: &str = r#"case "$*" in
*--file=-*) sed -u "s/(SELECT 'LOCK TABLE '/(SELECT NULL/" | /usr/bin/psql "$@";;
*) exec /usr/bin/psql "$@";;
esac"#;

#[test]
#[ignore = "needs PostgreSQL"]
fn a_table_truncated_between_the_snapshot_and_pg_dump_s_locks_is_noticed() {
    let env = Env::new();
    let server = server();
    with_fake(&env, "psql", LOCKS_NOTHING);
    for (change, number) in [
        (REWRITES, 1),
        (
            r#"/usr/bin/psql -Xq -d "$URL" -c "ALTER TABLE public.etl ALTER i TYPE bigint USING i""#,
            2,
        ),
        (
            r#"/usr/bin/psql -Xq -d "$URL" -c "ALTER TABLE public.etl SET UNLOGGED""#,
            3,
        ),
        (
            r#"/usr/bin/psql -Xq -d "$URL" -c "BEGIN; DROP TABLE public.etl; CREATE TABLE public.etl (i int);
                INSERT INTO public.etl SELECT generate_series(1, 1000); COMMIT""#,
            4,
        ),
    ] {
        for format in ["plain", "custom"] {
            let _ = std::fs::remove_file(env.path("began"));
            let path = with_late_pg_dump(&env, 2, change);
            let to = format!("--to {format}{number} --format {format}");
            let args = format!("{to} {}", server.url("postgres"));
            is_whole(&env, &server, dump(&env, &path, &server, &args));
        }
    }
    let path = with_late_pg_dump(&env, 100, REWRITES);
    let args = format!("--timeout 8s {}", server.url("postgres"));
    dump(&env, &path, &server, &args).fails(1, "truncated or rewrote public.etl");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn without_room_for_a_second_session_it_is_noticed_afterwards() {
    let env = Env::new();
    let server = server();
    let path = with_late_pg_dump(&env, 1, REWRITES);
    let run = dump(&env, &path, &server, &server.url_as("two", "postgres"));
    assert!(
        run.stderr
            .contains("a table was altered while it was read; trying again"),
        "{run:?}"
    );
    is_whole(&env, &server, run);
}

/// Starts a shell that runs `script` again and again, with `URL` in its environment.
fn run_repeatedly(server: &Server, script: &str) -> KilledOnDrop {
    let script = format!("while :; do {script} || exit; done");
    let mut shell = Command::new("setpriv");
    shell
        .args(["--pdeathsig", "KILL", "sh", "-c", &script])
        .env("URL", server.url("postgres"))
        .stdout(Stdio::null());
    KilledOnDrop(shell.spawn().unwrap())
}

#[test]
#[ignore = "needs PostgreSQL"]
fn what_keeps_the_rows_visible_fails_no_dump() {
    let env = Env::new();
    let server = server();
    server.psql(
        "postgres",
        "CREATE INDEX at ON etl (i); CLUSTER etl USING at; CREATE TABLE done ();
         CREATE MATERIALIZED VIEW seen AS SELECT * FROM etl",
    );
    let _loop = run_repeatedly(
        &server,
        r#"/usr/bin/psql -Xq -d "$URL" -c "CLUSTER etl" -c "VACUUM FULL etl" -c "REINDEX TABLE etl" \
            -c "REFRESH MATERIALIZED VIEW seen" -c "ALTER TABLE done ADD IF NOT EXISTS a int"; sleep 0.4"#,
    );
    let column =
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'done'::regclass AND attname = 'a'";
    wait_for("the loop", || server.psql("postgres", column) == "1");
    for number in 0..3 {
        let args = format!("--to d{number} {}", server.url("postgres"));
        let path = std::env::var("PATH").unwrap();
        is_whole(&env, &server, dump(&env, &path, &server, &args));
    }
}

/// Takes minutes: 200 dumps of tables that are rewritten every second.
#[test]
#[ignore = "takes minutes"]
fn none_of_two_hundred_dumps_is_wrong() {
    let env = Env::new();
    let server = server();
    server.psql(
        "postgres",
        "CREATE TABLE typed (i int); INSERT INTO typed SELECT generate_series(1, 1000)",
    );
    let _truncating = run_repeatedly(&server, &format!("{REWRITES}; sleep 1"));
    let _altering = run_repeatedly(
        &server,
        r#"/usr/bin/psql -Xq -d "$URL" -c "ALTER TABLE typed ALTER i TYPE bigint"; sleep 1
           /usr/bin/psql -Xq -d "$URL" -c "ALTER TABLE typed ALTER i TYPE int"; sleep 1"#,
    );
    let (mut good, mut again) = (0, 0);
    for number in 0..200 {
        let format = ["plain", "custom"][number % 2];
        let to = format!("d{number}");
        let args = format!(
            "dump --log debug --to {to} --format {format} {}",
            server.url("postgres")
        );
        let run = env.run(&args);
        again += run.stderr.matches("trying again").count();
        if run.status != Some(0) {
            eprintln!("{run:?}");
            continue;
        }
        let path = run.paths().remove(0);
        let mut text = env.command("sh");
        let read = "gunzip -c \"$0\" | if [ \"$1\" = custom ]; then pg_restore -f -; else cat; fi | grep -cE '^[0-9]+$'";
        let rows = Run::finish(text.args(["-c", read]).arg(path).arg(format))
            .succeeds()
            .stdout;
        assert_eq!(rows, "2000\n", "{run:?}");
        good += 1;
    }
    eprintln!("{good} of 200 dumps, none wrong, {again} of them begun again");
    assert!(good >= 150, "{good} of 200");
}
