//! Text that others choose, such as the text in a dump's header, is escaped before it reaches a
//! terminal or the log.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::support::{Env, Run};

/// Replaces the format in the header with a text of six characters of JSON, and corrects the
/// checksum.
fn with_format(dump: &Path, text: &str) {
    let mut bytes = fs::read(dump).unwrap();
    let find = |bytes: &[u8], wanted: &str| {
        let mut windows = bytes.windows(wanted.len());
        windows
            .position(|window| window == wanted.as_bytes())
            .unwrap()
    };
    let at = find(&bytes, "\"sqlite\",\"engine_version") + 1;
    bytes[at..at + 6].copy_from_slice(text.as_bytes());
    let check = find(&bytes, ",\"check\":\"");
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[..check]);
    let at = check + ",\"check\":\"".len();
    bytes[at..at + 8].copy_from_slice(format!("{:08x}", crc.sum()).as_bytes());
    fs::write(dump, bytes).unwrap();
}

#[track_caller]
fn is_plain(run: &Run, lines: usize) {
    let text = run.stdout.clone() + &run.stderr;
    let is_odd = |c: &char| c.is_control() && *c != '\n';
    assert!(!text.chars().any(|c| is_odd(&c)), "{run:?}");
    assert!(text.contains("unknown variant"), "{run:?}");
    assert!(lines == 0 || text.lines().count() == lines, "{run:?}");
}

#[test]
fn in_a_header_it_is_escaped_wherever_it_is_printed() {
    // Escape, a one-byte control sequence introducer (C1), and a line end.
    for text in ["\\u001b", "\\u009b", "\\u000a"] {
        let env = Env::with_database();
        let dump = env.dump("db.sqlite");
        with_format(&dump, text);
        is_plain(&env.run("verify"), 1);
        is_plain(&env.run(&format!("verify {}", dump.display())), 1);
        is_plain(&env.run("verify --json"), 0);
        is_plain(&env.run("status"), 3);
        is_plain(&env.run("status --json"), 0);
        is_plain(&env.run("list"), 2);
        is_plain(&env.run("drill"), 1);
        is_plain(&env.run("drill --json"), 0);
        is_plain(&env.run("rotate --dry-run --keep 1"), 1);
        is_plain(&env.run("rotate --keep 1"), 2);
        is_plain(&env.run("restore dump new.sqlite"), 2);
        is_plain(
            &env.run(&format!("restore {} new.sqlite", dump.display())),
            1,
        );
    }
}

#[test]
fn a_lock_holders_text_is_one_line() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    let lock = env.dumps().join(".dump-database.lock");
    let held = fs::File::options().write(true).open(&lock).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    fs::write(&lock, "someone\n<3>forged \x1b[31m").unwrap();
    let run = env.run("dump db.sqlite").fails(75, "is in use by someone");
    assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
    assert!(!run.stderr.contains('\x1b'), "{run:?}");
}

#[test]
fn a_directory_that_is_not_utf8_does_not_break_json() {
    let env = Env::with_database();
    let directory = OsStr::from_bytes(b"d\xff");
    let mut dump = env.program("dump db.sqlite --to");
    Run::finish(dump.arg(directory)).succeeds();
    for command in [
        "list --json",
        "status --json",
        "verify --json",
        "drill --json",
    ] {
        let run = Run::finish(env.program(command).arg(directory)).succeeds();
        let rows: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(rows.as_array().unwrap().len(), 1, "{command}");
    }
}
