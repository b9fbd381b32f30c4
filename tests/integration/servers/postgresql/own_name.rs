//! `restore --replace` of a database with an extension that insists on its database's name: what
//! others see meanwhile, and what a killed restore leaves.

use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::Server;
use crate::servers::drilled::with_text;
use crate::servers::{name_of_restoring, wait_for};
use crate::support::{Env, Run};

/// Starts a server whose `pg_cron` belongs to the database `app`, with that database.
fn with_cron(env: &Env) -> (Server, String) {
    let settings = ["shared_preload_libraries=pg_cron", "cron.database_name=app"];
    let server = Server::start_with_settings(&settings.map(str::to_owned));
    server.psql("postgres", "CREATE DATABASE app CONNECTION LIMIT 7");
    server.psql("postgres", "CREATE ROLE visitor LOGIN");
    server.psql(
        "app",
        "CREATE EXTENSION pg_cron; CREATE TABLE t (v text); INSERT INTO t VALUES ('a')",
    );
    let dump = env.dump(&server.url("app")).display().to_string();
    server.psql("app", "UPDATE t SET v = 'later'");
    (server, dump)
}

/// Returns a dump whose loading takes a minute, because it waits before the table `t`.
fn slow(dump: &str) -> PathBuf {
    with_text(dump.as_ref(), |text| {
        text.replace(
            "-- Name: t; Type: TABLE;",
            "SELECT 'slow' FROM pg_catalog.pg_sleep(60);\n\n-- Name: t; Type: TABLE;",
        )
    })
}

/// Waits until the dump that [`slow`] returned is loaded under the database's own name. The first
/// attempt, under another name, ends at the extension, which comes before the table.
fn wait_for_load(server: &Server) {
    let state = "SELECT state FROM pg_stat_activity WHERE datname = 'app' AND query LIKE 'SELECT ''slow''%'";
    wait_for("the load", || server.psql("postgres", state) == "active");
}

const TOO_MANY: &str = "too many connections for database \"app\"";

/// Returns what `psql` says when `user` connects to the database `app`.
fn visit(server: &Server, user: &str) -> String {
    let mut psql = server.client("psql", "app");
    psql.args(["-U", user, "-XAtqwc", "SELECT 1"])
        .stdin(Stdio::null());
    String::from_utf8(psql.output().unwrap().stderr).unwrap()
}

#[test]
#[ignore = "needs PostgreSQL and postgresql-15-cron"]
fn no_dump_is_made_of_a_half_loaded_database_and_a_killed_restore_is_named() {
    let env = Env::new();
    let (server, dump) = with_cron(&env);
    let (url, whole) = (server.url("app"), server.url(""));
    let slow = slow(&dump);
    let mut running = env.start(&format!(
        "restore --replace --without-saving {} {url}",
        slow.display()
    ));
    wait_for_load(&server);
    let is_refused = |said: &str| {
        env.run(&format!("dump --to round {url}")).fails(1, said);
        let run = env.run(&format!("dump --to round {whole}")).fails(1, said);
        assert!(run.stderr.contains("app.replaced-"), "{run:?}");
        let dumps = crate::support::names(&env.path("round"));
        let of_app = |name: &&String| name.starts_with("app");
        assert_eq!(dumps.iter().find(of_app), None, "{dumps:?}");
    };
    is_refused("the database app is not whole: a restore into it is running or was killed");
    let said = visit(&server, "visitor");
    assert!(said.contains(TOO_MANY), "{said}");

    kill_process(Pid::from_child(&running), Signal::KILL).unwrap();
    running.wait().unwrap();
    server.psql(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'app'",
    );
    is_refused("if none is running, the old database, which is called app.replaced-");
    for options in [
        "",
        "--replace",
        "--into-empty",
        "--replace --without-saving",
    ] {
        let run = env.run(&format!("restore {options} {dump} {url}"));
        let run = run.fails(1, "the database app is not whole: ");
        let (_, way) = run.stderr.split_once("comes back by ").unwrap();
        assert!(
            way.starts_with("DROP DATABASE IF EXISTS \"app\" and ALTER DATABASE \"app.replaced-")
        );
    }
    // The way back, as the message says it.
    let run = env.run(&format!("restore {dump} {url}"));
    let (_, way) = run.stderr.split_once("comes back by ").unwrap();
    let way = way.lines().next().unwrap();
    for statement in way.split(" and ") {
        server.psql("postgres", statement);
    }
    assert_eq!(server.psql("app", "SELECT v FROM t"), "later");
    assert_eq!(visit(&server, "visitor").trim(), "");
    let limit = "SELECT datconnlimit FROM pg_database WHERE datname = 'app'";
    assert_eq!(server.psql("postgres", limit), "7");
    env.run(&format!("dump --to round {url}")).succeeds();
}

/// A host may let a role create `pg_cron` that is no superuser, as it may this extension.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_role_that_is_no_superuser_is_refused_before_anything_is_renamed() {
    let env = Env::new();
    let mut server = Server::start();
    server.add_extension(
        "clock",
        "default_version = '1.0'\ntrusted = true\n",
        "DO $$ BEGIN IF current_database() <> 'app' THEN
            RAISE EXCEPTION 'can only create extension in database app';
         END IF; END $$;",
    );
    server.psql("postgres", "CREATE ROLE maker LOGIN CREATEDB");
    server.psql("postgres", "CREATE DATABASE app OWNER maker");
    server.psql(
        "app",
        "SET ROLE maker; CREATE EXTENSION clock; CREATE TABLE t (v text); INSERT INTO t VALUES ('a')",
    );
    let url = server.url_as("maker", "app");
    let dump = env.dump(&url).display().to_string();
    server.psql("app", "UPDATE t SET v = 'later'");
    let oids = "SELECT string_agg(oid || datname, ',' ORDER BY oid) FROM pg_database";
    let before = server.psql("postgres", oids);
    let run = env.run(&format!("restore --replace {dump} {url}"));
    let run = run.fails(1, "only a superuser can load a dump under this name");
    assert!(!run.stderr.contains("is called app.replaced-"), "{run:?}");
    assert_eq!(server.psql("postgres", oids), before);
    assert_eq!(server.psql("app", "SELECT v FROM t"), "later");
    env.run(&format!("restore --replace --keep-going {dump} {url}"))
        .fails(1, "not restored: extension clock: ");
    assert_eq!(server.psql("app", "SELECT v FROM t"), "a");
    env.run(&format!("restore --replace {dump} {}", server.url("app")))
        .succeeds();
    let extension = "SELECT count(*) FROM pg_extension WHERE extname = 'clock'";
    assert_eq!(server.psql("app", extension), "1");
}

#[test]
#[ignore = "needs PostgreSQL and postgresql-15-cron"]
fn an_extension_of_another_database_is_refused_before_anything_is_touched() {
    let env = Env::new();
    let (server, dump) = with_cron(&env);
    server.psql("postgres", "CREATE DATABASE app2");
    server.psql("app2", "CREATE TABLE own (v text)");
    let oids =
        "SELECT string_agg(oid || datname || datconnlimit, ',' ORDER BY oid) FROM pg_database";
    let before = server.psql("postgres", oids);
    for to in ["app2", "ap", "new"] {
        let run = env.run(&format!("restore --replace {dump} {}", server.url(to)));
        let run: Run = run.fails(
            1,
            &format!("that can exist only in the database app of this server, and not in {to}; restore the dump into app, or with --keep-going"),
        );
        assert!(!run.stderr.contains("is loaded again"), "{run:?}");
        assert_eq!(server.psql("postgres", oids), before);
    }
    let run = env.run(&format!(
        "restore --keep-going {dump} {}",
        server.url("new")
    ));
    let run = run.fails(1, "not restored: extension pg_cron: ");
    assert!(!run.stderr.contains("is loaded again"), "{run:?}");
    assert_eq!(server.psql("new", "SELECT v FROM t"), "a");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn an_old_database_that_a_killed_restore_renamed_is_named_by_dumps_and_restores() {
    let env = Env::new();
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    server.psql("app", "CREATE TABLE t (v text); INSERT INTO t VALUES ('a')");
    let dump = env.dump(&server.url("app")).display().to_string();
    let left = name_of_restoring("app", 0x7fff_fffe).replace("restoring", "replaced");
    server.psql(
        "postgres",
        &format!("ALTER DATABASE app RENAME TO \"{left}\""),
    );
    let named = format!(
        "the database {left} is the old app, which a restore was about to replace, or kept because it could not be dumped; to go back to it, DROP DATABASE IF EXISTS \"app\" and ALTER DATABASE \"{left}\" RENAME TO \"app\"; if nobody needs it, DROP DATABASE \"{left}\""
    );
    env.run(&format!("dump {}", server.url("app")))
        .fails(1, &named);
    let run = env
        .run(&format!("dump --to round {}", server.url("")))
        .succeeds();
    let said = format!("{left} is not dumped: a restore gave this name");
    assert!(run.stderr.contains(&said), "{run:?}");
    let run = env
        .run(&format!("restore {dump} {}", server.url("app")))
        .succeeds();
    assert!(run.stderr.contains(&named), "{run:?}");
    assert!(server.databases().contains(&left));
    // A database that was never there has no such history.
    let run = env
        .run(&format!("dump {}", server.url("ap")))
        .fails(1, "does not exist");
    assert!(!run.stderr.contains("replaced-"), "{run:?}");
}
