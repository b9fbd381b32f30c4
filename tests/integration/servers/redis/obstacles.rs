//! Dumps that end early: nothing is published.

use rustix::process::{Pid, Signal, kill_process};

use super::Server;
use crate::servers::{assert_no_trace, descendants, wait_for};
use crate::support::{Env, Run};

/// Starts a dump, and waits until its client runs. The server sends the data only after a while.
fn dumping(env: &Env, server: &Server) -> (std::process::Child, u32) {
    let running = env.start(&format!("dump {}", server.url()));
    let mut client = None;
    wait_for("the client", || {
        client = descendants(running.id()).into_iter().find(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains("--rdb")
        });
        client.is_some()
    });
    wait_for("the server to see the client", || {
        server
            .run("INFO replication")
            .contains("connected_slaves:1")
    });
    (running, client.unwrap())
}

fn waiting_server() -> Server {
    let server = Server::start();
    server.run("CONFIG SET repl-diskless-sync-delay 30\nSET a 1");
    server
}

#[test]
#[ignore = "needs Redis"]
fn a_server_or_a_client_that_stops_leaves_nothing() {
    let env = Env::new();
    let mut server = waiting_server();
    let (running, _) = dumping(&env, &server);
    server.stop();
    Run::end_of(running).fails(1, "redis was not dumped: the server ended the connection");
    assert_no_trace(&env, &[]);

    server.resume();
    server.run("CONFIG SET repl-diskless-sync-delay 30");
    let (running, client) = dumping(&env, &server);
    kill_process(Pid::from_raw(client.cast_signed()).unwrap(), Signal::KILL).unwrap();
    Run::end_of(running).fails(1, "redis-cli ended with signal: 9");
    assert_no_trace(&env, &[]);
}

#[test]
#[ignore = "needs Redis"]
fn a_deadline_and_a_signal_end_a_dump() {
    let env = Env::new();
    let server = waiting_server();
    env.run(&format!("dump --timeout 1s {}", server.url()))
        .fails(1, "not done within 1s");
    assert_no_trace(&env, &[]);
    let (running, _) = dumping(&env, &server);
    kill_process(Pid::from_child(&running), Signal::TERM).unwrap();
    assert_eq!(Run::end_of(running).signal, Some(15));
    assert_no_trace(&env, &[]);
}

#[test]
#[ignore = "needs Redis"]
fn a_transfer_that_is_cut_off_is_no_dump() {
    let env = Env::new();
    let server = Server::start();
    server.run("EVAL \"for i=1,300000 do redis.call('SET','key'..i,string.rep('x',40)..i) end\" 0");
    // The server's child writes slowly, so that the transfer can be cut off in its middle.
    server.run("CONFIG SET rdb-key-save-delay 20");
    let (running, _) = dumping(&env, &server);
    wait_for("some data", || {
        let sizes = env
            .temporaries()
            .into_iter()
            .filter_map(|name| env.dumps().join(name).metadata().ok());
        sizes.map(|meta| meta.len()).max().unwrap_or(0) > 0
    });
    std::thread::sleep(std::time::Duration::from_millis(500));
    for child in descendants(server.pid()) {
        let _ = kill_process(Pid::from_raw(child.cast_signed()).unwrap(), Signal::KILL);
    }
    Run::end_of(running).fails(1, "the server ended the connection");
    assert_no_trace(&env, &[]);
}
