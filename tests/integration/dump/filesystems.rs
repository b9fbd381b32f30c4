//! Filesystems that are full or not mounted.

use std::fs;

use crate::support::{Env, database, inventory, names, namespace};

/// Returns the names of the published dumps in a listing of a directory.
fn published(listing: &str) -> Vec<&str> {
    let names = listing.lines().filter(|line| line.starts_with("db-"));
    names.collect()
}

#[test]
#[ignore = "needs sqlite3"]
fn one_that_fills_mid_dump_keeps_its_dumps_and_no_partial_one() {
    for mode in ["WAL", "DELETE"] {
        let env = Env::with_database();
        drop(database::make_large(
            &env.path("larger.sqlite"),
            mode,
            6_000_000,
        ));
        let before = database::contents(&env.path("db.sqlite"));
        let script = "
            mkdir full && mount -t tmpfs -o size=2m tmpfs full
            dump-database dump db.sqlite --to full
            dump-database dump db.sqlite --to full
            ls -A full >listing.before
            cp db.sqlite small.sqlite && cp larger.sqlite db.sqlite
            status=0; dump-database dump db.sqlite --to full --keep 1 || status=$?
            ls -A full >listing.after
            dump-database verify full
            dump-database restore full restored.sqlite
            exit $status";
        let Some(run) = namespace::run(&env, script) else {
            return;
        };
        let run = run.fails(1, "db was not dumped: ");
        match mode {
            "WAL" => assert!(run.stderr.contains("No space left on device"), "{run:?}"),
            _ => assert!(run.stderr.contains("is expected to need 6."), "{run:?}"),
        }
        let listing = |name| fs::read_to_string(env.path(name)).unwrap();
        assert_eq!(
            listing("listing.after"),
            listing("listing.before"),
            "{run:?}"
        );
        assert_eq!(published(&listing("listing.after")).len(), 2);
        assert_eq!(run.stdout.matches(": good").count(), 2, "{run:?}");
        assert_eq!(database::contents(&env.path("restored.sqlite")), before);
    }
}

/// The copy of a database in a rollback-journal mode fills the filesystem: SQLite writes the copy,
/// not this program.
#[test]
fn one_that_fills_under_the_copy_keeps_its_dumps_too() {
    let env = Env::with_database();
    drop(database::make_large(
        &env.path("db2.sqlite"),
        "DELETE",
        1_400_000,
    ));
    let script = "
        mkdir full && mount -t tmpfs -o size=2m tmpfs full
        dump-database dump db.sqlite --to full
        ls -A full >listing.before
        status=0; dump-database dump db2.sqlite --to full || status=$?
        ls -A full >listing.after
        exit $status";
    let Some(run) = namespace::run(&env, script) else {
        return;
    };
    run.fails(1, "No space left on device");
    let listing = |name| fs::read_to_string(env.path(name)).unwrap();
    assert_eq!(listing("listing.after"), listing("listing.before"));
}

/// Each dump is 100 kB larger than the one of the day before, and five are kept.
#[test]
#[ignore = "needs faketime"]
fn a_disk_that_the_dumps_fill_within_three_days_is_named() {
    let env = Env::with_database();
    for day in 0..4 {
        let path = env.path(format!("{day}.sqlite"));
        drop(database::make_large(&path, "DELETE", 100_000 * (day + 1)));
    }
    let script = |size: &str| {
        format!(
            "mkdir disk && mount -t tmpfs -o size={size} tmpfs disk
            for day in 0 1 2 3; do
                cp $day.sqlite db.sqlite
                faketime -f -$((3 - day))d dump-database dump db.sqlite --to disk --keep 5 --log error
            done
            dump-database dump db.sqlite --to disk --keep 5 --metrics metrics --log error
            dump-database status disk"
        )
    };
    let seconds = || {
        let metrics = fs::read_to_string(env.path("metrics")).unwrap();
        let line = metrics
            .lines()
            .find(|line| line.starts_with("dump_database_disk_full_seconds{"))
            .unwrap();
        let (_, value) = line.rsplit_once(' ').unwrap();
        value.parse::<f64>().unwrap()
    };
    let Some(run) = namespace::run(&env, &script("2500k")) else {
        return;
    };
    let run = run.succeeds();
    assert_eq!(run.stderr.matches(" is full in ").count(), 1, "{run:?}");
    let (_, said) = run.stderr.split_once(" is full in ").unwrap();
    let days: f64 = said.split(' ').next().unwrap().parse().unwrap();
    assert!((0.5..3.0).contains(&days), "{run:?}");
    assert!((seconds() / 86400.0 - days).abs() < 0.2, "{}", seconds());

    fs::remove_dir(env.path("disk")).unwrap();
    let run = namespace::run(&env, &script("64m")).unwrap().succeeds();
    assert!(!run.stderr.contains("full"), "{run:?}");
    assert!(seconds() > 30.0 * 86400.0, "{}", seconds());
}

#[test]
fn too_little_space_is_known_before_anything_is_written() {
    let env = Env::with_database();
    drop(database::make_large(
        &env.path("db2.sqlite"),
        "WAL",
        1_200_000,
    ));
    let script = "
        mkdir full && mount -t tmpfs -o size=2m tmpfs full
        dump-database dump db2.sqlite --to full
        exec dump-database dump db2.sqlite --to full";
    let Some(run) = namespace::run(&env, script) else {
        return;
    };
    let run = run.fails(1, "; nothing was written");
    let said = run.stderr.lines().last().unwrap();
    let (_, numbers) = said.split_once(" has ").unwrap();
    let (free, needed) = numbers
        .split_once(" free and this dump is expected to need ")
        .unwrap();
    let number = |text: &str| -> f64 { text.split(' ').next().unwrap().parse().unwrap() };
    assert!(
        free.ends_with("kB") && (500.0..1000.0).contains(&number(free)),
        "{said}"
    );
    assert!(
        needed.contains(" MB") && (1.1..1.4).contains(&number(needed)),
        "{said}"
    );
}

#[test]
fn a_directory_whose_filesystem_is_not_mounted_is_refused() {
    let env = Env::with_database();
    fs::create_dir_all(env.path("disk/backup")).unwrap();
    fs::create_dir(env.path("my disk")).unwrap();
    fs::write(
        env.path("fstab"),
        format!(
            "# a comment {root}/x\ntmpfs {root}/disk tmpfs noauto 0 0\nUUID=1 {escaped}/my\\040disk ext4 defaults 0 2\n",
            root = env.root().display(),
            escaped = env.root().display(),
        ),
    )
    .unwrap();
    let before = inventory(env.root());
    let script = "
        mount --bind fstab /etc/fstab
        for directory in disk disk/backup disk/new 'my disk' 'my disk/deeper'; do
            status=0; dump-database dump db.sqlite --to \"$directory\" || status=$?
            test $status = 1
        done
        find disk 'my disk' >listing
        mount -t tmpfs tmpfs disk; mount -t tmpfs tmpfs 'my disk'
        dump-database dump db.sqlite --to disk/backup
        dump-database dump db.sqlite --to 'my disk'";
    let Some(run) = namespace::run(&env, script) else {
        return;
    };
    let run = run.succeeds();
    let refused = run
        .stderr
        .matches("where a filesystem should be mounted and is not");
    assert_eq!(refused.count(), 5, "{run:?}");
    assert_eq!(run.paths().len(), 2, "{run:?}");
    fs::remove_file(env.path("listing")).unwrap();
    assert_eq!(inventory(env.root()), before);
    assert_eq!(names(&env.path("disk")), ["backup"]);
}

#[test]
fn a_mount_unit_counts_as_fstab_does() {
    let env = Env::with_database();
    fs::create_dir_all(env.path("disk")).unwrap();
    fs::create_dir_all(env.path("units")).unwrap();
    let unit = format!(
        "[Mount]\nWhat=/dev/sdz1\nWhere={}/disk\n",
        env.root().display()
    );
    fs::write(env.path("units/disk.mount"), unit).unwrap();
    let script = "
        mount -t tmpfs tmpfs /run && mkdir -p /run/systemd && cp -r units /run/systemd/system
        status=0; dump-database dump db.sqlite --to disk || status=$?
        test $status = 1
        mount -t tmpfs tmpfs disk
        dump-database dump db.sqlite --to disk
        cp disk/db-* .";
    let Some(run) = namespace::run(&env, script) else {
        return;
    };
    let run = run.succeeds();
    assert!(
        run.stderr.contains("where a filesystem should be mounted"),
        "{run:?}"
    );
    assert_eq!(names(&env.path("disk")), [""; 0]);
    assert_eq!(run.paths().len(), 1);
}

#[test]
#[ignore = "needs sqlite3"]
fn a_filesystem_that_is_read_only() {
    let env = Env::with_database();
    env.dump("db.sqlite");
    let before = inventory(&env.dumps());
    let script = "
        mount --bind dump dump && mount -o remount,bind,ro dump
        dump-database list && dump-database verify && dump-database restore dump restored.sqlite
        exec dump-database dump db.sqlite";
    let Some(run) = namespace::run(&env, script) else {
        return;
    };
    run.fails(1, "Read-only file system");
    assert_eq!(inventory(&env.dumps()), before);
    database::contents(&env.path("restored.sqlite"));
}
