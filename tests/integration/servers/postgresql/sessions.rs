//! Dumps whose large tables are read by several sessions.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Server;
use super::hard::{HARD, HARD_URL, assert_same, hard_server};
use super::refused::{assert_the_deadline_ends_a_dump, large_server, large_server_with};
use crate::servers::clients::{assert_sigterm_leaves_no_child, dumping, pause_while};
use crate::servers::drilled::drill;
use crate::servers::{KilledOnDrop, assert_no_trace, wait_for};
use crate::support::ended::end_and_peak_memory;
use crate::support::{Env, Run, namespace, planted};
use dump_database::header::Rows;

/// Lets four sessions read each table of two pages or more, one page at a time.
const SEVERAL: &str = "--log debug --sessions 4 --large-table 8KiB";
/// The same for the database of [`large_server`], in ranges that do not fit into a pipe.
const SEVERAL_LARGE: &str = "--log debug --sessions 4 --large-table 8MiB";

/// Returns the content of a plain dump.
pub(super) fn content(dump: &Path) -> Vec<u8> {
    let output = Command::new("gunzip").arg("-c").arg(dump).output();
    let output = output.unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Returns the lines of a plain dump without those with its key, and the keys.
fn without_keys(content: &[u8]) -> (Vec<&[u8]>, Vec<&[u8]>) {
    let mut keys = Vec::new();
    let mut lines: Vec<_> = content.split_inclusive(|byte| *byte == b'\n').collect();
    lines.retain(|line| {
        let key = [&b"\\restrict "[..], b"\\unrestrict "]
            .iter()
            .find_map(|start| line.strip_prefix(*start));
        keys.extend(key);
        key.is_none()
    });
    (lines, keys)
}

/// Dumps a database by one session and by several. Asserts that both dumps have the same bytes but
/// for the key. Returns the second dump.
#[track_caller]
fn dump_both_ways(env: &Env, url: &str, tables: &str) -> PathBuf {
    dump_both_ways_with(env, SEVERAL, url, tables)
}

/// Does the same with these options for several sessions.
#[track_caller]
fn dump_both_ways_with(env: &Env, several: &str, url: &str, tables: &str) -> PathBuf {
    let one = env.dump(&format!("--to one --sessions 1 {url}"));
    let run = env.run(&format!("dump --to several {several} {url}"));
    let run = run.succeeds();
    let said = format!("4 sessions read the rows of {tables}");
    assert!(run.stderr.contains(&said), "no {said:?}: {}", run.stderr);
    let several = run.paths().remove(0);
    let (expected, found) = (content(&one), content(&several));
    let ((expected, _), (found, keys)) = (without_keys(&expected), without_keys(&found));
    let differing = found.iter().zip(&expected).position(|(a, b)| a != b);
    if let Some(at) = differing {
        let show = |lines: &[&[u8]]| {
            let from = at.saturating_sub(6);
            String::from_utf8_lossy(&lines[from..lines.len().min(at + 6)].concat()).into_owned()
        };
        panic!("line {at}: {}\nexpected: {}", show(&found), show(&expected));
    }
    assert_eq!(found.len(), expected.len());
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
    several
}

#[test]
#[ignore = "needs PostgreSQL"]
fn several_sessions_make_the_dump_that_pg_dump_makes() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE odd");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    server.script(
        "odd",
        &here.join("tests/integration/servers/postgresql/sessions.sql"),
    );
    let dump = dump_both_ways(&env, &server.url("odd"), "17 large tables");
    let tables = planted::header(&dump).facts.tables;
    let rows = |name: &str| tables.iter().find(|(table, _)| table == name).unwrap().1;
    assert_eq!(rows("public.marked"), Some(Rows::Exact(4009)));
    assert_eq!(rows("public.emptied"), Some(Rows::Exact(0)));
    assert_eq!(rows("\"Zed\".\"order\""), Some(Rows::Exact(2649)));
    let restore = format!("restore {} {}", dump.display(), server.url("again"));
    env.run(&restore).succeeds();
    let whole = ["odd", "again"].map(|database| {
        let table = r#"U&"new\000Aline""#;
        let lines = server.psql(
            database,
            &format!("SELECT count(*), md5(string_agg(v, '' ORDER BY n)) FROM {table}"),
        );
        // A name of two lines is more than the comparison reads.
        server.psql(database, &format!("DROP TABLE {table}"));
        lines + &server.read_all(database).replace("again", "odd")
    });
    assert_same(&whole[1], &whole[0]);
    drill(&env, &dump.display().to_string()).succeeds();
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_hard_database_is_the_same_by_several_sessions() {
    let env = Env::new();
    let server = hard_server();
    let expected = server.read_all(HARD);
    let dump = dump_both_ways(&env, &server.url(HARD_URL), "9 large tables");
    server.psql(
        "postgres",
        "ALTER DATABASE \"hard \"\"ö\"\" 'x' a/b c\" RENAME TO old",
    );
    env.run(&format!(
        "restore {} {}",
        dump.display(),
        server.url(HARD_URL)
    ))
    .succeeds();
    assert_same(&server.read_all(HARD), &expected);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn databases_of_other_encodings_are_the_same_by_several_sessions() {
    let env = Env::new();
    let server = Server::start();
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = encoding.to_lowercase();
        server.psql(
            "postgres",
            &format!("CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"),
        );
        server.psql(
            &name,
            r"DO $$ BEGIN
                EXECUTE format('CREATE TABLE %I AS SELECT chr(233) AS v FROM generate_series(1, 3000)', 'caf' || chr(233));
                EXECUTE format('CREATE TABLE a AS SELECT chr(233) AS v FROM generate_series(1, 3000)');
                EXECUTE format('CREATE TABLE z AS SELECT chr(233) AS v FROM generate_series(1, 3000)');
            END $$",
        );
        dump_both_ways(&env, &server.url(&name), "2 large tables");
    }
}

/// `\N`, which begins as the mark after the last row does, is at the end of some piece that is read.
#[test]
#[ignore = "needs PostgreSQL"]
fn rows_that_begin_with_null_are_the_same_by_several_sessions() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE nulls");
    server.psql(
        "nulls",
        "CREATE TABLE narrow AS SELECT NULL::int AS a FROM generate_series(1, 400000);
         CREATE TABLE wide AS SELECT NULL::int AS a, repeat('x', n % 20) AS b FROM generate_series(1, 400000) n",
    );
    dump_both_ways_with(&env, SEVERAL_LARGE, &server.url("nulls"), "2 large tables");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn few_connections_leave_fewer_sessions() {
    let env = Env::new();
    let server = large_server();
    server.psql("postgres", "CREATE ROLE few LOGIN");
    server.psql("postgres", "GRANT pg_read_all_data TO few");
    for (limit, said) in [
        (
            4,
            "one session reads its rows: the server has no room for more sessions",
        ),
        (5, "2 sessions read the rows of 1 large table"),
        (6, "3 sessions read the rows of 1 large table"),
    ] {
        server.psql(
            "postgres",
            &format!("ALTER ROLE few CONNECTION LIMIT {limit}"),
        );
        let url = server.url_as("few", "large");
        let run = env.run(&format!("dump {SEVERAL_LARGE} {url}")).succeeds();
        assert!(run.stderr.contains(said), "{run:?}");
    }
    // Without the flag, nothing is said about a small database.
    let run = env.run(&format!("dump --log debug {}", server.url("large")));
    assert!(!run.succeeds().stderr.contains("sessions"));
    // A superuser has no limit of its own.
    for (connections, said) in [
        (13, "3 sessions read the rows of 1 large table"),
        (
            9,
            "one session reads its rows: the server has no room for more sessions",
        ),
    ] {
        let server = large_server_with(&[format!("max_connections={connections}")]);
        let url = server.url("large");
        let run = env.run(&format!("dump --to of-{connections} {SEVERAL_LARGE} {url}"));
        let run = run.succeeds();
        assert!(run.stderr.contains(said), "{run:?}");
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn no_session_and_no_file_is_left_by_several_sessions() {
    let env = Env::new();
    let server = large_server();
    let args = format!("{SEVERAL_LARGE} {}", server.url("large"));
    let left = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'large'";
    let no_trace = || {
        assert_no_trace(&env, &[]);
        wait_for("no session", || server.psql("postgres", left) == "0");
    };
    // One session that reads rows is ended.
    let running = dumping(&env, &args);
    let end = "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
        WHERE datname = 'large' AND query LIKE 'COPY (SELECT%' LIMIT 1) s";
    assert_eq!(pause_while(&running, || server.psql("postgres", end)), "1");
    Run::end_of(running).fails(1, "psql ended with exit status: 2");
    no_trace();
    assert_sigterm_leaves_no_child(&env, &args);
    no_trace();
    assert_the_deadline_ends_a_dump(&env, &server, &args);
    no_trace();
    let run = namespace::run(
        &env,
        &format!(
            "mkdir small; mount -t tmpfs -o size=3m none small; mkdir small/dump
             dump-database dump --to small/dump {args} && exit 9
             ls -A small/dump | grep -v -e lock -e state && exit 8; exit 0"
        ),
    );
    if let Some(run) = run {
        run.succeeds().fails(0, "No space left on device");
    }
    no_trace();
}

#[test]
#[ignore = "needs PostgreSQL"]
fn memory_does_not_grow_with_the_sessions() {
    let env = Env::new();
    let server = large_server();
    let url = server.url("large");
    let peak = |args: &str| {
        let (run, peak) = end_and_peak_memory(env.start(&format!("dump {args} {url}")));
        run.succeeds();
        peak
    };
    let one = peak("--sessions 1");
    for sessions in [2, 4, 16] {
        let several = peak(&format!("--sessions {sessions} --large-table 1MiB"));
        let more = several.saturating_sub(one) >> 20;
        assert!(
            more <= 32 + sessions / 2,
            "{sessions} sessions: {more} MiB more"
        );
    }
}

/// Starts an SQL statement in the background, and waits until it waits for a lock.
fn start_waiting(server: &Server, sql: &str) -> KilledOnDrop {
    let mut psql = server.client("psql", "large");
    psql.args(["-Xqw", "-c", sql]).stdout(Stdio::null());
    let started = KilledOnDrop(psql.spawn().unwrap());
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    wait_for("a lock", || server.psql("postgres", waiting) != "0");
    started
}

/// What waits for locks of the dump must not keep the dump's sessions from each other's locks.
#[test]
#[ignore = "needs PostgreSQL"]
fn what_waits_for_a_session_does_not_stop_the_others() {
    let env = Env::new();
    let server = large_server();
    server.psql(
        "large",
        "CREATE INDEX big_n ON big (n); CREATE INDEX big_v ON big (v)",
    );
    let rows = "SELECT count(*), sum(n) FROM big";
    let expected = server.psql("large", rows);
    let args = format!("{SEVERAL_LARGE} --timeout 2m {}", server.url("large"));
    for (number, sql) in ["REINDEX TABLE big", "TRUNCATE big"].iter().enumerate() {
        let running = dumping(&env, &args);
        let waiting = pause_while(&running, || {
            std::thread::sleep(Duration::from_millis(500));
            start_waiting(&server, sql)
        });
        let run = Run::end_of(running).succeeds();
        let path = run.paths().remove(0);
        let name = format!("again{number}");
        env.run(&format!("restore {} {}", path.display(), server.url(&name)))
            .succeeds();
        assert_eq!(server.psql(&name, rows), expected, "{sql}");
        drop(waiting);
    }
}

/// Dumps tables that other sessions rewrite, drop and reindex all the time.
#[test]
#[ignore = "needs PostgreSQL"]
fn tables_in_motion_are_dumped_whole_by_several_sessions() {
    let env = Env::new();
    let server = Server::start();
    server.psql(
        "postgres",
        "CREATE TABLE etl (i int PRIMARY KEY); INSERT INTO etl SELECT generate_series(1, 5000);
         CREATE TABLE typed (i int PRIMARY KEY); INSERT INTO typed SELECT generate_series(1, 5000)",
    );
    let run_repeatedly = |statements: &[&str]| {
        let statements: String = statements.iter().fold(String::new(), |all, sql| {
            format!("{all}/usr/bin/psql -Xqw -d \"$URL\" -c \"{sql}\"; sleep 0.4\n")
        });
        let mut shell = Command::new("setpriv");
        shell
            .args(["--pdeathsig", "KILL", "sh", "-c"])
            .arg(format!("while :; do {statements} done"))
            .env("URL", server.url("postgres"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        KilledOnDrop(shell.spawn().unwrap())
    };
    let _loops = [
        run_repeatedly(&[
            "BEGIN; TRUNCATE etl; INSERT INTO etl SELECT generate_series(1, 5000); COMMIT",
        ]),
        run_repeatedly(&[
            "ALTER TABLE typed ALTER i TYPE bigint",
            "VACUUM FULL typed",
            "ALTER TABLE typed ALTER i TYPE int",
            "REINDEX TABLE typed",
        ]),
        run_repeatedly(&[
            "CREATE TABLE passing AS SELECT generate_series(1, 5000) AS i",
            "DROP TABLE passing",
        ]),
    ];
    let (mut good, mut by_several) = (0, 0);
    for number in 0..15 {
        let run = env.run(&format!(
            "dump --to d{number} {SEVERAL} {}",
            server.url("postgres")
        ));
        by_several += usize::from(run.stderr.contains("4 sessions read the rows of"));
        if run.status != Some(0) {
            eprintln!("{run:?}");
            continue;
        }
        let text = String::from_utf8(content(&run.paths()[0])).unwrap();
        for table in ["etl", "typed", "passing"] {
            let copy = format!("COPY public.{table} (i) FROM stdin;\n");
            let Some((_, rows)) = text.split_once(&copy) else {
                assert_eq!(table, "passing", "{run:?}");
                continue;
            };
            let (rows, _) = rows.split_once("\\.\n").unwrap();
            assert_eq!(rows.lines().count(), 5000, "{table}: {run:?}");
        }
        good += 1;
        fs::remove_dir_all(env.path(format!("d{number}"))).unwrap();
    }
    eprintln!("{good} of 15 dumps, {by_several} by several sessions");
    assert!(good >= 12 && by_several >= 12, "{good} of 15, {by_several}");
}
