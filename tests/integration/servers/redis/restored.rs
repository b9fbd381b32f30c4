//! Restores into a running server.

use super::Server;
use crate::support::Env;

#[test]
#[ignore = "needs Redis"]
fn everything_comes_back() {
    let env = Env::new();
    let server = Server::start();
    server.fill();
    let dump = env.dump(&server.url()).display().to_string();
    let expected = server.everything();

    let target = Server::start();
    env.run(&format!("restore dump {}", target.url()))
        .succeeds();
    assert_eq!(target.everything(), expected);
    assert_eq!(target.run("FCALL f 0"), "hi");
    // The restore left no temporary key.
    assert_eq!(target.run("DBSIZE"), server.run("DBSIZE"));

    // The same is true where a server compresses nothing and packs nothing.
    let other = Server::start_with(
        "--rdbcompression no --hash-max-listpack-entries 1 --set-max-intset-entries 1 \
         --zset-max-listpack-entries 1 --list-max-listpack-size 1 --stream-node-max-entries 1",
    );
    env.run(&format!("restore {dump} {}", other.url()))
        .succeeds();
    assert_eq!(other.everything(), expected);
    std::fs::remove_file(dump).unwrap();
    let again = env.dump(&other.url()).display().to_string();
    let last = Server::start();
    env.run(&format!("restore {again} {}", last.url()))
        .succeeds();
    assert_eq!(last.everything(), expected);
}

#[test]
#[ignore = "needs Redis"]
fn a_server_that_is_not_empty_is_replaced_only_when_asked() {
    let env = Env::new();
    let server = Server::start();
    server.fill();
    env.dump(&server.url());
    let expected = server.everything();

    let target = Server::start();
    target.run("SET old 1\nSELECT 3\nSET old 3\nSELECT 7\nSET old 7");
    target.run("FUNCTION LOAD \"#!lua name=oldlib\\nredis.register_function('g', function() return 'old' end)\"");
    let old = target.run("DEBUG DIGEST\nFUNCTION LIST\nINFO keyspace");
    let url = target.url();
    for option in ["", "--into-empty"] {
        env.run(&format!("restore {option} dump {url}"))
            .fails(1, "the server is not empty, it holds 3 keys; --replace");
        assert_eq!(
            target.run("DEBUG DIGEST\nFUNCTION LIST\nINFO keyspace"),
            old
        );
    }
    let run = env.run(&format!("restore --replace --to saved dump {url}"));
    let run = run.succeeds();
    assert!(run.stderr.contains("the old database is in "), "{run:?}");
    assert_eq!(target.everything(), expected);

    // What was replaced comes back, functions and all.
    let saved = crate::support::names(&env.path("saved"));
    let saved = saved
        .iter()
        .find(|name| name.starts_with("redis-"))
        .unwrap();
    env.run(&format!(
        "restore --replace --without-saving saved/{saved} {url}"
    ))
    .succeeds();
    assert_eq!(
        target.run("DEBUG DIGEST\nFUNCTION LIST\nINFO keyspace"),
        old
    );

    let functions = Server::start();
    functions.run("FUNCTION LOAD \"#!lua name=oldlib\\nredis.register_function('g', function() return 1 end)\"");
    env.run(&format!("restore dump {}", functions.url()))
        .fails(1, "the server is not empty, it holds functions");
}

#[test]
#[ignore = "needs Redis"]
fn keys_whose_time_has_passed_stay_away_and_the_others_keep_theirs() {
    let env = Env::new();
    let server = Server::start();
    server.run("SET gone 1 PX 1500\nSET later 1 PXAT 4102444800123\nSET stays 1");
    env.dump(&server.url());
    std::thread::sleep(std::time::Duration::from_millis(1600));
    let target = Server::start();
    env.run(&format!("restore dump {}", target.url()))
        .succeeds();
    assert_eq!(target.run("EXISTS gone"), "0");
    assert_eq!(target.run("PEXPIRETIME later"), "4102444800123");
    assert_eq!(target.run("PEXPIRETIME stays"), "-1");
    env.run("drill").succeeds();
}

#[test]
#[ignore = "needs Redis"]
fn a_restored_server_keeps_what_it_got_in_its_append_only_file_and_its_replicas() {
    let env = Env::new();
    let server = Server::start();
    server.fill();
    env.dump(&server.url());
    let expected = server.everything();
    let port = crate::servers::free_port();
    let mut target = Server::start_with(&format!("--appendonly yes --port {port}"));
    target.run("SET old 1");
    let replica = Server::start_with(&format!("--replicaof 127.0.0.1 {port}"));
    crate::servers::wait_for("the replica", || replica.run("GET old") == "1");
    env.run(&format!(
        "restore --replace --to saved dump {}",
        target.url()
    ))
    .succeeds();
    assert_eq!(target.everything(), expected);
    crate::servers::wait_for("the replica", || {
        replica.run("DEBUG DIGEST") == target.run("DEBUG DIGEST")
    });
    target.stop();
    target.resume();
    assert_eq!(target.everything(), expected);
}

#[test]
#[ignore = "needs Redis"]
fn the_time_of_last_use_survives_where_a_server_counts_it() {
    let env = Env::new();
    for (policy, command) in [
        ("allkeys-lfu", "OBJECT FREQ used"),
        ("volatile-lru", "OBJECT IDLETIME used"),
    ] {
        let server = Server::start_with(&format!("--maxmemory-policy {policy} --lfu-log-factor 1"));
        server.run(&"GET used\n".repeat(100));
        server.run("SET used 1");
        server.run(&"GET used\n".repeat(100));
        let used: u64 = server.run(command).parse().unwrap();
        let dump = env.dump(&server.url());
        let target = Server::start_with(&format!("--maxmemory-policy {policy} --lfu-log-factor 1"));
        env.run(&format!("restore {} {}", dump.display(), target.url()))
            .succeeds();
        std::fs::remove_file(dump).unwrap();
        let now: u64 = target.run(command).parse().unwrap();
        assert!(now.abs_diff(used) <= 2, "{policy}: {used} became {now}");
    }
}

/// A forged dump may leave out the number of the first database. No key of it may go into the live one.
#[test]
#[ignore = "needs Redis"]
fn keys_without_the_number_of_a_database_go_into_database_0_with_the_others() {
    let env = Env::new();
    let server = Server::start();
    server.run("SET a 1\nSET b 2");
    let dump = env.dump(&server.url());
    // In place of the number there is the time since the next key was used: 0.
    let forged = super::drill::with_bytes(&dump, b"\xfe\0\xfb", b"\xf8\0\xfb");
    let target = Server::start();
    target.run("SET old 1");
    let restore = format!(
        "restore --replace --to saved {} {}",
        forged.display(),
        target.url()
    );
    env.run(&restore).succeeds();
    assert_eq!(target.run("MGET a b old"), "1\n2");
    assert_eq!(target.run("DBSIZE"), "2");
    env.run(&format!("drill {}", forged.display())).succeeds();
}
