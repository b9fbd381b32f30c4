//! Guarantees 1 and 2, checked by the system calls: a final name leads to a whole dump, whatever
//! happens.

use crate::support::strace::{self, Call, Traced};
use crate::support::{Env, Run, database, inventory, planted};

const CALLS: &str = "write,pwrite64,pread64,fsync,renameat2,renameat,linkat,unlinkat";

/// `last` returns the position where the last of the calls that `is` selects ends, and `first`
/// returns the position where the first of them begins.
#[track_caller]
fn last_position(calls: &[Call], is: impl Fn(&Call) -> bool) -> usize {
    let picked = calls.iter().filter(|call| is(call));
    picked.map(|call| call.ended).max().expect("such a call")
}

#[track_caller]
fn first_position(calls: &[Call], is: impl Fn(&Call) -> bool) -> usize {
    let picked = calls.iter().filter(|call| is(call));
    picked.map(|call| call.began).min().expect("such a call")
}

#[test]
#[ignore = "needs strace"]
fn each_step_ends_before_the_next_begins() {
    for mode in ["WAL", "DELETE"] {
        for method in ["gzip", "zstd"] {
            let env = Env::new();
            drop(database::make_large(
                &env.path("db.sqlite"),
                mode,
                3_000_000,
            ));
            let old = env.dump("db.sqlite");
            let args = format!("dump db.sqlite --keep 1 --compress {method}");
            let (run, calls) = strace::run(&env, CALLS, &[], &args);
            let new = run.succeeds().paths().remove(0);

            let renamed = calls.iter().find(|call| call.name == "renameat2").unwrap();
            assert!(renamed.text.contains("RENAME_NOREPLACE"), "{renamed:?}");
            assert!(
                renamed
                    .text
                    .contains(new.file_name().unwrap().to_str().unwrap())
            );
            let temporary = renamed.text.split('"').nth(1).unwrap();
            let file = format!("{temporary}>");
            let directory = format!("<{}>", env.dumps().display());

            let written = last_position(&calls, |call| call.is("write", &file));
            let completed = last_position(&calls, |call| call.is("pwrite64", &file));
            let header = |call: &Call| call.is("pwrite64", &file);
            let read = last_position(&calls, |call| call.is("pread64", &file));
            let read_to_the_end = last_position(&calls, |call| {
                call.is("pread64", &file) && call.text.ends_with("= 0")
            });
            let synced = |call: &Call| call.is("fsync", &file);
            let directory_synced =
                |call: &Call| call.is("fsync", &directory) && call.began > renamed.ended;
            let removed =
                |call: &Call| call.is("unlinkat", old.file_name().unwrap().to_str().unwrap());

            assert!(written < first_position(&calls, header), "{mode} {method}");
            let again = first_position(&calls, |call| {
                call.is("pread64", &file) && call.began > completed && call.text.contains(", 0) =")
            });
            assert!(completed < again, "the completed header is read back");
            assert!(read_to_the_end > written && read >= read_to_the_end);
            assert!(
                read < first_position(&calls, synced),
                "read back before the fsync"
            );
            assert!(last_position(&calls, synced) < renamed.began);
            let synced_first = calls.iter().find(|call| directory_synced(call)).unwrap();
            assert!(synced_first.ended < first_position(&calls, removed));
            assert_eq!(calls.iter().filter(|call| header(call)).count(), 1);
            assert!(!old.exists());
        }
    }
}

/// The calls that are made to fail; each entry leaves another way to give a dump its final name.
const WAYS: [&[&str]; 5] = [
    &[],
    &["renameat2:error=EINVAL"],
    &["renameat2:error=ENOSYS"],
    &["renameat2:error=EINVAL", "linkat:error=EPERM"],
    &["renameat2:error=EOPNOTSUPP", "linkat:error=EOPNOTSUPP"],
];

#[test]
#[ignore = "needs strace"]
fn a_filesystem_without_renameat2_or_links_gets_dumps_all_the_same() {
    for way in WAYS {
        let env = Env::with_database();
        let (run, calls) = strace::run(&env, "renameat2,renameat,linkat", way, "dump db.sqlite");
        let path = run.succeeds().paths().remove(0);
        env.run(&format!("restore {} restored.sqlite", path.display()))
            .succeeds();
        assert_eq!(
            database::contents(&env.path("restored.sqlite")),
            database::contents(&env.path("db.sqlite"))
        );
        assert_eq!(env.temporaries(), [""; 0], "{way:?}");
        let name = path.file_name().unwrap().to_str().unwrap();
        let with = ["renameat2", "linkat", "renameat"][way.len()];
        assert!(
            calls.iter().any(|call| call.is(with, name)),
            "{way:?}: {calls:?}"
        );
    }
}

#[test]
#[ignore = "needs strace"]
fn an_existing_name_is_never_replaced() {
    for way in WAYS {
        let env = Env::with_database();
        let first = env.dump("db.sqlite");
        // These files stand for files that appeared after the program had read the directory: the
        // program cannot know any foreign file whose name it will need during the next 20 seconds.
        let base = planted::header(&first).time;
        let taken: Vec<_> = (0..20)
            .flat_map(|second| {
                let time = base + jiff::SignedDuration::from_secs(second);
                let moment = time.strftime("%Y%m%dT%H%M%SZ").to_string();
                ["", "_02", "_03"].map(|n| env.dumps().join(format!("db-{moment}{n}.sqlite.gz")))
            })
            .filter(|path| *path != first)
            .collect();
        for path in &taken {
            std::os::unix::fs::symlink("/nonexistent/foreign", path).unwrap();
        }
        let before = inventory(&env.dumps());
        let (run, _) = strace::run(&env, "renameat2,renameat,linkat", way, "dump db.sqlite");
        let path = run.succeeds().paths().remove(0);
        assert!(
            path.to_str().unwrap().ends_with("_04.sqlite.gz"),
            "{way:?} {path:?}"
        );
        let mut after = inventory(&env.dumps());
        assert!(after.remove(&path).is_some());
        assert_eq!(after, before, "{way:?}");
        env.run(&format!("verify {}", path.display())).succeeds();
    }
}

#[test]
#[ignore = "needs faketime"]
fn a_second_dump_in_one_second_comes_after_the_first() {
    let env = Env::with_database();
    let frozen = |format: &str| {
        let mut command = env.command("faketime");
        command.args([
            "-f",
            "2026-01-01 00:00:00",
            crate::support::PROGRAM,
            "dump",
            "db.sqlite",
        ]);
        Run::finish(command.args(["--compress", format]))
            .succeeds()
            .paths()
            .remove(0)
    };
    let made = ["gzip", "zstd", "gzip"].map(frozen);
    let names = made.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let base = "db-20260101T000000Z";
    let expected = [".sqlite.gz", "_02.sqlite.zst", "_03.sqlite.gz"];
    assert_eq!(names, expected.map(|rest| format!("{base}{rest}")));
    env.run("dump db.sqlite --keep 2").succeeds();
    assert_eq!(env.names()[0], names[2]);
}

#[test]
#[ignore = "needs strace"]
fn a_step_that_fails_publishes_nothing_and_removes_nothing() {
    let env = Env::new();
    drop(database::make_large(
        &env.path("db.sqlite"),
        "DELETE",
        1_000_000,
    ));
    env.dump("db.sqlite");
    let before = inventory(&env.dumps());
    for (of, fault) in [
        (Traced::Temporary(0), "openat:error=EDQUOT"),
        (Traced::Temporary(0), "pwrite64:error=ENOSPC:when=9"),
        (Traced::Temporary(0), "pread64:error=EIO:when=3"),
        (Traced::Temporary(1), "openat:error=EMFILE"),
        (Traced::Temporary(1), "write:error=EIO:when=1"),
        (Traced::Temporary(1), "write:error=ENOSPC:when=2"),
        (Traced::Temporary(1), "write:error=EFBIG:when=3"),
        (Traced::Temporary(1), "pread64:error=EIO:when=2"),
        (Traced::Temporary(1), "pwrite64:error=EIO"),
        (Traced::Temporary(1), "fsync:error=EIO"),
        (Traced::Directory, "renameat2:error=EIO"),
    ] {
        let args = "dump db.sqlite --keep 1";
        let run = Run::finish(&mut strace::command(&env, of, &[fault], args));
        let run = run.fails(1, "db was not dumped: ");
        assert_eq!(run.stdout, "", "{fault}");
        assert_eq!(run.stderr.lines().count(), 1, "{fault}: {run:?}");
        assert!(run.stderr.contains("dump"), "{fault}: {run:?}");
        assert_eq!(inventory(&env.dumps()), before, "{fault}: {run:?}");
    }
}

#[test]
#[ignore = "needs strace"]
fn a_directory_that_cannot_be_synced_keeps_its_older_dumps() {
    let env = Env::with_database();
    let old = env.dump("db.sqlite");
    let inject = ["fsync:error=EIO"];
    let run = Run::finish(&mut strace::command(
        &env,
        Traced::Directory,
        &inject,
        "dump db.sqlite --keep 1",
    ));
    run.fails(1, "db was not dumped: ");
    assert!(old.exists());
    assert_eq!(env.temporaries(), [""; 0]);
    env.run("verify").succeeds();
}
