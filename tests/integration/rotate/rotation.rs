//! The newest dumps of each database stay, and only dumps are removed.

use std::fs;
use std::os::unix::fs::symlink;

use rusqlite::Connection;

use crate::support::strace::Traced;
use crate::support::{Env, Run, database, inventory, planted};

#[test]
#[ignore = "needs sqlite3"]
fn seven_dumps_of_a_changing_database_leave_the_five_newest() {
    let env = Env::with_database();
    let mut states = Vec::new();
    for number in 1..=7 {
        let db = Connection::open(env.path("db.sqlite")).unwrap();
        db.execute("INSERT INTO person (name) VALUES (?1)", [number])
            .unwrap();
        drop(db);
        states.push(database::contents(&env.path("db.sqlite")));
        let dump = env.dump("db.sqlite");
        assert!(dump.is_file());
    }
    let left = env.names();
    assert_eq!(left.len(), 5, "{left:?}");
    for (name, state) in left.iter().zip(&states[2..]) {
        env.run(&format!("restore dump/{name} {name}.restored"))
            .succeeds();
        let restored = env.path(format!("{name}.restored"));
        assert_eq!(&database::contents(&restored), state, "{name}");
    }
}

#[test]
fn so_many_stay_as_keep_says() {
    let env = Env::with_database();
    let made: Vec<_> = (0..4).map(|_| env.dump("db.sqlite --keep 9")).collect();
    assert_eq!(env.names().len(), 4);
    let newest = env.dump("db.sqlite --keep 2");
    let left: Vec<_> = env
        .names()
        .iter()
        .map(|name| env.dumps().join(name))
        .collect();
    assert_eq!(left, [made[3].clone(), newest]);
}

#[test]
fn each_database_has_its_own_five() {
    let env = Env::with_database();
    database::make_small(&env.path("other.sqlite"));
    env.run("dump other.sqlite").succeeds();
    for _ in 0..3 {
        let run = env.run("dump db.sqlite other.sqlite --keep 2").succeeds();
        assert_eq!(run.paths().len(), 2);
    }
    let of = |name: &str| {
        env.names()
            .iter()
            .filter(|one| one.starts_with(name))
            .count()
    };
    assert_eq!((of("db-"), of("other-")), (2, 2), "{:?}", env.names());
}

#[test]
fn what_is_no_dump_of_this_database_stays() {
    let env = Env::with_database();
    let elsewhere = env.path("elsewhere.sqlite.gz");
    let dump = env.dump("db.sqlite");
    fs::copy(&dump, &elsewhere).unwrap();
    fs::remove_file(&dump).unwrap();
    let dumps = env.dumps();
    let named = |time: &str| dumps.join(format!("db-{time}.sqlite.gz"));

    fs::write(dumps.join("notes.txt"), "foreign").unwrap();
    fs::write(dumps.join("db-20200101.sqlite.gz"), "almost a dump's name").unwrap();
    fs::write(named("20200101T000000Z"), "a dump's name, no header").unwrap();
    fs::write(named("20200102T000000Z"), "").unwrap();
    fs::write(
        named("20200103T000000Z"),
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0",
    )
    .unwrap();
    fs::copy(&elsewhere, named("20200104T000000Z")).unwrap(); // its header has another time
    symlink(&elsewhere, named("20200105T000000Z")).unwrap();
    symlink("nowhere", named("20200106T000000Z")).unwrap();
    fs::create_dir(dumps.join("deeper")).unwrap();
    fs::copy(
        &elsewhere,
        dumps.join("deeper/db-20200107T000000Z.sqlite.gz"),
    )
    .unwrap();
    fs::create_dir(named("20200108T000000Z")).unwrap();
    let before = inventory(&dumps);

    let made: Vec<_> = (0..4).map(|_| env.dump("db.sqlite --keep 2")).collect();
    let run = env.run("rotate --keep 1").succeeds();
    let links_and_directories = ["20200105", "20200106", "20200108"];
    assert!(
        !links_and_directories
            .iter()
            .any(|day| run.stdout.contains(day)),
        "{run:?}"
    );
    let mut after = inventory(&dumps);
    assert!(after.remove(&made[3]).is_some());
    assert_eq!(after, before);
    assert!(elsewhere.is_file());
}

#[test]
fn a_dry_rotation_says_what_a_real_one_does() {
    let env = Env::with_database();
    for _ in 0..4 {
        env.dump("db.sqlite");
    }
    fs::write(
        env.dumps().join("db-20200101T000000Z.sqlite.gz"),
        "no header",
    )
    .unwrap();
    let before = inventory(&env.dumps());
    // Nothing is written, so that the directory may be read-only.
    let lock = env.dumps().join(".dump-database.lock");
    fs::remove_file(&lock).unwrap();
    let dry = env.run("rotate --keep 2 --dry-run").succeeds();
    assert!(!lock.exists());
    assert_eq!(inventory(&env.dumps()), before);
    let real = env.run("rotate dump --keep 2").succeeds();
    assert_eq!(real.stdout, dry.stdout.replace("would go:", "goes:"));

    let said = |fate: &str| -> Vec<String> {
        let lines = real.stdout.lines().filter_map(|line| line.split_once("  "));
        let of = lines.filter(|(_, said)| said.starts_with(fate));
        of.map(|(name, _)| name.to_owned()).collect()
    };
    let mut stay = said("stays: ");
    stay.sort();
    assert_eq!(env.names(), stay);
    assert_eq!((stay.len(), said("goes: ").len()), (3, 2), "{real:?}");
    let again = env.run("rotate --keep 2").succeeds();
    assert_eq!(again.stdout.matches("goes:").count(), 0, "{again:?}");
}

#[test]
fn a_run_that_fails_removes_nothing() {
    let env = Env::with_database();
    for _ in 0..4 {
        env.dump("db.sqlite");
    }
    let before = inventory(&env.dumps());
    database::corrupt(&env.path("db.sqlite"), 4096, 100);
    env.run("dump db.sqlite --keep 1").fails(1, "corrupt");
    assert_eq!(inventory(&env.dumps()), before);
}

#[test]
#[ignore = "needs strace"]
fn a_dump_that_cannot_be_removed_does_not_undo_the_new_one() {
    let env = Env::with_database();
    let old = planted::plant(&env.dump("db.sqlite"), planted::ago(3600));
    let inject = ["unlinkat:error=EPERM"];
    let mut strace = crate::support::strace::command(
        &env,
        Traced::Directory,
        &inject,
        "dump db.sqlite --keep 1",
    );
    let run = Run::finish(&mut strace).succeeds();
    assert!(
        run.stderr.contains("older dumps were not removed"),
        "{run:?}"
    );
    assert!(old.is_file());
    assert_eq!(
        env.run("verify").succeeds().stdout.matches("good").count(),
        3
    );
}
