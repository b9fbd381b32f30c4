//! Forged dumps: a restore never tells psql to run a command on this machine.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;

use super::Server;
use crate::servers::clients::with_fake;
use crate::servers::drilled::{drill, with_text};
use crate::support::ended::end_and_peak_memory;
use crate::support::{Env, Run, planted};

fn dumped(env: &Env) -> (Server, std::path::PathBuf) {
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    server.psql(
        "app",
        "CREATE TABLE t (v text); INSERT INTO t VALUES ('a'), (E'\\\\unrestrict `b`'), (E'\\\\! c')",
    );
    let dump = env.dump(&server.url("app"));
    (server, dump)
}

/// Returns a dump without psql's commands, as `pg_dump` wrote it before `\restrict` existed.
fn unrestricted(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    let kept =
        lines.filter(|line| !line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict "));
    kept.collect()
}

#[test]
#[ignore = "needs PostgreSQL"]
fn no_command_in_a_forged_dump_is_run() {
    let env = Env::new();
    let (server, dump) = dumped(&env);
    let trace = env.path("pwned");
    let touch = format!("touch {}", trace.display());
    let before = server.databases();
    let own: fn(&str) -> String = str::to_owned;
    let forged = [
        format!("\\! {touch}\n"),
        format!("SELECT 1 \\! {touch}\n"),
        format!("\\unrestrict `{touch}`\n"),
        format!("SELECT 1 \\unrestrict x`{touch}`\n"),
        format!("\\set x `{touch}`\n"),
        format!("SELECT 1 \\g |{touch}\n"),
        format!("SELECT 1 \\o |{touch}\n"),
        format!("COPY (SELECT 1) TO STDOUT \\g |{touch}\n"),
        format!("\\copy public.t FROM PROGRAM '{touch}'\n"),
        format!("COPY public.t (v) FROM stdin;\nx\n\\.\n\\! {touch}\n"),
        format!("\\unrest\0\nrict `{touch}`\n"),
        format!(
            "SET standard_conforming_strings = off;\nSELECT 'a\\'; SELECT ' \\! {touch}\n ';\n"
        ),
        "SELECT :DBNAME\n;\n".to_owned(),
    ];
    // The name of the new database: this name and a suffix.
    let name = format!("%5C!%20{}", touch.replace(' ', "%20").replace('/', "%2F"));
    for (number, line) in forged.iter().enumerate() {
        let base = if number % 2 == 0 { unrestricted } else { own };
        let dump = with_text(&dump, |text| {
            base(&text).replacen("CREATE TABLE", &format!("{line}CREATE TABLE"), 1)
        });
        env.run(&format!("restore {} {}", dump.display(), server.url(&name)))
            .fails(1, "the dump cannot be loaded");
        assert!(!fs::exists(&trace).unwrap(), "restore, {line}");
        assert_eq!(server.databases(), before, "{line}");
        // A drill loads the dump in the same way.
        if number < 3 {
            let run = drill(&env, &dump.display().to_string());
            assert_eq!(run.status, Some(1), "{line}: {run:?}");
            assert!(!fs::exists(&trace).unwrap(), "drill, {line}");
        }
        fs::remove_file(dump).unwrap();
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_dump_from_before_restrict_is_restored() {
    let env = Env::new();
    let (server, dump) = dumped(&env);
    let old = with_text(&dump, |text| unrestricted(&text));
    drill(&env, &old.display().to_string()).succeeds();
    env.run(&format!("restore {} {}", old.display(), server.url("old")))
        .succeeds();
    let rows = "SELECT string_agg(v, ',' ORDER BY v) FROM t";
    assert_eq!(server.psql("old", rows), server.psql("app", rows));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn server_wide_objects_run_no_command_either() {
    let env = Env::new();
    let server = Server::start();
    env.run(&format!("dump {}", server.url(""))).succeeds();
    let name = env
        .names()
        .into_iter()
        .find(|name| name.starts_with("@globals"));
    let dump = env.dumps().join(name.unwrap());
    let trace = env.path("pwned");
    for line in [
        format!("SELECT 1 \\! touch {}\n", trace.display()),
        format!("SELECT 1 \\unrestrict `touch {}`\n", trace.display()),
    ] {
        let dump = with_text(&dump, |text| {
            format!("SET lock_timeout = 0;\n{line};\n{text}")
        });
        let dump = dump.display();
        env.run(&format!("restore {dump} {}", server.url("")))
            .fails(1, "cannot be restored");
        assert!(!fs::exists(&trace).unwrap(), "{line}");
    }
}

/// A word of the header that SQL cannot quote is one of those that a server writes.
#[test]
#[ignore = "needs PostgreSQL"]
fn nothing_in_a_forged_header_is_run() {
    let env = Env::new();
    let (server, dump) = dumped(&env);
    let before = server.databases();
    let forged = planted::changed(&dump, |header| {
        let privilege =
            "CONNECT ON DATABASE postgres TO PUBLIC; CREATE ROLE evil SUPERUSER; GRANT CONNECT";
        let grant = serde_json::json!([{
            "grantor": "postgres", "grantee": null, "privilege": privilege, "grantable": false,
        }]);
        header.facts.settings.insert("grants".to_owned(), grant);
    });
    for keep in ["", "--keep-going"] {
        env.run(&format!(
            "restore {keep} {} {}",
            forged.display(),
            server.url("new")
        ))
        .fails(1, "which is no privilege; the header is damaged or forged");
        assert_eq!(server.databases(), before);
    }
    let evil = "SELECT count(*) FROM pg_roles WHERE rolname = 'evil'";
    assert_eq!(server.psql("postgres", evil), "0");
    let run = drill(&env, &forged.display().to_string());
    assert_eq!(run.status, Some(1), "{run:?}");
}

/// A forged list of roles takes little memory and time, whatever it holds.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_list_of_roles_has_a_longest_size() {
    let env = Env::new();
    let server = Server::start();
    env.run(&format!("dump {}", server.url(""))).succeeds();
    let name = env
        .names()
        .into_iter()
        .find(|name| name.starts_with("@globals"));
    let dump = env.dumps().join(name.unwrap());
    let end = "\n--\n-- PostgreSQL database cluster dump complete\n--\n\n";
    for (piece, pieces, said) in [
        (" ", 70 << 20, "too much for a list of users and grants"),
        (";", 60 << 20, ""),
        ("x;", 10 << 20, "syntax error"),
    ] {
        let text = piece.repeat(pieces) + end;
        let forged = planted::with_content(&dump, text.as_bytes());
        let restore = format!("restore {} {}", forged.display(), server.url(""));
        let (run, peak) = end_and_peak_memory(env.start(&restore));
        assert!(peak < 400 << 20, "{piece:?}: {peak}");
        match said {
            "" => run.succeeds(),
            said => run.fails(1, said),
        };
    }
}

/// A psql that does not know `\restrict` gets the roles of a dump only if the dump begins with it.
#[test]
#[ignore = "needs PostgreSQL"]
fn server_wide_objects_for_an_old_psql_begin_with_restrict() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE ROLE clerk");
    env.run(&format!("dump {}", server.url(""))).succeeds();
    let name = env
        .names()
        .into_iter()
        .find(|name| name.starts_with("@globals"));
    let dump = env.dumps().join(name.unwrap());
    let other = Server::start();
    let path = with_fake(&env, "psql", OLD_PSQL);
    let restore = |dump: &Path| {
        let mut restore = env.program(&format!("restore {} {}", dump.display(), other.url("")));
        Run::finish(restore.env("PATH", &path))
    };
    let old = with_text(&dump, |text| unrestricted(&text));
    restore(&old).fails(1, "it does not begin with \\restrict");
    let clerks = "SELECT count(*) FROM pg_roles WHERE rolname = 'clerk'";
    assert_eq!(other.psql("postgres", clerks), "0");
    restore(&dump).succeeds();
    assert_eq!(other.psql("postgres", clerks), "1");
}

/// A script for a psql that does not know `\restrict`.
const OLD_PSQL: &str = r#"case "$*" in *--file=-*)
    cat > fed
    grep -q '^.restrict ' fed && { echo 'invalid command \\restrict' >&2; exit 3; }
    exec /usr/bin/psql "$@" < fed
esac
exec /usr/bin/psql "$@""#;

#[test]
#[ignore = "needs PostgreSQL"]
fn a_psql_that_cannot_be_kept_from_it_gets_no_dump_of_another_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let env = Env::new();
    let (server, dump) = dumped(&env);
    let path = with_fake(&env, "psql", OLD_PSQL);
    let restore = |dump: &Path, name: &str| {
        let mut restore = env.program(&format!("restore {} {}", dump.display(), server.url(name)));
        Run::finish(restore.env("PATH", &path))
    };
    restore(&dump, "own").succeeds();
    // `pg_restore` loads an archive itself, whose SQL begins with no such line, and runs no commands.
    let custom = format!("--format custom --to custom {}", server.url("app"));
    let custom = env.dump(&custom);
    restore(&custom, "custom").succeeds();
    let rows = "SELECT string_agg(v, ',' ORDER BY v) FROM t";
    assert_eq!(server.psql("custom", rows), server.psql("app", rows));
    // The owner of a database chooses the names in a dump, not the user who wrote the dump.
    let old = with_text(&dump, |text| {
        let line = "-- Name: t\n\\! touch pwned\n-- ; Type: TABLE\n";
        unrestricted(&text).replacen("CREATE TABLE", &format!("{line}CREATE TABLE"), 1)
    });
    restore(&old, "old").fails(1, "it does not begin with \\restrict");
    assert!(!env.path("pwned").exists());
    fs::remove_file(old).unwrap();
    let link = env.path("link");
    symlink(&dump, &link).unwrap();
    chown(&dump, Some(65534), None).unwrap();
    for dump in [&dump, &link] {
        restore(dump, "other").fails(1, "install a psql that knows \\restrict");
    }
    chown(&dump, Some(0), None).unwrap();
    crate::support::set_mode(&dump, 0o620);
    restore(&dump, "other").fails(1, "the dump is another user's");
    assert!(!server.databases().contains(&"other".to_owned()));
    assert!(planted::header(&dump).facts.table_count == 1);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn what_every_session_repeats_has_a_limit_and_is_never_lost() {
    let env = Env::new();
    let (server, dump) = dumped(&env);
    let long = with_text(&dump, |text| {
        format!("{}{text}", "SET work_mem = 64;\n".repeat(4000))
    });
    let args = |dump: &Path| {
        let dump = dump.display();
        format!("restore --keep-going {dump} {}", server.url("copy"))
    };
    env.run(&args(&long))
        .fails(1, "the dump sets more than 64 KiB of variables");
    assert!(!server.databases().contains(&"copy".to_owned()));
    // Without the comments that begin the entry of each object.
    let plain = with_text(&dump, |text| text.replace("-- Name: ", "-- "));
    let run = env.run(&args(&plain));
    let rows = server.psql("copy", "SELECT count(*) FROM t");
    assert_eq!(rows.trim(), "3", "{run:?}");
}
