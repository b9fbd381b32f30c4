//! Restoring an SQLite dump: to where, over what, and what is left when it is refused.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::Path;

use rusqlite::Connection;

use crate::support::database::{Lock, contents, scalar};
use crate::support::{PROGRAM, Run, names, set_mode};

use super::restore_failing::{is_wal, refused, scene};

#[test]
fn to_a_new_path() {
    let (env, dump) = scene();
    fs::create_dir(env.path("home")).unwrap();
    let given = chown(env.path("home"), Some(1234), Some(4321)).is_ok();
    env.run(&format!("restore {dump} home/new.sqlite"))
        .succeeds();
    let new = env.path("home/new.sqlite");
    let meta = new.metadata().unwrap();
    assert_eq!(meta.mode() & 0o777, 0o600);
    if given {
        assert_eq!((meta.uid(), meta.gid()), (1234, 4321));
    }
    assert_eq!(names(&env.path("home")), ["new.sqlite"]);
    assert_eq!(contents(&new), contents(&env.path("db.sqlite")));
}

#[test]
fn an_existing_target_is_replaced_only_when_told_so() {
    let (env, dump) = scene();
    refused(&env, &format!("restore {dump} old.sqlite"), "--replace");
    fs::write(env.path("empty"), "").unwrap();
    refused(&env, &format!("restore {dump} empty"), "--replace");
    refused(
        &env,
        &format!("restore {dump} dump --replace"),
        "is a directory",
    );
    refused(
        &env,
        &format!("restore {dump} no/where.sqlite"),
        "is missing",
    );
    symlink("nowhere", env.path("dangling")).unwrap();
    refused(
        &env,
        &format!("restore {dump} dangling --replace"),
        "cannot follow",
    );
}

#[test]
fn the_replaced_database_is_dumped_first_and_its_place_kept() {
    let (env, dump) = scene();
    fs::create_dir(env.path("real")).unwrap();
    let real = env.path("real/old.sqlite");
    fs::rename(env.path("old.sqlite"), &real).unwrap();
    symlink("real/old.sqlite", env.path("old.sqlite")).unwrap();
    set_mode(&real, 0o664);
    let given = chown(&real, Some(1234), Some(4321)).is_ok();
    let old = contents(&real);
    for _ in 0..7 {
        env.dump("old.sqlite --keep 9");
    }

    let said = env
        .run(&format!("restore {dump} old.sqlite --replace"))
        .succeeds();
    assert!(env.path("old.sqlite").is_symlink());
    let meta = real.metadata().unwrap();
    assert_eq!(meta.mode() & 0o777, 0o664);
    if given {
        assert_eq!((meta.uid(), meta.gid()), (1234, 4321));
    }
    assert_eq!(names(&env.path("real")), ["old.sqlite"]);
    assert_eq!(contents(&real), contents(&env.path("db.sqlite")));

    // Nothing was rotated out for the eighth dump, and it brings the old one back.
    let dumps: Vec<_> = env
        .names()
        .into_iter()
        .filter(|name| name.starts_with("old-"))
        .collect();
    assert_eq!(dumps.len(), 8);
    assert!(said.stderr.contains(&dumps[7]), "{said:?}");
    env.run("restore dump back.sqlite --name old").succeeds();
    assert_eq!(contents(&env.path("back.sqlite")), old);
}

#[test]
fn a_database_in_use_is_refused() {
    let (env, dump) = scene();
    let old = env.path("old.sqlite");
    let lock = Lock::exclusive(&old);
    let args = format!("restore {dump} old.sqlite --replace --to saved --busy-timeout 1s");
    env.run(&args).fails(1, "is open in process");

    // Whose open files this user cannot see, and whose lock it meets.
    if chown(env.root(), Some(1234), Some(1234)).is_ok() {
        for name in ["old.sqlite", "old.sqlite-wal", "old.sqlite-shm"] {
            let _ = chown(env.path(name), Some(1234), Some(1234));
        }
        set_mode(&env.dumps(), 0o755);
        set_mode(Path::new(&dump), 0o644);
        let mut command = env.command("setpriv");
        command.args(["--reuid=1234", "--regid=1234", "--clear-groups", PROGRAM]);
        let run = Run::of(command.args(args.split_whitespace()));
        let run = run.fails(1, "stayed locked by another program");
        assert!(run.stderr.contains("could not be seen"), "{run:?}");
    }
    drop(lock);
    assert!(is_wal(&old));
    assert_eq!(
        names(env.root())
            .iter()
            .filter(|name| name.contains("restoring"))
            .count(),
        0
    );
    // A connection that holds no lock at all.
    let idle = Connection::open(&old).unwrap();
    assert!(scalar(&idle, "SELECT count(*) FROM blob") > 0);
    env.run(&args).fails(1, "is open in process");
    drop(idle);
    env.run(&args).succeeds();
}

#[test]
fn what_lies_beside_a_missing_target_is_not_applied_to_the_new_one() {
    let (env, dump) = scene();
    for side in ["-journal", "-wal", "-shm"] {
        let target = format!("{}.sqlite", &side[1..]);
        let stale = env.path(format!("{target}{side}"));
        fs::write(&stale, "of another database").unwrap();
        refused(
            &env,
            &format!("restore {dump} {target}"),
            "--replace moves it aside",
        );
        env.run(&format!("restore {dump} {target} --replace"))
            .succeeds();
        assert!(!stale.exists());
        let aside = names(env.root())
            .into_iter()
            .find(|name| name.starts_with(&format!("{target}.replaced-")) && name.ends_with(side));
        let kept = fs::read_to_string(env.path(aside.expect("it is aside"))).unwrap();
        assert_eq!(kept, "of another database");
        assert_eq!(
            contents(&env.path(&target)),
            contents(&env.path("db.sqlite"))
        );
    }
}

#[test]
fn what_cannot_be_dumped_is_moved_aside() {
    let (env, dump) = scene();
    let good = fs::read(env.path("old.sqlite")).unwrap();
    let page = [&good[..8192], &[0xA5; 4096], &good[12288..]].concat();
    let mut freelist = good.clone();
    freelist[32..40].copy_from_slice(&[0, 0, 0, 2, 0, 0, 0, 9]);
    let cases = [
        ("page", page),
        ("freelist", freelist),
        ("cut", good[..good.len() / 2].to_vec()),
        ("text", b"no database at all".repeat(100)),
    ];
    for (case, bytes) in cases {
        let target = env.path(case);
        fs::write(&target, &bytes).unwrap();
        let args = format!("restore {dump} {case} --replace --to saved");
        let run = env.run(&args).succeeds();
        assert!(
            run.stderr.contains("too damaged to be dumped first"),
            "{case}: {run:?}"
        );
        let prefix = format!("{case}.replaced-");
        let aside = names(env.root())
            .into_iter()
            .find(|name| name.starts_with(&prefix));
        // All of it but the header, where the change of the journal mode is counted.
        let kept = fs::read(env.path(aside.unwrap())).unwrap();
        assert!(
            kept.len() == bytes.len() && kept[100..] == bytes[100..],
            "{case}"
        );
        assert_eq!(contents(&target), contents(&env.path("db.sqlite")));
    }
    assert_eq!(names(&env.path("saved")), [".dump-database.lock"]);
}

#[test]
fn zero_bytes_are_simply_replaced() {
    let (env, dump) = scene();
    fs::write(env.path("empty"), "").unwrap();
    env.run(&format!("restore {dump} empty --replace --to saved"))
        .succeeds();
    fs::write(env.path("zero"), "").unwrap();
    fs::write(env.path("zero-journal"), "").unwrap();
    env.run(&format!("restore {dump} zero --replace --to saved"))
        .succeeds();
    let left = names(env.root());
    assert!(!left.iter().any(|name| name.starts_with("empty.")));
    assert!(!env.path("zero-journal").exists());
    for target in ["empty", "zero"] {
        assert_eq!(
            contents(&env.path(target)),
            contents(&env.path("db.sqlite"))
        );
    }
}
