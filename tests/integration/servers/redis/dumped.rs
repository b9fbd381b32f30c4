//! What a dump holds.

use std::io::Read;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use dump_database::content::rdb::Rdb;
use flate2::read::MultiGzDecoder;

use super::Server;
use crate::servers::drilled::skips_unchanged;
use crate::support::{Env, Run, planted};

/// Returns the RDB file in a dump.
pub(super) fn content(dump: &std::path::Path) -> Vec<u8> {
    let mut content = Vec::new();
    let file = std::fs::File::open(dump).unwrap();
    MultiGzDecoder::new(file).read_to_end(&mut content).unwrap();
    content
}

#[test]
#[ignore = "needs Redis"]
fn a_dump_holds_what_the_servers_own_tool_finds_whole() {
    let env = Env::new();
    // A server that first writes its RDB file to its disk sends its length, else a mark at its end.
    for options in ["", "--repl-diskless-sync no", "--rdbcompression no"] {
        let server = Server::start_with(options);
        server.fill();
        let dump = env.dump(&server.url());
        let name = dump.file_name().unwrap().to_str().unwrap();
        assert!(
            name.starts_with("redis-") && name.ends_with(".rdb.gz"),
            "{name}"
        );
        let rdb = env.path("checked.rdb");
        std::fs::write(&rdb, content(&dump)).unwrap();
        let checked = Run::finish(Command::new("redis-check-rdb").arg(&rdb)).succeeds();
        for sign in ["RDB looks OK", "24 keys read", "2 expires", "Checksum OK"] {
            assert!(checked.stdout.contains(sign), "{sign}: {checked:?}");
        }
        let header = serde_json::to_value(planted::header(&dump)).unwrap();
        assert_eq!(
            header["facts"]["tables"],
            serde_json::json!([["db0", 23], ["db3", 1]])
        );
        assert_eq!(header["facts"]["expiring_keys"], 2);
        assert_eq!(header["facts"]["libraries"], 1);
        assert_eq!(header["facts"]["checksum"], true);
        env.run(&format!("verify {}", dump.display())).succeeds();
        let listed = env.run("list").succeeds();
        assert!(
            listed.stdout.contains("24 keys in 2 databases"),
            "{listed:?}"
        );
        std::fs::remove_dir_all(env.dumps()).unwrap();
    }
}

#[test]
#[ignore = "needs Redis"]
fn an_empty_server_and_one_without_checksums_are_dumped() {
    let env = Env::new();
    let server = Server::start();
    let dump = env.dump(&server.url());
    env.run("drill").succeeds();
    std::fs::remove_file(dump).unwrap();

    server.run("SET a 1");
    drop(server);
    let server = Server::start_with("--rdbchecksum no");
    server.run("SET a 1");
    let run = env.run(&format!("dump {}", server.url())).succeeds();
    assert!(run.stderr.contains("writes no checksum"), "{run:?}");
    env.run("verify").succeeds();
    let target = Server::start();
    env.run(&format!("restore dump {}", target.url()))
        .succeeds();
    assert_eq!(target.run("GET a"), "1");
}

#[test]
#[ignore = "needs Redis"]
fn a_dump_is_one_snapshot_while_clients_write() {
    let env = Env::new();
    let server = Server::start();
    server.run("EVAL \"for i=1,30000 do redis.call('SET','filler'..i,i) end\" 0\nSET a 0\nSET b 0");
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                server.run(&"MULTI\nINCR a\nINCR b\nEXEC\n".repeat(200));
            }
        });
        for _ in 0..3 {
            env.dump(&server.url());
        }
        ends.store(true, Ordering::Relaxed);
    });
    let target = Server::start();
    for name in env.names() {
        let url = target.url();
        env.run(&format!(
            "restore --replace --without-saving dump/{name} {url}"
        ))
        .succeeds();
        assert_eq!(target.run("GET a"), target.run("GET b"));
        assert_ne!(target.run("GET a"), "0");
        assert_eq!(target.run("DBSIZE"), "30002");
    }
}

#[test]
#[ignore = "needs Redis"]
fn a_server_that_did_not_change_is_skipped() {
    let env = Env::new();
    let server = Server::start();
    server.fill();
    skips_unchanged(&env, &server.url(), || {
        server.run("SET plain other");
    });
}

/// Every cut and every changed byte of an RDB file is noticed, in whatever parts it passes.
#[test]
#[ignore = "needs Redis"]
fn a_damaged_rdb_file_is_noticed() {
    let env = Env::new();
    let server = Server::start();
    server.run("SET a 1\nRPUSH l a b\nXADD s 1-1 a b\nZADD z 1.5 a\nHSET h a b\nSET e 1 EX 1000");
    server.run("EVAL \"for i=1,600 do redis.call('SADD','big','m'..i) end\" 0");
    let whole = content(&env.dump(&server.url()));
    let judge = |bytes: &[u8], part: usize| {
        let mut rdb = Rdb::<()>::default();
        for part in bytes.chunks(part) {
            match rdb.read(part) {
                Err(error) => return Err(error.to_string()),
                Ok(read) if read < part.len() => return Err("it goes on".to_owned()),
                Ok(_) => {}
            }
        }
        rdb.check()
    };
    for part in [1, 7, whole.len()] {
        assert_eq!(judge(&whole, part), Ok(()));
    }
    for length in 0..whole.len() {
        assert!(judge(&whole[..length], 4096).is_err(), "cut to {length}");
    }
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(judge(&changed, 4096).is_err(), "changed at {at}");
    }
    let longer = [&whole[..], b"x"].concat();
    assert!(judge(&longer, 4096).is_err());
}

#[test]
#[ignore = "needs Redis"]
fn verify_notices_a_dump_that_is_no_whole_rdb_file() {
    let env = Env::new();
    let server = Server::start();
    server.fill();
    let dump = env.dump(&server.url());
    let whole = content(&dump);
    let mut changed = whole.clone();
    let middle = whole.len() / 2;
    changed[middle] ^= 1;
    for (content, why) in [
        (&whole[..whole.len() - 1], "before the end of the RDB file"),
        (&changed[..], "RDB file"),
        (&[&whole[..], b"x"].concat()[..], "goes on after the end"),
        (&b"SQLite format 3"[..], "not an RDB file"),
        (&b""[..], "not an RDB file"),
    ] {
        let planted = planted::with_content(&dump, content);
        let run = env.run(&format!("verify {}", planted.display()));
        assert_eq!(run.status, Some(1), "{run:?}");
        assert!(run.stdout.contains(why), "no {why}: {run:?}");
        let target = format!("restore {} {}", planted.display(), server.url());
        env.run(&target).fails(1, "cannot be restored");
    }
}
