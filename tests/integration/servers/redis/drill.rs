//! Drills of Redis dumps.

use std::path::{Path, PathBuf};

use super::Server;
use crate::servers::clients::with_fake;
use crate::servers::drilled::{drill, fails, is_not_provable};
use crate::support::{Env, Run, planted};

/// Writes a dump next to `dump` whose RDB file has other bytes of the same length, and no checksum.
pub(super) fn with_bytes(dump: &Path, old: &[u8], new: &[u8]) -> PathBuf {
    assert_eq!(old.len(), new.len());
    let mut content = super::dumped::content(dump);
    let at = content.windows(old.len()).position(|bytes| bytes == old);
    let at = at.expect("the bytes are in the dump");
    content[at..at + old.len()].copy_from_slice(new);
    let end = content.len() - 8;
    content[end..].fill(0);
    planted::with_content(dump, &content)
}

#[test]
#[ignore = "needs Redis"]
fn a_dump_restores_and_one_that_a_server_refuses_fails() {
    let env = Env::new();
    let server = Server::start_with("--rdbcompression no");
    server.fill();
    server.run("SET first 1\nSET other 2");
    let dump = env.dump(&server.url());
    let run = drill(&env, "").succeeds();
    assert!(run.stdout.contains("2 databases with 26 keys"), "{run:?}");
    env.run("status").succeeds();

    // A server does not load a key twice.
    let twice = with_bytes(&dump, b"\x05first", b"\x05other");
    let run = drill(&env, &twice.display().to_string());
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(run.stdout.contains("FAILED"), "{run:?}");
    // A header that counts other keys.
    let fewer = planted::changed(&dump, |header| {
        header.facts.tables[0].1 = Some(dump_database::header::Rows::Exact(27));
        header.time = planted::ago(120);
    });
    fails(&env, &fewer, "db0 has 25 keys and had 27");
    let magic = super::dumped::content(&dump)[..9].to_owned();
    let newer = with_bytes(&dump, &magic, b"REDIS0099");
    is_not_provable(
        &env,
        &newer,
        "a server of the same maker, in the same or a newer version",
    );
}

/// Each key comes back, and one has another name: their numbers are right, and the digest of all keys
/// and values is not.
#[test]
#[ignore = "needs Redis"]
fn keys_and_values_are_compared_and_not_only_counted() {
    let env = Env::new();
    let server = Server::start();
    server.run("SET first 1\nSET other 2");
    let dump = env.dump(&server.url());
    let script = |change: &str| {
        format!(
            r#"case "$*" in *--pipe*) {change} | /usr/bin/redis-cli "$@";; *) exec /usr/bin/redis-cli "$@";; esac"#
        )
    };
    let path = with_fake(&env, "redis-cli", &script("cat"));
    let drill = || {
        let mut drill = env.program(&format!("drill {}", dump.display()));
        Run::finish(drill.env("PATH", &path))
    };
    drill().succeeds();
    with_fake(&env, "redis-cli", &script("LC_ALL=C sed 's/first/f1rst/'"));
    let run = drill();
    assert_eq!(run.status, Some(1), "{run:?}");
    let said = "the values that were restored are not those that the server itself loads";
    assert!(run.stdout.contains(said), "{run:?}");
}

#[test]
#[ignore = "needs Redis"]
fn a_drill_is_confined_and_stays_closed_when_it_is_killed() {
    let env = Env::new();
    let server = Server::start();
    server.run("EVAL \"for i=1,200000 do redis.call('SET','key'..i,i) end\" 0");
    let dump = env.dump(&server.url());
    let busy = crate::servers::confined::HangingDrill::start(&env, &dump, "--pipe");
    busy.stop_what_it_started();
    busy.is_confined();
    busy.leaves_nothing_open_when_killed(&env);
}
