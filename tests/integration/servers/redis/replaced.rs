//! `restore --replace` that fails: the old data stays as it was.

use rustix::process::{Pid, Signal, kill_process};

use super::Server;
use crate::servers::wait_for;
use crate::support::{Env, Run};

const OLD: &str = "SET old 1\nSELECT 3\nSET old 3\nSELECT 0";
const STATE: &str = "DEBUG DIGEST\nFUNCTION LIST\nINFO keyspace";

/// Returns a server and a dump that takes a while to load into it.
fn long_dump(env: &Env) -> Server {
    let server = Server::start();
    server.run(
        "EVAL \"for i=1,150000 do redis.call('SET','key'..i,i) end\" 0\nSELECT 3\nSET three 3",
    );
    env.dump(&server.url());
    server.run("FLUSHALL");
    server.run(OLD);
    server
}

/// Waits until the restore loads keys into an empty database.
fn is_loading(server: &Server) {
    wait_for("the restore to load", || {
        server.run("INFO keyspace").contains("db1:keys=")
    });
}

#[test]
#[ignore = "needs Redis"]
fn a_signal_while_a_dump_is_loaded_leaves_the_old_data_and_nothing_else() {
    let env = Env::new();
    let server = long_dump(&env);
    let before = server.run(STATE);
    let running = env.start(&format!(
        "restore --replace --to saved dump {}",
        server.url()
    ));
    is_loading(&server);
    kill_process(Pid::from_child(&running), Signal::TERM).unwrap();
    assert_eq!(Run::end_of(running).signal, Some(15));
    wait_for("the places to be empty", || server.run(STATE) == before);
}

#[test]
#[ignore = "needs Redis"]
fn a_killed_restore_leaves_the_old_data_and_the_next_one_removes_the_rest() {
    let env = Env::new();
    let server = long_dump(&env);
    let before = server.run("DBSIZE\nGET old\nSELECT 3\nGET old\nDBSIZE");
    let mut running = env.start(&format!(
        "restore --replace --to saved dump {}",
        server.url()
    ));
    is_loading(&server);
    running.kill().unwrap();
    Run::end_of(running);
    assert_eq!(
        server.run("DBSIZE\nGET old\nSELECT 3\nGET old\nDBSIZE"),
        before
    );

    // Such a dump has a part of the other one.
    let run = env.run(&format!("dump --to later {}", server.url()));
    let said =
        "warning: database 1 is of a restore that is running or was killed, and the dump holds it";
    assert!(run.succeeds().stderr.contains(said));
    let restore = format!("restore --replace --without-saving dump {}", server.url());
    env.run(&restore)
        .fails(1, "was killed within the last minute");
    assert_eq!(
        server.run("DBSIZE\nGET old\nSELECT 3\nGET old\nDBSIZE"),
        before
    );
    // As if an hour had passed.
    let mark = crate::servers::name_of_restoring("dump-database", 0x7fff_ffff);
    for place in [1, 2] {
        server.run(&format!(
            "SELECT {place}\nSET dump-database.restoring {mark}"
        ));
    }
    let run = env.run(&restore).succeeds();
    assert!(
        run.stderr
            .contains("emptied database 1, which a restore that was killed left")
    );
    let keyspace = server.run("INFO keyspace");
    assert!(keyspace.contains("db0:keys=150000") && keyspace.contains("db3:keys=1"));
    assert_eq!(keyspace.lines().count(), 3, "{keyspace}");
}

#[test]
#[ignore = "needs Redis"]
fn a_server_without_memory_keeps_its_old_data() {
    let env = Env::new();
    let server = long_dump(&env);
    let before = server.run(STATE);
    let used = server.run("INFO memory");
    let used = used
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"))
        .unwrap();
    let limit = used.trim().parse::<u64>().unwrap() + (6 << 20);
    server.run(&format!("CONFIG SET maxmemory {limit}"));
    let run = env.run(&format!(
        "restore --replace --to saved dump {}",
        server.url()
    ));
    run.fails(1, "the server has no memory left (maxmemory)");
    wait_for("the places to be empty", || server.run(STATE) == before);
    // The old data was saved before.
    assert_eq!(crate::support::names(&env.path("saved")).len(), 2);
}

#[test]
#[ignore = "needs Redis"]
fn functions_that_cannot_be_set_undo_the_exchange() {
    let env = Env::new();
    let server = Server::start_with("--rdbcompression no --rdbchecksum no");
    server.run("SET new 1\nFUNCTION LOAD \"#!lua name=mylib\\nredis.register_function('f', function() return 'hi' end)\"");
    let dump = env.dump(&server.url());
    // A library that the server refuses only when it loads it.
    let broken = crate::servers::redis::broken_library(&dump);
    let target = Server::start();
    target.run(OLD);
    target.run("FUNCTION LOAD \"#!lua name=oldlib\\nredis.register_function('g', function() return 1 end)\"");
    let before = target.run(STATE);
    let restore = format!(
        "restore --replace --to saved {} {}",
        broken.display(),
        target.url()
    );
    env.run(&restore).fails(1, "was not restored");
    wait_for("the places to be empty", || target.run(STATE) == before);

    // A user who may not set functions.
    target.run("ACL SETUSER loader on nopass ~* +@all -function|restore -function|flush");
    let url = target.url_as("loader");
    env.run(&format!(
        "restore --replace --to saved {} {url}",
        dump.display()
    ))
    .fails(1, "the user lacks a permission");
    wait_for("the places to be empty", || target.run(STATE) == before);
}

#[test]
#[ignore = "needs Redis"]
fn a_server_that_stops_while_a_dump_is_loaded_comes_back_with_its_old_data() {
    let env = Env::new();
    let server = long_dump(&env);
    drop(server);
    let mut server = Server::start_with("--appendonly yes --appendfsync always");
    server.run(OLD);
    let before = server.run("DBSIZE\nGET old\nSELECT 3\nGET old\nDBSIZE");
    let running = env.start(&format!(
        "restore --replace --to saved dump {}",
        server.url()
    ));
    is_loading(&server);
    server.stop();
    Run::end_of(running).fails(1, "was not restored");
    server.resume();
    assert_eq!(
        server.run("DBSIZE\nGET old\nSELECT 3\nGET old\nDBSIZE"),
        before
    );
}

#[test]
#[ignore = "needs Redis"]
fn another_client_that_writes_into_a_place_is_noticed() {
    let env = Env::new();
    let server = long_dump(&env);
    let running = env.start(&format!(
        "restore --replace --to saved dump {}",
        server.url()
    ));
    is_loading(&server);
    server.run("SELECT 1\nSET stranger 1");
    let run = Run::end_of(running).fails(1, "another client changes database 1");
    let said = "database 1 was empty before, and another client has put keys into it, which stay";
    assert!(run.stderr.contains(said), "{run:?}");
    assert_eq!(server.run("GET old\nSELECT 3\nGET old"), "1\nOK\n3");
    // What the restore sent is gone, and the other client's key is not.
    assert_eq!(
        server.run("SELECT 1\nKEYS *\nGET stranger"),
        "OK\nstranger\n1"
    );
    assert_eq!(server.run("SELECT 2\nDBSIZE"), "OK\n0");
}

/// Starts a restore whose dump of the old data takes seconds, and waits until it begins.
fn start_saving(env: &Env, server: &Server, saved: &str) -> std::process::Child {
    let count = || server.run("CLIENT LIST").matches("flags=S").count();
    let before = count();
    let running = env.start(&format!(
        "restore --replace --to {saved} dump {}",
        server.url()
    ));
    wait_for("the old data to be saved", || count() > before);
    running
}

#[test]
#[ignore = "needs Redis"]
fn a_database_that_another_client_begins_to_use_while_the_old_data_is_saved_is_left_alone() {
    let env = Env::new();
    let server = Server::start_with("--repl-diskless-sync-delay 2");
    server.run("SET new 1\nSELECT 3\nSET three 3");
    env.dump(&server.url());
    server.run("FLUSHALL");
    server.run(OLD);
    let running = start_saving(&env, &server, "saved");
    // The first database that is empty.
    server.run("SELECT 1\nSET stranger 1");
    let run = Run::end_of(running).succeeds();
    let said = "another client began to use database 1 during the restore";
    assert!(run.stderr.contains(said), "{run:?}");
    assert_eq!(
        server.run("GET new\nSELECT 3\nGET three\nSELECT 1\nKEYS *\nSELECT 2\nDBSIZE"),
        "1\nOK\n3\nOK\nstranger\nOK\n0"
    );
}

/// Both restores save the old data at the same time, so both begin to load at the same time.
#[test]
#[ignore = "needs Redis"]
fn of_two_restores_at_once_each_is_done_whole_or_refused() {
    let env = Env::new();
    let server = Server::start_with("--repl-diskless-sync-delay 2");
    server.run("SET new 1\nSELECT 3\nSET three 3");
    env.dump(&server.url());
    server.run("FLUSHALL");
    server.run(OLD);
    let before = server.run(STATE);
    let both = [
        start_saving(&env, &server, "first"),
        start_saving(&env, &server, "second"),
    ];
    let mut done = 0;
    for running in both {
        let run = Run::end_of(running);
        if run.status == Some(0) {
            done += 1;
        } else {
            run.fails(1, "another restore into this server");
        }
    }
    if done == 0 {
        assert_eq!(server.run(STATE), before);
    } else {
        assert_eq!(server.run("GET new\nSELECT 3\nGET three"), "1\nOK\n3");
        let keyspace = server.run("INFO keyspace");
        assert_eq!(keyspace.lines().count(), 3, "{keyspace}");
    }
}

/// A client begins to use a server that was empty: without `--replace`, none of its keys is lost.
#[test]
#[ignore = "needs Redis"]
fn what_others_put_into_an_empty_server_during_a_restore_stays() {
    let env = Env::new();
    let server = long_dump(&env);
    server.run("FLUSHALL");
    let running = env.start(&format!("restore dump {}", server.url()));
    is_loading(&server);
    server.run("SET stranger 1");
    Run::end_of(running).fails(1, "other clients began to use it during the restore");
    let keyspace = server.run("INFO keyspace");
    assert!(
        keyspace.contains("db0:keys=1,") && keyspace.lines().count() == 2,
        "{keyspace}"
    );
    assert_eq!(server.run("GET stranger"), "1");
}
