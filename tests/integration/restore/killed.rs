//! A restore that is killed before each of its changes to the disk: the target is the old database
//! or the new one, whole, and the next restore succeeds.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::support::writer::killed;
use crate::support::{Env, names, strace};

/// The calls that change a file, a name or a file's metadata. A kill at the start of one leaves
/// the disk as the previous call left it. The change that the creation of a file makes is tested
/// at the next call.
const CHANGES: [&str; 16] = [
    "write",
    "pwrite64",
    "writev",
    "ftruncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "fchmod",
    "fchown",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
];

/// A directory with a dump of a new database, and an old database to replace.
struct Scene {
    env: Env,
    dump: PathBuf,
    old: Vec<(String, Vec<u8>)>,
}

impl Scene {
    /// Makes the scene; `make` leaves the old database, `target.sqlite`, as a killed writer leaves
    /// it.
    fn new(make: impl FnOnce(&Path)) -> Self {
        let env = Env::new();
        fill(&env.path("new.sqlite"), "new");
        let dump = env.dump("new.sqlite");
        make(&env.path("target.sqlite"));
        let mut scene = Scene {
            env,
            dump,
            old: Vec::new(),
        };
        for name in names(scene.env.root()) {
            if name.starts_with("target.sqlite") && !name.ends_with("-shm") {
                let bytes = fs::read(scene.env.path(&name)).unwrap();
                scene.old.push((name, bytes));
            }
        }
        scene
    }

    /// Puts everything back as it was before the first restore.
    fn reset(&self) {
        for name in names(self.env.root()) {
            if name.contains("target.sqlite") {
                fs::remove_file(self.env.path(name)).unwrap();
            }
        }
        let _ = fs::remove_dir_all(self.env.path("saved"));
        for (name, bytes) in &self.old {
            fs::write(self.env.path(name), bytes).unwrap();
        }
    }

    fn args(&self) -> String {
        let dump = self.dump.display();
        format!("restore {dump} target.sqlite --replace --to saved")
    }

    fn target(&self) -> PathBuf {
        self.env.path("target.sqlite")
    }

    /// Kills a restore at each call of each kind. `judge` checks what is left and says whether
    /// that is the new database. Returns the number of kills.
    fn at_each_step(&self, judge: impl Fn(&Self) -> bool) -> usize {
        CHANGES
            .into_iter()
            .map(|call| {
                (1..10_000)
                    .find(|nth| !self.killed_at(call, *nth, &judge))
                    .unwrap()
                    - 1
            })
            .sum()
    }

    /// Kills a restore at its `nth` call of this kind; returns false if the restore made no such
    /// call.
    fn killed_at(&self, call: &str, nth: usize, judge: impl Fn(&Self) -> bool) -> bool {
        self.reset();
        let kill = format!("{call}:signal=KILL:when={nth}");
        let (run, _) = strace::run(&self.env, call, &[&kill], &self.args());
        let is_new = judge(self);
        if run.signal != Some(9) {
            assert_eq!(run.status, Some(0), "{run:#?}");
            assert!(is_new);
            return false;
        }
        self.env.run(&self.args()).succeeds();
        assert_eq!(rows(&self.target()), "new", "after {call} {nth}");
        let left = names(self.env.root());
        let stale = |name: &String| name.contains(".restoring-");
        assert!(!left.iter().any(stale), "{call} {nth}: {left:?}");
        true
    }
}

fn fill(path: &Path, text: &str) {
    let db = Connection::open(path).unwrap();
    db.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, x); CREATE INDEX i ON t (x);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO t SELECT i, '{text}' FROM n;"
    ))
    .unwrap();
}

/// Opens a database as any program does, and asserts that it is sound and has 3000 rows. Returns
/// the distinct contents of the rows.
fn rows(path: &Path) -> String {
    let db = Connection::open(path).unwrap();
    let text = |sql: &str| -> String { db.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    assert_eq!(text("SELECT count(*) || '' FROM t"), "3000");
    text("SELECT group_concat(DISTINCT x) FROM t")
}

fn old_or_new(scene: &Scene) -> bool {
    match rows(&scene.target()).as_str() {
        "old" => false,
        "new" => true,
        other => panic!("a mix: {other}"),
    }
}

#[test]
#[ignore = "needs sqlite3"]
fn with_a_hot_journal_at_the_target() {
    let scene = Scene::new(|target| {
        fill(target, "old");
        killed(
            target,
            "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 5; BEGIN;
             UPDATE t SET x = 'never committed' WHERE id > 5;",
        );
        let journal = target.with_extension("sqlite-journal");
        assert!(journal.metadata().unwrap().len() > 4096);
    });
    let steps = scene.at_each_step(old_or_new);
    assert!(steps > 25, "{steps}");
}

#[test]
#[ignore = "needs sqlite3"]
fn with_a_live_log_at_the_target() {
    let scene = Scene::new(|target| {
        fill(target, "before");
        killed(target, "UPDATE t SET x = 'old'; BEGIN; DELETE FROM t;");
        let log = target.with_extension("sqlite-wal");
        assert!(log.metadata().unwrap().len() > 4096);
    });
    let steps = scene.at_each_step(old_or_new);
    assert!(steps > 25, "{steps}");
}

#[test]
#[ignore = "needs sqlite3"]
fn with_a_damaged_database_at_the_target() {
    let scene = Scene::new(|target| {
        fill(target, "before");
        killed(target, "UPDATE t SET x = 'old' WHERE id = 1;");
        let mut bytes = fs::read(target).unwrap();
        bytes[..100].fill(0xA5);
        fs::write(target, bytes).unwrap();
    });
    let [(_, damaged), (_, log)] = &scene.old[..] else {
        panic!("{:?}", names(scene.env.root()))
    };
    let steps = scene.at_each_step(|scene| {
        // Nothing of the old database is lost, whichever file holds it.
        let kept = |wanted: &Vec<u8>| {
            let mut files = names(scene.env.root()).into_iter();
            files.any(|name| {
                let bytes = fs::read(scene.env.path(name));
                bytes.is_ok_and(|bytes| bytes == *wanted)
            })
        };
        assert!(kept(damaged) && kept(log));
        let is_old = fs::read(scene.target()).unwrap() == *damaged;
        assert!(is_old || rows(&scene.target()) == "new");
        !is_old
    });
    assert!(steps > 5, "{steps}");
}

#[test]
#[ignore = "needs strace"]
fn with_nothing_at_the_target() {
    let scene = Scene::new(|_| ());
    let steps = scene.at_each_step(|scene| {
        let there = scene.target().exists();
        assert!(!there || rows(&scene.target()) == "new");
        there
    });
    assert!(steps > 5, "{steps}");
}
