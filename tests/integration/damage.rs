//! Damaged dumps are noticed, wherever the damage is.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use dump_database::header::{COMMENT, Header};
use dump_database::read::read_whole;
use dump_database::stop::Stop;

use crate::support::{Env, database, planted};

const METHODS: [&str; 3] = ["gzip", "gzip:0", "zstd"];

fn is_bad(path: &Path) -> bool {
    let read = read_whole(
        &File::open(path).unwrap(),
        Stop::until_signal(),
        &mut io::sink(),
    );
    assert!(
        !read
            .as_ref()
            .is_err_and(|error| error.kind() != io::ErrorKind::InvalidData),
        "{read:?}"
    );
    read.is_err()
}

fn dumped(method: &str) -> (Env, std::path::PathBuf, Vec<u8>) {
    let env = Env::new();
    drop(database::make_large(&env.path("db.sqlite"), "WAL", 600_000));
    let dump = env.dump(&format!("db.sqlite --compress {method}"));
    assert!(!is_bad(&dump));
    let content = fs::read(&dump).unwrap();
    (env, dump, content)
}

#[test]
fn a_dump_cut_at_any_of_a_thousand_places_fails() {
    for method in METHODS {
        let (env, dump, whole) = dumped(method);
        let file = File::options().write(true).open(&dump).unwrap();
        // The cuts start at the end, so that each one only shortens the file. All cuts in the
        // first and in the last bytes are tried.
        let length = whole.len();
        let middle = (1..=960).rev().map(|part| length * part / 961);
        let cuts = (length - 20..length)
            .rev()
            .chain(middle)
            .chain((0..20).rev());
        let mut count = 0;
        for cut in cuts {
            file.set_len(cut as u64).unwrap();
            assert!(is_bad(&dump), "{method} cut at {cut} of {length}");
            count += 1;
        }
        assert_eq!(count, 1000);
        for cut in [length - 1, length / 2, COMMENT, 1] {
            fs::write(&dump, &whole[..cut]).unwrap();
            let run = env.run("verify").fails(1, "");
            assert!(
                run.stdout.contains(": bad: ") && run.stdout.contains("ends"),
                "{run:?}"
            );
            let restored = env.run(&format!("restore {} restored.sqlite", dump.display()));
            restored.fails(1, "cannot be restored");
            assert!(!env.path("restored.sqlite").exists());
        }
    }
}

#[test]
fn a_changed_byte_anywhere_in_the_header_is_noticed() {
    for method in METHODS {
        let (_env, dump, whole) = dumped(method);
        let header = planted::header_length(&whole) as u64;
        assert!(header > 4096);
        let file = File::options().write(true).open(&dump).unwrap();
        for (at, byte) in (0..header).zip(&whole) {
            // These changes also turn upper case into lower case, and one digit into another.
            let flip = if at % 2 == 0 { 0x20 } else { 0x01 };
            file.write_all_at(&[byte ^ flip], at).unwrap();
            assert!(is_bad(&dump), "{method}: byte {at} ^ {flip:#x}");
            file.write_all_at(&[*byte], at).unwrap();
        }
        assert!(!is_bad(&dump));
    }
}

/// Some bits of both formats mean nothing (those that fill a block up to a whole byte): after a
/// change of such a bit, the content must still be the same.
#[test]
fn a_changed_bit_anywhere_in_the_body_is_noticed() {
    for method in METHODS {
        let (_env, dump, whole) = dumped(method);
        let mut content = Vec::new();
        read_whole(
            &File::open(&dump).unwrap(),
            Stop::until_signal(),
            &mut content,
        )
        .unwrap();
        let header = planted::header_length(&whole);
        let file = File::options().write(true).open(&dump).unwrap();
        let spread = (0..284).map(|part| header + (whole.len() - header) * part / 284);
        let places = (whole.len() - 16..whole.len()).chain(spread);
        let mut meaningless = 0;
        for (round, at) in places.enumerate() {
            let changed = whole[at] ^ (1 << (round % 8));
            file.write_all_at(&[changed], at as u64).unwrap();
            let mut read = Vec::new();
            if read_whole(&File::open(&dump).unwrap(), Stop::until_signal(), &mut read).is_ok() {
                assert!(read == content, "{method}: byte {at}, bit {}", round % 8);
                assert!(at + 8 < whole.len(), "{method}: a sum at byte {at}");
                meaningless += 1;
            }
            file.write_all_at(&whole[at..=at], at as u64).unwrap();
        }
        assert!(meaningless < 5, "{method}: {meaningless}");
        assert!(!is_bad(&dump));
    }
}

#[test]
fn anything_behind_the_end_is_noticed() {
    for method in METHODS {
        let (env, dump, whole) = dumped(method);
        for more in [&b"\0"[..], b"more", &whole] {
            fs::write(&dump, [&whole, more].concat()).unwrap();
            assert!(is_bad(&dump));
            env.run("verify").fails(1, "");
        }
    }
}

#[test]
fn a_directory_without_dumps_does_not_verify() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    fs::create_dir(env.path("mistyped")).unwrap();
    env.run("verify mistyped dump")
        .fails(1, "mistyped holds no dumps");
}

#[test]
#[ignore = "needs sqlite3"]
fn a_directory_gives_its_newest_good_dump() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    let content = database::contents(&env.path("db.sqlite"));
    let bad = [env.dump("db.sqlite"), env.dump("db.sqlite")];
    database::corrupt(&bad[0], 4300, 1);
    let cut = File::options().write(true).open(&bad[1]).unwrap();
    cut.set_len(4200).unwrap();
    let run = env.run("restore dump restored.sqlite").succeeds();
    assert_eq!(run.stderr.matches("was skipped").count(), 2, "{run:?}");
    assert_eq!(database::contents(&env.path("restored.sqlite")), content);
    let verified = env.run("verify").fails(1, "").stdout;
    assert_eq!(
        (
            verified.matches(": good").count(),
            verified.matches(": bad: ").count()
        ),
        (1, 2)
    );
}

#[test]
fn what_is_no_dump_is_said_to_be_none() {
    let env = Env::with_database();
    fs::write(env.path("text"), "no dump at all").unwrap();
    let mut gzip = env.command("gzip");
    assert!(gzip.args(["-k", "db.sqlite"]).status().unwrap().success());
    for file in ["text", "db.sqlite", "db.sqlite.gz"] {
        let run = env.run(&format!("verify {file}")).fails(1, "");
        assert!(
            run.stdout.starts_with(&format!("{file}: bad: it ")),
            "{run:?}"
        );
        assert_eq!(run.stdout.lines().count(), 1);
    }
    env.run("verify missing").fails(1, "cannot verify missing");
}

#[test]
fn a_header_that_is_not_of_its_content_is_noticed() {
    let (env, dump, _) = dumped("gzip");
    let with = |change: fn(&mut Header)| {
        let planted = planted::changed(&dump, |header| {
            header.time = planted::ago(60);
            change(header);
        });
        planted.display().to_string()
    };
    for (change, sentence) in [
        (
            (|header| header.bytes -= 1) as fn(&mut Header),
            "it holds more than its header says",
        ),
        (|header| header.bytes += 1, "bytes and its header says"),
        (
            |header| header.crc32 = "00000000".to_owned(),
            "its CRC-32 differs from that in its header",
        ),
    ] {
        let run = env.run(&format!("verify {}", with(change))).fails(1, "");
        assert!(run.stdout.contains(sentence), "{run:?}");
    }
    let other = with(|header| header.sha256 = "0".repeat(64));
    env.run(&format!("restore {other} new.sqlite"))
        .fails(1, "differs from that in the dump's header");
    assert!(!env.path("new.sqlite").exists());
}
