//! Restoring an SQLite dump: the target, what it replaces, and what is left when it is refused.

pub(crate) mod access_lists;
mod choice;
pub(crate) mod failing;
mod killed;
mod replaced;
mod whole;

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::Path;

use rusqlite::Connection;

use crate::support::database::{Lock, contents, scalar};
use crate::support::{Env, OWN, PROGRAM, Run, database, names, set_mode, skipped, strace};

use failing::{is_wal, refused, scene};

#[test]
#[ignore = "needs sqlite3"]
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
#[ignore = "needs sqlite3"]
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

    // Rotation removed nothing for the eighth dump, and the eighth dump restores the old database.
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
#[ignore = "needs sqlite3"]
fn a_database_in_use_is_refused() {
    let (env, dump) = scene();
    let old = env.path("old.sqlite");
    let lock = Lock::exclusive(&old);
    let args = format!("restore {dump} old.sqlite --replace --to saved --busy-timeout 1s");
    env.run(&args).fails(1, "is open in process");

    // This user cannot see the open files of the process, and meets its lock.
    if chown(env.root(), Some(1234), Some(1234)).is_ok() {
        for name in ["old.sqlite", "old.sqlite-wal", "old.sqlite-shm"] {
            let _ = chown(env.path(name), Some(1234), Some(1234));
        }
        set_mode(&env.dumps(), 0o755);
        set_mode(Path::new(&dump), 0o644);
        for args in [&args, &format!("{args} --without-saving")] {
            let mut command = env.command("setpriv");
            command.args(["--reuid=1234", "--regid=1234", "--clear-groups", PROGRAM]);
            let run = Run::finish(command.args(args.split_whitespace()));
            let run = run.fails(1, "was locked by process ");
            assert!(run.stderr.contains("could not be seen"), "{run:?}");
        }
    }
    drop(lock);
    assert!(is_wal(&old));
    assert_eq!(
        names(env.root())
            .iter()
            .filter(|name| name.contains("restoring") || name.contains("replaced"))
            .count(),
        0
    );
    // This connection holds no lock.
    let idle = Connection::open(&old).unwrap();
    assert!(scalar(&idle, "SELECT count(*) FROM blob") > 0);
    env.run(&args).fails(1, "is open in process");
    drop(idle);
    env.run(&args).succeeds();
}

/// The units give each database a NAME that can differ from its file name.
#[test]
fn what_is_replaced_joins_its_own_dumps_whatever_they_are_called() {
    let env = Env::with_database();
    let dump = env.run("dump --name shop db.sqlite").succeeds().paths();
    let args = format!(
        "restore {} db.sqlite --replace --to dump",
        dump[0].display()
    );
    env.run(&args).succeeds();
    let names = env.names();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(
        names.iter().all(|name| name.starts_with("shop-")),
        "{names:?}"
    );
    env.run("dump --name shop db.sqlite").succeeds();
    env.run("status --max-age 30m").succeeds();
}

/// Otherwise the directory's owner could neither rotate nor record. Files that only root may read
/// stay root's.
#[test]
#[ignore = "needs root"]
fn what_root_makes_of_anothers_dumps_is_that_ones_and_nothing_else() {
    let env = Env::with_database();
    let dump = env.dump("db.sqlite");
    if chown(env.dumps(), Some(1234), Some(1234)).is_err() {
        return skipped("only root can give files away");
    }
    chown(&dump, Some(1234), Some(1234)).unwrap();
    chown(env.path("db.sqlite"), Some(1234), Some(1234)).unwrap();
    for own in OWN {
        // These files were made when the directory belonged to root.
        let _ = fs::remove_file(env.dumps().join(own));
    }
    env.run(&format!(
        "restore {} db.sqlite --replace --to dump",
        dump.display()
    ))
    .succeeds();
    env.run("drill").succeeds();
    database::make_small(&env.path("roots.sqlite"));
    let roots = [env.dump("roots.sqlite"), env.dump("roots.sqlite")];
    assert_eq!(env.names().len(), 4);
    for entry in fs::read_dir(env.dumps()).unwrap() {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        let is_roots = roots.contains(&entry.path());
        let owner = if is_roots { 0 } else { 1234 };
        assert_eq!((meta.uid(), meta.gid()), (owner, owner), "{entry:?}");
    }
    // A file with a second name may be any file of the system.
    let elsewhere = env.path("root's");
    fs::write(&elsewhere, "content").unwrap();
    let lock = env.dumps().join(".dump-database.lock");
    fs::remove_file(&lock).unwrap();
    fs::hard_link(&elsewhere, &lock).unwrap();
    env.run("dump db.sqlite").fails(1, "remove it");
    assert_eq!(fs::metadata(&elsewhere).unwrap().uid(), 0);
    assert_eq!(fs::read(elsewhere).unwrap(), b"content");
}

#[test]
#[ignore = "needs sqlite3"]
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
        let run = env
            .run(&format!("restore {dump} {target} --replace"))
            .succeeds();
        assert!(!stale.exists());
        let kept_file = names(env.root())
            .into_iter()
            .find(|name| name.starts_with(&format!("{target}.replaced-")) && name.ends_with(side));
        let kept_file = env.path(kept_file.expect("the old file is kept"));
        let said = format!("the old database is in {}\n", kept_file.display());
        assert!(run.stderr.contains(&said), "{run:?}");
        let kept = fs::read_to_string(kept_file).unwrap();
        assert_eq!(kept, "of another database");
        assert_eq!(
            contents(&env.path(&target)),
            contents(&env.path("db.sqlite"))
        );
    }
}

#[test]
#[ignore = "needs sqlite3"]
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
        let kept_file = names(env.root())
            .into_iter()
            .find(|name| name.starts_with(&prefix));
        // Compares all of it except the header, in which SQLite counts the change of the journal
        // mode.
        let kept = fs::read(env.path(kept_file.unwrap())).unwrap();
        assert!(
            kept.len() == bytes.len() && kept[100..] == bytes[100..],
            "{case}"
        );
        assert_eq!(contents(&target), contents(&env.path("db.sqlite")));
    }
    assert_eq!(names(&env.path("saved")), [".dump-database.lock"]);
}

#[test]
#[ignore = "needs sqlite3"]
fn a_database_that_is_not_to_be_saved_is_moved_aside() {
    let (env, dump) = scene();
    let before = contents(&env.path("old.sqlite"));
    let args = format!("restore {dump} old.sqlite --replace --without-saving --to saved");
    env.run(&args).succeeds();
    assert_eq!(
        contents(&env.path("old.sqlite")),
        contents(&env.path("db.sqlite"))
    );
    let mut kept_file = names(env.root());
    kept_file.retain(|name| name.starts_with("old.sqlite.replaced-"));
    assert_eq!(contents(&env.path(&kept_file[0])), before);
    assert!(!env.path("saved").exists());
    // A file that SQLite cannot hold is replaced too.
    let text = b"no database at all".repeat(100);
    fs::write(env.path("text"), &text).unwrap();
    env.run(&args.replace("old.sqlite", "text")).succeeds();
    assert_eq!(
        contents(&env.path("text")),
        contents(&env.path("db.sqlite"))
    );
    let mut kept_file = names(env.root());
    kept_file.retain(|name| name.starts_with("text.replaced-"));
    assert_eq!(fs::read(env.path(&kept_file[0])).unwrap(), text);
}

#[test]
#[ignore = "needs sqlite3"]
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

#[test]
#[ignore = "needs strace"]
fn the_new_database_is_on_the_disk_before_it_has_the_name_and_the_name_after() {
    let (env, dump) = scene();
    let args = format!("restore {dump} old.sqlite --replace --to saved");
    let calls = "write,fsync,renameat,renameat2,openat";
    let (run, calls) = strace::run(&env, calls, &[], &args);
    run.succeeds();
    let place = |name: &str, what: &str| {
        let found = calls.iter().rposition(|call| call.is(name, what));
        found.unwrap_or_else(|| panic!("no {name} of {what}"))
    };
    let written = place("write", ".old.sqlite.restoring-");
    let synced = place("fsync", ".old.sqlite.restoring-");
    let renamed = place("renameat", ".old.sqlite.restoring-");
    let root = format!("{}>", env.root().display());
    let named = place("fsync", &root);
    assert!(written < synced && synced < renamed && renamed < named);
    // Before that, the dump of the old database has its final name.
    assert!(place("renameat2", "old-") < renamed);
}
