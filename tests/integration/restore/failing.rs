//! Restores that fail, because of the dump or during the restore: the old database is as it was.

use std::fs;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::database::{self, contents, scalar};
use crate::support::writer::killed;
use crate::support::{Env, Run, inventory, names, namespace, planted, wait_until_unlocked};

/// Makes a dump of `db.sqlite`, and next to it `old.sqlite` with other content. Returns the dump's
/// path as well.
pub(crate) fn scene() -> (Env, String) {
    let env = Env::with_database();
    let dump = env.dump("db.sqlite").display().to_string();
    drop(database::make_large(&env.path("old.sqlite"), "WAL", 60_000));
    (env, dump)
}

/// Asserts that a restore fails with this sentence and changes no file.
#[track_caller]
pub(crate) fn refused(env: &Env, args: &str, sentence: &str) {
    let before = inventory(env.root());
    env.run(args).fails(1, sentence);
    let after = inventory(env.root());
    let changed = |path: &&PathBuf| before.get(*path) != after.get(*path);
    let paths: Vec<_> = before.keys().chain(after.keys()).filter(changed).collect();
    assert!(paths.is_empty(), "{args}: {paths:?}");
}

pub(crate) fn is_wal(path: &Path) -> bool {
    fs::read(path).unwrap()[18] == 2
}

#[test]
#[ignore = "needs sqlite3"]
fn a_failure_after_the_old_one_was_taken_lets_it_go_as_it_was() {
    let (env, dump) = scene();
    let old = env.path("live.sqlite");
    killed(
        &old,
        "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES ('in the log');",
    );
    // The old database cannot be dumped, because dumps of another database have its name.
    fs::create_dir(env.path("other")).unwrap();
    fs::copy(env.path("db.sqlite"), env.path("other/live.sqlite")).unwrap();
    env.run("dump other/live.sqlite --to taken").succeeds();
    let args = format!("restore {dump} live.sqlite --replace --to taken");
    env.run(&args).fails(1, "the old database is as it was");
    assert!(contents(&old).contains("in the log"));
    assert!(is_wal(&old));
    // The directory for the dump of the old database cannot be made.
    let args = format!("restore {dump} live.sqlite --replace --to no/such/place");
    env.run(&args)
        .fails(1, "could not be dumped first (--to says where to)");
    assert!(contents(&old).contains("in the log"));
    assert!(is_wal(&old));
    // Another run holds the directory.
    let args = format!("restore {dump} live.sqlite --replace");
    let held = fs::File::open(env.path("dump/.dump-database.lock")).unwrap();
    held.lock().unwrap();
    env.run(&args).fails(75, "is in use by");
    drop(held);
    wait_until_unlocked(&env.dumps());
    assert!(contents(&old).contains("in the log"));
    assert!(is_wal(&old));
    assert!(
        !names(env.root())
            .iter()
            .any(|name| name.contains("restoring"))
    );
    env.run(&args).succeeds();
}

#[test]
fn on_a_full_disk_the_old_one_stays() {
    let (env, dump) = scene();
    let big = env.path("big.sqlite");
    drop(database::make_large(&big, "WAL", 4_000_000));
    let big = env.dump("big.sqlite").display().to_string();
    let script = format!(
        "mkdir tiny; mount -t tmpfs -o size=1m none tiny; cp db.sqlite tiny/old.sqlite
         ! dump-database restore {big} tiny/old.sqlite --replace --to saved 2>said
         grep -q 'No space left' said
         cmp db.sqlite tiny/old.sqlite; [ \"$(ls -A tiny)\" = old.sqlite ]
         head -c 2m /dev/zero >tiny/filler || :
         ! dump-database restore {dump} old.sqlite --replace --to tiny/saved 2>said
         grep -q 'the old database is as it was' said
         dump-database restore {dump} old.sqlite --replace --to saved; cmp db.sqlite old.sqlite"
    );
    if let Some(run) = namespace::run(&env, &script) {
        run.succeeds();
    }
}

#[test]
fn a_signal_leaves_the_old_one() {
    let env = Env::new();
    drop(database::make_large(
        &env.path("db.sqlite"),
        "WAL",
        30_000_000,
    ));
    let dump = env.dump("db.sqlite");
    let mut interrupted = 0;
    for wait in [20, 100, 200, 400, 800, 1200] {
        fs::copy(env.path("db.sqlite"), env.path("old.sqlite")).unwrap();
        let old = env.path("old.sqlite");
        Connection::open(&old)
            .unwrap()
            .execute_batch("CREATE TABLE old (x)")
            .unwrap();
        let args = format!("restore {} old.sqlite --replace --to saved", dump.display());
        let restore = env.start(&args);
        std::thread::sleep(Duration::from_millis(wait));
        kill_process(Pid::from_child(&restore), Signal::TERM).unwrap();
        let run = Run::end_of(restore);
        let db = Connection::open(&old).unwrap();
        let has_old = scalar(&db, "SELECT count(*) FROM sqlite_schema WHERE name = 'old'") == 1;
        // A signal that comes after the last step ends the program all the same.
        let is_restored = run.stderr.starts_with("restored ");
        assert_eq!(has_old, !is_restored, "{run:?}");
        assert!(is_restored || run.signal == Some(15), "{run:?}");
        interrupted += usize::from(has_old);
        assert!(is_wal(&old));
        drop(db);
        assert!(
            !names(env.root())
                .iter()
                .any(|name| name.contains("restoring"))
        );
    }
    assert!(interrupted >= 2, "{interrupted}");
}

#[test]
fn a_damaged_dump_is_never_loaded() {
    let env = Env::new();
    drop(database::make_large(&env.path("db.sqlite"), "WAL", 40_000));
    for compress in ["gzip", "zstd"] {
        let dump = env.dump(&format!(
            "db.sqlite --compress {compress} --name {compress}"
        ));
        let length = dump.metadata().unwrap().len();
        fs::copy(env.path("db.sqlite"), env.path("old.sqlite")).unwrap();
        let old = env.path("old.sqlite");
        Connection::open(&old)
            .unwrap()
            .execute_batch("CREATE TABLE old (x)")
            .unwrap();
        let before = fs::read(&old).unwrap();
        let damaged = env.path("damaged");
        for flip in 0..100 {
            fs::copy(&dump, &damaged).unwrap();
            let file = fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open(&damaged)
                .unwrap();
            let at = flip * length / 100;
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ (1 << (flip % 8))], at)
                .unwrap();
            env.run("restore damaged old.sqlite --replace --to saved")
                .fails(1, "cannot be restored");
            assert!(fs::read(&old).unwrap() == before, "byte {at}");
        }
        for cut in 0..20 {
            fs::copy(&dump, &damaged).unwrap();
            let file = fs::OpenOptions::new().write(true).open(&damaged).unwrap();
            file.set_len(cut * length / 20).unwrap();
            env.run("restore damaged old.sqlite --replace --to saved")
                .fails(1, "cannot be restored");
            assert!(fs::read(&old).unwrap() == before, "cut {cut}");
        }
        assert!(!env.path("saved").exists());
    }
}

#[test]
fn a_hostile_dump_is_refused_in_little_memory() {
    let env = Env::with_database();
    let dump = env.dump("db.sqlite");
    let good = fs::read(&dump).unwrap();
    let header = |compression| {
        let mut header = planted::header(&dump);
        header.bytes = 8192;
        header.encode(compression, b"db.sqlite").unwrap()
    };
    let gzip = || header(dump_database::name::Compression::Gzip);
    let zstd = || header(dump_database::name::Compression::Zstd);
    let mut bomb = DeflateEncoder::new(gzip(), Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..400 {
        bomb.write_all(&zeros).unwrap();
    }
    // A frame header that asks for a window of 2 GiB (RFC 8878, 3.1.1.1.2), and a block of that
    // frame.
    let window = [
        &[0x28, 0xB5, 0x2F, 0xFD, 0x00, 21 << 3][..],
        &[0x03, 0, 0xF0, 0],
    ]
    .concat();
    let long_comment = [
        &[0x1F, 0x8B, 8, 0x18, 0, 0, 0, 0, 0, 3, 0][..],
        &vec![b' '; 1 << 16],
    ]
    .concat();
    let long_name = [
        &[0x1F, 0x8B, 8, 0x18, 0, 0, 0, 0, 0, 3][..],
        &vec![b'n'; 1 << 20],
    ]
    .concat();
    let skippable = [
        &[0x50, 0x2A, 0x4D, 0x18, 0xFF, 0xFF, 0xFF, 0xFF][..],
        &[0; 100],
    ]
    .concat();
    let nested = [&good[..10], &b"db.sqlite\0"[..], &[b'['; 4096], &[0]].concat();
    let noise: Vec<u8> = (0_u32..100_000)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    let cases = [
        ("noise", noise.clone()),
        ("noise-behind-a-header", [gzip(), noise.clone()].concat()),
        ("noise-behind-a-zstd-header", [zstd(), noise].concat()),
        ("bomb", bomb.finish().unwrap()),
        ("window", [zstd(), window].concat()),
        ("long-comment", long_comment),
        ("long-name", long_name),
        ("skippable", skippable),
        ("nested", nested),
        ("empty", Vec::new()),
        ("twice", [&good[..], &good[..]].concat()),
    ];
    for (case, bytes) in cases {
        fs::write(env.path(case), bytes).unwrap();
        let restore = env.start(&format!("restore {case} new.sqlite"));
        let (run, peak) = crate::support::ended::end_and_peak_memory(restore);
        run.fails(1, "cannot be restored");
        assert!(peak < 48 << 20, "{case}: {peak} bytes");
        assert!(!env.path("new.sqlite").exists(), "{case}");
    }
}

#[test]
fn what_is_committed_before_the_old_one_is_gone_is_in_its_dump() {
    let env = Env::with_database();
    let dump = env.dump("db.sqlite").display().to_string();
    let old = env.path("old.sqlite");
    for mode in ["WAL", "DELETE"] {
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(env.path(format!("old.sqlite{suffix}")));
        }
        let db = database::make_large(&old, mode, 10_000_000);
        db.execute_batch("CREATE TABLE tally (n)").unwrap();
        drop(db);
        // The slow compression leaves time to write. The restore refuses a file that any process
        // has open.
        let args = format!(
            "restore {dump} old.sqlite --replace --to saved-{mode} --compress gzip:9 --threads 1"
        );
        let (mut committed, mut locked) = (0, 0);
        loop {
            let mut restore = env.start(&args);
            while restore.try_wait().unwrap().is_none() {
                let insert = Connection::open(&old).and_then(|db| {
                    db.busy_timeout(Duration::ZERO)?;
                    db.execute_batch("BEGIN IMMEDIATE")?;
                    // The restore waits for a writer that has begun its transaction.
                    db.busy_timeout(Duration::from_secs(20))?;
                    db.execute_batch("INSERT INTO tally VALUES (1); COMMIT")
                });
                match insert {
                    Ok(()) => committed += 1,
                    Err(error) if error.to_string().contains("locked") => locked += 1,
                    // The new database is already in place.
                    Err(error) => assert!(error.to_string().contains("no such table"), "{error}"),
                }
                std::thread::sleep(Duration::from_millis(40));
            }
            let run = Run::end_of(restore);
            if run.status == Some(0) {
                break;
            }
            run.fails(1, "is open in process");
        }
        assert!(locked > 0);
        let saved = format!("saved-{mode}");
        let dump = names(&env.path(&saved)).pop().unwrap();
        env.run(&format!("restore {saved}/{dump} back-{mode}.sqlite"))
            .succeeds();
        let back = Connection::open(env.path(format!("back-{mode}.sqlite"))).unwrap();
        assert_eq!(scalar(&back, "SELECT count(*) FROM tally"), committed);
    }
}
