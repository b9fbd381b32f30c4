//! Drills of PostgreSQL dumps.

use std::fs::Permissions;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Server;
use crate::servers::confined::HangingDrill;
use crate::servers::drilled::{
    assert_works_below_a_long_path, drill, fails, is_not_provable, skips_unchanged, with_text,
};
use crate::servers::{KilledOnDrop, free_port, wait_for};
use crate::support::{Env, PROGRAM, Run, names, planted, skipped};
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
#[ignore = "needs PostgreSQL"]
fn what_verifies_and_does_not_restore_or_lost_a_row_fails() {
    let env = Env::new();
    let server = server();
    let dump = env.dump(&server.url("app"));
    let run = drill(&env, "").succeeds();
    assert!(
        run.stdout.contains("1 table with 9 rows, each as many"),
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

    assert_works_below_a_long_path(&env);
}

#[test]
#[ignore = "needs PostgreSQL"]
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
#[ignore = "needs PostgreSQL"]
fn empty_tables_and_partitioned_ones_are_counted() {
    let env = Env::new();
    let server = server();
    server.psql(
        "app",
        "CREATE TABLE parts (i int) PARTITION BY RANGE (i);
         CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (9); INSERT INTO parts VALUES (1), (2);
         DO $$ BEGIN FOR i IN 1..300 LOOP EXECUTE format('CREATE TABLE empty%s (i int)', i); END LOOP; END $$",
    );
    env.dump(&server.url("app"));
    let run = drill(&env, "").succeeds();
    let said = "303 tables with 11 rows, each as many as were dumped\n";
    assert!(run.stdout.ends_with(said), "{run:?}");
}

/// Makes a dump whose restore hangs while it makes an index.
fn slow(env: &Env, server: &Server) -> PathBuf {
    for (name, body) in [
        ("slow", "SELECT v FROM pg_sleep(600)"),
        ("quick", "SELECT v"),
    ] {
        let create = format!(
            "CREATE FUNCTION {name}(v text) RETURNS text IMMUTABLE LANGUAGE sql AS '{body}'"
        );
        server.psql("app", &create);
    }
    server.psql("app", "CREATE INDEX on_v ON small (quick(v))");
    let dump = env.dump(&server.url("app"));
    with_text(&dump, |text| {
        text.replace(
            "USING btree (public.quick(v))",
            "USING btree (public.slow(v))",
        )
    })
}

#[test]
#[ignore = "needs PostgreSQL"]
fn sigterm_during_a_drill_leaves_nothing() {
    let env = Env::new();
    let server = server();
    let hanging = HangingDrill::start(&env, &slow(&env, &server), "CREATE INDEX");
    rustix::process::kill_process(hanging.pid(), rustix::process::Signal::TERM).unwrap();
    let began = std::time::Instant::now();
    let run = hanging.end();
    assert_eq!(run.signal, Some(15), "{run:?}");
    assert!(began.elapsed().as_secs() < 20, "{run:?}");
    assert!(!run.stderr.contains("was killed"), "{run:?}");
    drill(&env, "").succeeds();
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_drill_is_confined_and_stays_closed_when_it_is_killed() {
    let env = Env::new();
    let server = server();
    let hanging = HangingDrill::start(&env, &slow(&env, &server), "CREATE INDEX");
    hanging.is_confined();
    hanging.leaves_nothing_open_when_killed(&env);
}

/// Files that the caller of a drill left open do not reach code in a dump, and such code sees no
/// process of another user.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_drill_inherits_no_open_file_and_sees_no_other_process() {
    let env = Env::new();
    let server = server();
    let dump = slow(&env, &server);
    let secret = env.path("secret");
    std::fs::write(&secret, "secret").unwrap();
    let open = format!(
        "exec 3<'{0}' 7<'{0}' 9>>'{0}'; exec \"$@\"",
        secret.display()
    );
    let open = ["sh", "-c", &open, "sh"].map(str::to_owned);
    let hanging = HangingDrill::start_by(&env, &open, &dump, "CREATE INDEX");
    hanging.has_not_open(&secret);
    hanging.sees_no_other_process();
    hanging.kill();
    if !rustix::process::geteuid().is_root() {
        skipped("only root can drill as another user");
        return;
    }
    // An ordinary user drills in a user namespace.
    for name in names(&env.dumps()) {
        chown(env.dumps().join(name), Some(65534), Some(65534)).unwrap();
    }
    for path in [env.root(), &env.dumps(), &env.path("scratch")] {
        chown(path, Some(65534), Some(65534)).unwrap();
    }
    let other = [
        "unshare",
        "--net",
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
    ];
    let other = [
        &open[..],
        &other.map(str::to_owned),
        &["--clear-groups".to_owned()],
    ]
    .concat();
    let hanging = HangingDrill::start_by(&env, &other, &dump, "CREATE INDEX");
    hanging.has_not_open(&secret);
    hanging.sees_no_other_process();
    hanging.kill();
}

/// Where `/proc` cannot be mounted anew, the drill says what code in the dump can see.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_drill_that_shows_other_processes_says_so() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let env = Env::new();
    give_dump_to_nobody(&env);
    let said = "code in the dump could reach the list of this machine's processes";
    let run = Run::finish(&mut drill_of_nobody(&env)).succeeds();
    assert!(!run.stderr.contains(said), "{run:?}");
    // The kernel lets a user namespace mount no `/proc` if a part of the present one is covered.
    let mut covered = env.command("unshare");
    covered.args(["--mount", "--propagation=private", "sh", "-euc"]);
    covered
        .arg("mount --bind /dev/null /proc/version; exec \"$@\"")
        .arg("sh");
    let drill = drill_of_nobody(&env);
    covered.arg(drill.get_program()).args(drill.get_args());
    let run = Run::finish(&mut covered).succeeds();
    assert!(run.stdout.contains("restored in"), "{run:?}");
    assert!(run.stderr.contains(said), "{run:?}");
    assert!(run.stderr.contains("cannot mount /proc"), "{run:?}");
}

/// Returns the number of processes whose command line ends with `sleep NUMBER`.
fn sleeping(number: u32) -> usize {
    let end = format!("sleep\0{number}\0");
    let lines = names(Path::new("/proc"))
        .into_iter()
        .filter_map(|pid| std::fs::read(format!("/proc/{pid}/cmdline")).ok());
    lines.filter(|line| line.ends_with(end.as_bytes())).count()
}

/// Returns a prefix for a command line that runs the program after it as a user who can make no
/// namespaces: in a root directory that is not the one of its mount namespace (unshare(2),
/// `EPERM`).
fn without_namespaces(env: &Env) -> Vec<String> {
    let root = env.root().display();
    let jail = format!(
        "mount --rbind / {root}/jail; exec chroot --userspec=65534:65534 --groups= {root}/jail sh -c 'cd {root}; exec \"$@\"' sh \"$@\""
    );
    let words = ["unshare", "--net", "--mount", "--propagation", "private"];
    let words = words.into_iter().chain(["sh", "-euc", &jail, "sh"]);
    words.map(str::to_owned).collect()
}

/// Asserts that a process that a dump starts in a separate session ends with its drill, whether
/// the drill is killed or ends, and also if the drill has no process namespace.
fn ends_all_it_started(env: &Env, prefix: &[String], dump: &Path, number: u32) {
    let slow = std::fs::read(dump).unwrap();
    let detach = format!("COPY (SELECT 1) TO PROGRAM 'setsid -f sleep {number}';\nCREATE TABLE");
    let hanging = with_text(dump, |text| text.replacen("CREATE TABLE", &detach, 1));
    let drill = HangingDrill::start_by(env, prefix, &hanging, "CREATE INDEX");
    assert_eq!(sleeping(number), 1, "{prefix:?}");
    drill.kill();
    wait_for("the end of what was detached", || sleeping(number) == 0);

    let quick = |text: String| text.replace("public.slow(v)", "public.quick(v)");
    let ending = with_text(&hanging, quick);
    let words = prefix.iter().map(String::as_str);
    let words = words.chain([PROGRAM, "drill", "--scratch", "scratch"]);
    let mut drill = env.command("env");
    Run::finish(drill.args(words).arg(&ending)).succeeds();
    assert_eq!(sleeping(number), 0, "{prefix:?}");
    assert_eq!(names(&env.path("scratch")), [""; 0]);
    std::fs::write(dump, slow).unwrap();
}

#[test]
#[ignore = "needs PostgreSQL"]
fn no_process_outlives_a_drill() {
    let env = Env::new();
    let server = server();
    let dump = slow(&env, &server);
    ends_all_it_started(&env, &[], &dump, 86_501);
    if !rustix::process::geteuid().is_root() {
        skipped("only root can be kept from making namespaces");
        return;
    }
    std::fs::create_dir(env.path("jail")).unwrap();
    for name in names(&env.dumps()) {
        chown(env.dumps().join(name), Some(65534), Some(65534)).unwrap();
    }
    for path in [env.root(), &env.dumps(), &env.path("scratch")] {
        chown(path, Some(65534), Some(65534)).unwrap();
    }
    ends_all_it_started(&env, &without_namespaces(&env), &dump, 86_502);
}

/// The next drill kills a process that a killed drill left running, and no other: what a process
/// says in its environment counts among the processes of one ordinary user only.
#[test]
#[ignore = "needs PostgreSQL"]
fn what_a_killed_drill_left_running_is_ended_by_the_next() {
    let env = Env::new();
    let server = server();
    let hanging = HangingDrill::start(&env, &slow(&env, &server), "CREATE INDEX");
    let [place] = &names(&env.path("scratch"))[..] else {
        panic!("{:?}", names(&env.path("scratch")));
    };
    let work = env.path("scratch").join(place).join("work");
    hanging.kill();
    let sleep = |home: &Path, user: Option<u32>| {
        let mut sleep = env.command("sleep");
        if let Some(user) = user {
            sleep.uid(user).gid(user);
        }
        KilledOnDrop(sleep.arg("600").env("HOME", home).spawn().unwrap())
    };
    let is_root = rustix::process::geteuid().is_root();
    let user = is_root.then(|| std::fs::metadata(&work).unwrap().uid());
    let mut left = sleep(&work, user);
    // Of these processes, those of root claim to be left by the drill.
    let mut others = vec![sleep(env.root(), None)];
    if is_root {
        others.extend([sleep(&work, None), sleep(&work, Some(1234))]);
    }
    env.run("drill --scratch scratch --sample newest")
        .succeeds();
    wait_for("the end of what was left", || {
        left.0.try_wait().unwrap().is_some()
    });
    for other in &mut others {
        assert!(other.0.try_wait().unwrap().is_none());
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn no_role_becomes_a_superuser_that_was_none() {
    let env = Env::new();
    let server = server();
    server.psql(
        "postgres",
        "CREATE ROLE mallory; CREATE ROLE chief SUPERUSER",
    );
    // An index is made with the rights of its owner, so its function can check what these rights
    // are.
    for sql in [
        "CREATE FUNCTION mere(v text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
            IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER) THEN
                RAISE 'a superuser';
            END IF;
            RETURN v;
        END $$",
        "CREATE TABLE his (v text); ALTER TABLE his OWNER TO mallory",
        "INSERT INTO his VALUES ('x'); CREATE INDEX on_his ON his (mere(v))",
        "CREATE FUNCTION told() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER tells ON ddl_command_end EXECUTE FUNCTION told()",
        "ALTER EVENT TRIGGER tells OWNER TO chief",
    ] {
        server.psql("app", sql);
    }
    for format in ["plain", "custom"] {
        let dump = env.dump(&format!("--format {format} {}", server.url("app")));
        let run = drill(&env, &dump.display().to_string()).succeeds();
        assert!(run.stdout.contains("restored in"), "{run:?}");
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_drill_reaches_no_other_server() {
    let env = Env::new();
    let server = server();
    let port = free_port();
    let settings = ["listen_addresses=127.0.0.1", "log_connections=on"].map(str::to_owned);
    let settings = [&settings[..], &[format!("port={port}")]].concat();
    let live = Server::start_with_settings(&settings);
    live.psql(
        "postgres",
        "CREATE TABLE prey (v text); INSERT INTO prey VALUES ('x')",
    );
    let socket = live.directory().display().to_string();
    server.psql("app", "CREATE EXTENSION postgres_fdw");
    for (name, host) in [("tcp", "127.0.0.1"), ("local", &*socket)] {
        for sql in [
            format!(
                "CREATE SERVER {name} FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{host}', port '{port}', dbname 'postgres')"
            ),
            format!("CREATE USER MAPPING FOR postgres SERVER {name} OPTIONS (user 'postgres')"),
            format!(
                "CREATE FOREIGN TABLE {name}_prey (v text) SERVER {name} OPTIONS (table_name 'prey')"
            ),
        ] {
            server.psql("app", &sql);
        }
    }
    let connections = || {
        let log = std::fs::read_to_string(live.directory().join("log")).unwrap();
        log.matches("connection received").count()
    };
    for name in ["tcp", "local"] {
        let create = format!("CREATE MATERIALIZED VIEW m AS SELECT v FROM {name}_prey");
        server.psql("app", &create);
        let dump = env.dump(&server.url("app"));
        let before = connections();
        assert!(before > 0, "nobody can count them");
        is_not_provable(&env, &dump, "could not connect to server");
        assert_eq!(connections(), before, "over {name}");
        server.psql("app", "DROP MATERIALIZED VIEW m");
    }
}

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
fn an_ordinary_user_drills_as_himself() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let env = Env::new();
    give_dump_to_nobody(&env);
    let run = Run::finish(&mut drill_of_nobody(&env)).succeeds();
    assert!(run.stdout.contains("restored in"), "{run:?}");
    assert_eq!(names(env.root()), ["dump"]);
}

fn give_dump_to_nobody(env: &Env) {
    let dump = env.dump(&server().url("app"));
    for path in [env.root(), &env.dumps(), &dump] {
        chown(path, Some(65534), Some(65534)).unwrap();
    }
    for own in crate::support::OWN {
        chown(env.dumps().join(own), Some(65534), Some(65534)).unwrap();
    }
}

fn drill_of_nobody(env: &Env) -> Command {
    // A separate network namespace, because servers of other tests would be within reach.
    let mut drill = env.command("unshare");
    drill.args(["--net", "setpriv"]);
    drill.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    drill.arg(PROGRAM).args(["drill", "--scratch", "."]);
    drill
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_sandbox_that_is_not_whole_says_so_and_never_lets_a_dump_log_in_as_its_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let env = Env::new();
    give_dump_to_nobody(&env);
    let drill = || {
        let mut drill = drill_of_nobody(&env);
        // `/dev` in `PATH` is in the way of the sandbox: its network namespace is made, its root
        // directory is not.
        let path = std::env::var("PATH").unwrap();
        Run::finish(drill.env("PATH", format!("/dev:{path}")))
    };
    let run = drill().succeeds();
    let said = "code in the dump could reach ";
    assert!(run.stderr.contains(said), "{run:?}");
    assert!(run.stderr.contains("the files of user 65534"), "{run:?}");

    // A socket name that is not UTF-8 does not stop a drill.
    let odd = std::ffi::OsStr::from_bytes(b"/tmp/mysql-\xff.sock");
    let listener = UnixListener::bind(odd).unwrap();
    let run = drill();
    std::fs::remove_file(odd).unwrap();
    drop(listener);
    assert!(!run.stderr.contains("UTF-8"), "{run:?}");

    // The socket is in one of the usual directories, because the network namespace that lists it
    // is not the drill's.
    let socket = PathBuf::from(format!("/tmp/.s.PGSQL.{}", free_port()));
    let listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, Permissions::from_mode(0o777)).unwrap();
    let run = drill().fails(1, "");
    let said = format!(
        "could log in to the server at {} as user 65534",
        socket.display()
    );
    assert!(run.stdout.contains(&said), "{run:?}");
    // No process listens on the socket any more.
    drop(listener);
    let run = drill();
    std::fs::remove_file(socket).unwrap();
    run.succeeds();
}

#[test]
#[ignore = "needs PostgreSQL"]
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

#[test]
#[ignore = "needs PostgreSQL"]
fn rows_under_a_writer_are_those_of_the_dump() {
    let env = Env::new();
    let server = server();
    let mut writer = server.client("psql", "app");
    writer.args([
        "-Xqc",
        "DO $$ BEGIN LOOP INSERT INTO small VALUES ('new'); COMMIT; END LOOP; END $$",
    ]);
    let _writer = KilledOnDrop(writer.spawn().unwrap());
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
#[ignore = "needs PostgreSQL"]
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
    Run::finish(&mut drill).succeeds();
}
