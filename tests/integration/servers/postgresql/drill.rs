//! Drills of PostgreSQL dumps.

use std::os::unix::fs::chown;

use super::Server;
use crate::servers::drilled::{drill, fails, skips_unchanged, with_text};
use crate::servers::{Killed, wait_for};
use crate::support::{Env, PROGRAM, Run, names, planted};
use dump_database::header::Rows;

fn server() -> Server {
    let server = Server::start();
    server.psql("postgres", "CREATE DATABASE app");
    server.psql(
        "app",
        "CREATE TABLE small (v text); INSERT INTO small SELECT 'row ' || n FROM generate_series(1, 9) n;
         CREATE VIEW seen AS SELECT v FROM small",
    );
    server
}

#[test]
fn what_verifies_and_does_not_restore_or_lost_a_row_fails() {
    let env = Env::new();
    let server = server();
    let dump = env.dump(&server.url("app"));
    let run = drill(&env, "").succeeds();
    assert!(
        run.stdout.contains("1 tables with 9 rows, each as many"),
        "{run:?}"
    );

    let broken = |text: String| text.replace("CREATE VIEW", "CREATE VEIW");
    fails(
        &env,
        &with_text(&dump, broken),
        "syntax error at or near \"VEIW\"",
    );
    let lost = |text: String| text.replace("\nrow 5\n", "\n");
    fails(&env, &with_text(&dump, lost), "small has 8 rows and had 9");
    drill(&env, "").succeeds();
    env.run("status").succeeds();

    let long =
        env.path("a-name-of-a-directory-that-leaves-no-room-for-the-name-of-a-socket-".repeat(2));
    std::fs::create_dir(&long).unwrap();
    let run = env
        .run(&format!("drill --scratch {}", long.display()))
        .succeeds();
    assert!(run.stdout.contains("restored in"), "{run:?}");
}

#[test]
fn rows_are_counted_in_the_snapshot_that_is_dumped() {
    let env = Env::new();
    let server = server();
    server.psql(
        "app",
        "CREATE TABLE large (v text); INSERT INTO large SELECT repeat('x', 1000) FROM generate_series(1, 90000);
         ANALYZE large; INSERT INTO small SELECT 'more'",
    );
    let dump = env.dump(&server.url("app"));
    let facts = planted::header(&dump).facts;
    assert_eq!(
        facts.tables[1],
        ("public.small".to_owned(), Some(Rows::Exact(10)))
    );
    let Some(Rows::About { about }) = facts.tables[0].1 else {
        panic!("{facts:?}");
    };
    assert!((80_000..100_000).contains(&about), "{about}");
    let run = drill(&env, "").succeeds();
    assert!(
        run.stdout
            .contains("2 tables with 90010 rows, in 1 of them"),
        "{run:?}"
    );
    let idle = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dump-database'";
    assert_eq!(server.psql("postgres", idle), "0");
}

#[test]
fn sigterm_during_a_drill_leaves_nothing() {
    let env = Env::new();
    let server = server();
    server.psql(
        "app",
        "CREATE FUNCTION slow(v text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT v FROM pg_sleep(600)'",
    );
    server.psql(
        "app",
        "CREATE FUNCTION quick(v text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT v'",
    );
    server.psql("app", "CREATE INDEX on_v ON small (quick(v))");
    let dump = env.dump(&server.url("app"));
    let slow = with_text(&dump, |text| {
        text.replace(
            "USING btree (public.quick(v))",
            "USING btree (public.slow(v))",
        )
    });
    std::fs::create_dir(env.path("scratch")).unwrap();
    let run = env.start(&format!("drill --scratch scratch {}", slow.display()));
    let pid = rustix::process::Pid::from_child(&run);
    // Restoring has begun and hangs in the index.
    wait_for("the slow index", || {
        let place = names(&env.path("scratch")).pop().unwrap_or_default();
        let socket = env.path("scratch").join(place).join("pg");
        let mut psql = env.command("psql");
        psql.args(["-XAtU", "postgres", "-d", "postgres", "-h"])
            .arg(socket);
        psql.args([
            "-c",
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%'",
        ]);
        Run::of(&mut psql).stdout == "1\n"
    });
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let began = std::time::Instant::now();
    let run = Run::end_of(run);
    assert_eq!(run.signal, Some(15), "{run:?}");
    assert!(began.elapsed().as_secs() < 20, "{run:?}");
    assert!(!run.stderr.contains("was killed"), "{run:?}");
    drill(&env, "").succeeds();
}

#[test]
fn an_ordinary_user_drills_as_himself() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let env = Env::new();
    let server = server();
    let dump = env.dump(&server.url("app"));
    for path in [env.root(), &env.dumps(), &dump] {
        chown(path, Some(65534), Some(65534)).unwrap();
    }
    for own in crate::support::OWN {
        chown(env.dumps().join(own), Some(65534), Some(65534)).unwrap();
    }
    let mut drill = env.command("setpriv");
    drill.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    drill.arg(PROGRAM).args(["drill", "--scratch", "."]);
    let run = Run::of(&mut drill).succeeds();
    assert!(run.stdout.contains("restored in"), "{run:?}");
    assert_eq!(names(env.root()), ["dump"]);
}

#[test]
fn a_database_that_did_not_change_is_skipped() {
    let env = Env::new();
    let server = server();
    for (format, row) in [("plain", "one"), ("custom", "two")] {
        let source = format!("--format {format} {}", server.url("app"));
        skips_unchanged(&env, &source, || {
            server.psql("app", &format!("INSERT INTO small VALUES ('{row}')"));
        });
        skips_unchanged(&env, &source, || {
            server.psql("app", &format!("COMMENT ON DATABASE app IS '{row}'"));
        });
    }
}

#[test]
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

#[test]
fn rows_under_a_writer_are_those_of_the_dump() {
    let env = Env::new();
    let server = server();
    let mut writer = server.client("psql", "app");
    writer.args([
        "-Xqc",
        "DO $$ BEGIN LOOP INSERT INTO small VALUES ('new'); COMMIT; END LOOP; END $$",
    ]);
    let _writer = Killed(writer.spawn().unwrap());
    let rows = || -> u64 {
        let rows = server.psql("app", "SELECT count(*) FROM small");
        rows.parse().unwrap()
    };
    wait_for("the writer", || rows() > 9);
    for format in ["plain", "custom"] {
        let before = rows();
        let dump = env.dump(&format!("--format {format} {}", server.url("app")));
        assert!(rows() > before, "no writer was at work");
        let run = drill(&env, &dump.display().to_string()).succeeds();
        assert!(
            run.stdout.contains(", each as many as were dumped"),
            "{run:?}"
        );
    }
}

#[test]
fn nothing_in_the_environment_leads_a_drill_to_another_server() {
    let env = Env::new();
    let server = server();
    env.dump(&server.url("app"));
    let mut drill = env.program("drill --scratch .");
    drill
        .env("PGHOSTADDR", "192.0.2.1")
        .env("PGPORT", "1")
        .env("PGSERVICE", "none")
        .env("PGOPTIONS", "-c default_transaction_read_only=on");
    Run::of(&mut drill).succeeds();
}
