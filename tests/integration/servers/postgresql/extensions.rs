//! Extensions in drills: those that the server must preload, and those that get lost.

use super::Server;
use super::drill::server;
use crate::servers::drilled::{drill, fails, is_not_provable, with_text};
use crate::support::{Env, planted};

#[test]
#[ignore = "needs PostgreSQL"]
fn what_the_source_preloads_is_preloaded() {
    let env = Env::new();
    let preload = ["shared_preload_libraries=pg_stat_statements,missing_here".to_owned()];
    let server = Server::start_with_settings(&[preload[0].replace(",missing_here", "")]);
    server.psql("postgres", "CREATE DATABASE app");
    server.psql("app", "CREATE EXTENSION pg_stat_statements");
    server.psql(
        "app",
        "CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM pg_stat_statements",
    );
    let dump = env.dump(&server.url("app"));
    drill(&env, "").succeeds();
    let preloading = |list: &str| {
        planted::changed(&dump, |header| {
            header.time = planted::ago(60);
            header
                .facts
                .settings
                .insert("preloaded".into(), list.into());
        })
    };
    let also_missing = preloading("pg_stat_statements, missing_here");
    drill(&env, &also_missing.display().to_string()).succeeds();
    std::fs::remove_file(also_missing).unwrap();
    let why = "it needs a library that is not preloaded";
    is_not_provable(&env, &preloading("missing_here"), why);
    let metrics = env.path("metrics.prom");
    env.run(&format!("status --metrics {}", metrics.display()))
        .succeeds();
    let metrics = std::fs::read_to_string(metrics).unwrap();
    assert!(
        metrics.contains("dump_database_last_drill_provable{"),
        "{metrics}"
    );
    assert!(
        !metrics.contains("dump_database_last_drill_success{"),
        "{metrics}"
    );
}

/// `pg_cron` exists only in one database of a server, `pgaudit` only in a server that preloads it.
#[test]
#[ignore = "needs PostgreSQL, postgresql-15-cron and postgresql-15-pgaudit"]
fn extensions_that_must_be_preloaded_pass_a_drill_and_a_restore() {
    let env = Env::new();
    let settings = [
        "shared_preload_libraries=pg_cron,pgaudit",
        "cron.database_name=app",
    ]
    .map(str::to_owned);
    let server = Server::start_with_settings(&settings);
    server.psql("postgres", "CREATE DATABASE app");
    server.psql(
        "app",
        "CREATE EXTENSION pg_cron; CREATE EXTENSION pgaudit; CREATE TABLE t (v text); INSERT INTO t VALUES ('a')",
    );
    server.psql(
        "app",
        "SELECT cron.schedule('job', '0 3 * * *', 'SELECT 1')",
    );
    let jobs = "SELECT jobname, schedule, command FROM cron.job";
    let expected = server.psql("app", jobs);
    assert_eq!(expected, "job|0 3 * * *|SELECT 1");
    let plain = env.dump(&server.url("app"));
    let custom = env.dump(&format!(
        "--format custom --to custom {}",
        server.url("app")
    ));
    for dump in [&plain, &custom] {
        let run = drill(&env, &dump.display().to_string()).succeeds();
        assert!(run.stdout.contains("restored in"), "{run:?}");
        let restore = |options: &str| {
            env.run(&format!(
                "restore {options} {} {}",
                dump.display(),
                server.url("app")
            ))
        };
        let rows = || server.psql("app", "SELECT v FROM t");
        let limit = "SELECT datconnlimit FROM pg_database WHERE datname = 'app'";
        let change = "UPDATE t SET v = 'later'; ALTER DATABASE app CONNECTION LIMIT 7";
        server.psql("app", change);
        let broken = with_text(&plain, |text| {
            text.replace("COPY public.t (v)", "COPY public.t (nosuch)")
        });
        let restore_broken = |options: &str| {
            env.run(&format!(
                "restore {options} {} {}",
                broken.display(),
                server.url("app")
            ))
            .fails(1, "nosuch")
        };
        let databases = server.databases();
        for options in ["--replace --to broken", "--replace --without-saving"] {
            let run = restore_broken(options);
            let said = "the old database is as it was";
            assert!(run.stderr.contains(said), "{run:?}");
            assert_eq!(server.databases(), databases);
            assert_eq!(server.psql("app", jobs), expected);
            assert_eq!(rows(), "later");
            assert_eq!(server.psql("postgres", limit), "7");
        }
        restore("--replace --to saved").succeeds();
        assert_eq!(server.databases(), databases);
        assert_eq!(server.psql("app", jobs), expected);
        assert_eq!(rows(), "a");
        assert_eq!(server.psql("postgres", limit), "-1");
        let saved = crate::support::names(&env.path("saved"));
        let saved = saved.iter().rfind(|name| name.starts_with("app-")).unwrap();
        let undo = format!(
            "restore --replace --without-saving saved/{saved} {}",
            server.url("app")
        );
        env.run(&undo).succeeds();
        assert_eq!(rows(), "later");

        server.psql("postgres", "DROP DATABASE app WITH (FORCE)");
        let before = server.databases();
        restore_broken("");
        assert_eq!(server.databases(), before);
        std::fs::remove_file(broken).unwrap();
        restore("").succeeds();
        assert_eq!(server.psql("app", jobs), expected);
        assert_eq!(server.psql("app", "SELECT v FROM t"), "a");
    }
    let elsewhere = Server::start();
    let run = env.run(&format!(
        "restore {} {}",
        plain.display(),
        elsewhere.url("app")
    ));
    run.fails(
        1,
        "extension pg_cron: ERROR:  unrecognized configuration parameter",
    );
    assert!(!elsewhere.databases().contains(&"app".to_owned()));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn an_extension_that_is_lost_fails() {
    let env = Env::new();
    let server = server();
    server.psql("app", "CREATE EXTENSION hstore");
    let dump = env.dump(&server.url("app"));
    drill(&env, "").succeeds();
    let lost = |text: String| {
        let kept = text.split_inclusive('\n');
        kept.filter(|line| !line.contains(" EXTENSION ")).collect()
    };
    fails(
        &env,
        &with_text(&dump, lost),
        "the extension hstore is missing",
    );
}
