//! What code in a PostgreSQL dump can reach during a drill.

use std::fs::Permissions;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Command;

use super::Server;
use super::drill::server;
use crate::servers::confined::HangingDrill;
use crate::servers::drilled::{is_not_provable, with_text};
use crate::servers::free_port;
use crate::support::{Env, PROGRAM, Run, names, skipped};

/// Makes a dump whose restore hangs while it makes an index.
pub(super) fn slow(env: &Env, server: &Server) -> PathBuf {
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
