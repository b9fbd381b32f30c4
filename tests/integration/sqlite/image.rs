//! The image that a dump holds: what it leaves out, and how large it may be.

use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use rusqlite::Connection;

use crate::support::database::scalar;
use crate::support::ended::end_and_peak_memory;
use crate::support::{Env, OWN, names};

fn decompressed(dump: &Path) -> Vec<u8> {
    let mut image = Vec::new();
    GzDecoder::new(fs::File::open(dump).unwrap())
        .read_to_end(&mut image)
        .unwrap();
    image
}

fn holds(bytes: &[u8], marker: &str) -> bool {
    bytes
        .windows(marker.len())
        .any(|window| window == marker.as_bytes())
}

#[test]
fn pages_of_deleted_rows_are_not_in_the_dump() {
    let env = Env::new();
    for mode in ["WAL", "DELETE"] {
        let source = env.path(format!("{mode}.sqlite"));
        let db = Connection::open(&source).unwrap();
        db.execute_batch(&format!(
            "PRAGMA journal_mode = {mode}; PRAGMA secure_delete = OFF; CREATE TABLE t (x);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             INSERT INTO t SELECT i || ' confidential ' || hex(randomblob(500)) FROM n;
             INSERT INTO t VALUES ('kept row');"
        ))
        .unwrap();
        let full = env.dump(&format!("{mode}.sqlite"));
        assert!(holds(&decompressed(&full), "confidential"));

        db.execute_batch("DELETE FROM t WHERE rowid <= 2000; PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        assert!(holds(&fs::read(&source).unwrap(), "confidential"));
        let emptied = env.dump(&format!("{mode}.sqlite"));
        let image = decompressed(&emptied);
        assert_eq!(image.len() as u64, source.metadata().unwrap().len());
        let left = image
            .windows(12)
            .filter(|window| *window == b"confidential")
            .count();
        // A trunk page of the freelist keeps its content after the list.
        assert!(left <= 20, "{left} of 2000");
        assert!(holds(&image, "kept row"));
        let bytes = |dump: &Path| dump.metadata().unwrap().len();
        assert!(bytes(&emptied) * 10 < bytes(&full));
    }
}

/// Makes a database with free pages, and returns the offset of its first trunk page in bytes.
fn make_freelist(path: &Path, mode: &str) -> usize {
    let db = crate::support::database::make_large(path, mode, 400_000);
    db.execute_batch("CREATE TABLE live (x); INSERT INTO live VALUES ('alive');")
        .unwrap();
    db.execute_batch("DELETE FROM blob WHERE id > 20").unwrap();
    assert!(scalar(&db, "PRAGMA freelist_count") > 10);
    drop(db);
    let bytes = fs::read(path).unwrap();
    let trunk = u32::from_be_bytes(bytes[32..36].try_into().unwrap());
    (trunk as usize - 1) * 4096
}

#[test]
fn a_freelist_that_leads_astray_is_corruption() {
    // The fields of the first trunk page: the next trunk page, the number of leaves, the first
    // leaf.
    let damages: [(&str, usize, u32); 5] = [
        ("leaf-is-a-live-page", 8, 2),
        ("leaf-beyond-the-end", 8, 1_000_000),
        ("too-many-leaves", 4, 5000),
        ("fewer-leaves", 4, 1),
        ("trunk-is-a-live-page", 0, 2),
    ];
    let env = Env::new();
    for mode in ["WAL", "DELETE"] {
        for (damage, offset, value) in damages {
            let source = env.path(format!("{mode}-{damage}.sqlite"));
            let at = make_freelist(&source, mode) + offset;
            let mut bytes = fs::read(&source).unwrap();
            bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
            fs::write(&source, &bytes).unwrap();
            env.run(&format!("dump {mode}-{damage}.sqlite"))
                .fails(1, "corrupt");
            assert_eq!(names(&env.dumps()), OWN, "{damage}");
        }
    }
}

#[test]
#[ignore = "takes more than ten seconds"]
fn a_database_beyond_the_lock_byte_page() {
    let env = Env::new();
    let source = env.path("db.sqlite");
    let db = Connection::open(&source).unwrap();
    // SQLite locks bytes from 1 GiB on, in a page that belongs to no table.
    db.execute_batch(
        "PRAGMA page_size = 65536; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
         CREATE TABLE t (id INTEGER PRIMARY KEY, x);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 110)
         INSERT INTO t SELECT i, zeroblob(10000000) FROM n;
         CREATE TABLE marks (x);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO marks SELECT randomblob(100) FROM n;",
    )
    .unwrap();
    let sums = "SELECT count(*), sum(length(x)), sum(id) FROM t";
    for mode in ["WAL", "DELETE"] {
        db.execute_batch(&format!("PRAGMA journal_mode = {mode}"))
            .unwrap();
        let dump = env.dump("db.sqlite");
        let target = env.path("copy.sqlite");
        env.run(&format!("restore {} copy.sqlite", dump.display()))
            .succeeds();
        assert!(target.metadata().unwrap().len() > (1 << 30) + (1 << 24));
        let copy = Connection::open(&target).unwrap();
        let read = |db: &Connection| -> (i64, i64, i64) {
            let row = |row: &rusqlite::Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            db.query_row(sums, [], row).unwrap()
        };
        assert_eq!(read(&copy), read(&db));
        let marks = |db: &Connection| -> String {
            let sql = "SELECT group_concat(hex(x)) FROM marks";
            db.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        assert!(marks(&copy) == marks(&db));
        drop(copy);
        fs::remove_file(target).unwrap();
    }
}

#[test]
#[ignore = "takes about ten seconds"]
fn memory_does_not_grow_with_the_database() {
    let env = Env::new();
    for mode in ["WAL", "DELETE"] {
        let peaks: Vec<_> = [100, 600]
            .map(|megabytes| {
                let db = Connection::open(env.path("db.sqlite")).unwrap();
                db.execute_batch(&format!(
                    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
                     CREATE TABLE IF NOT EXISTS t (x);
                     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {megabytes})
                     INSERT INTO t SELECT zeroblob(1000000) FROM n;
                     PRAGMA journal_mode = {mode};"
                ))
                .unwrap();
                drop(db);
                let (run, peak) = end_and_peak_memory(env.start("dump db.sqlite"));
                run.succeeds();
                fs::remove_file(env.path("db.sqlite")).unwrap();
                peak
            })
            .to_vec();
        assert!(
            peaks.iter().all(|peak| (1..40 << 20).contains(peak))
                && peaks[0].abs_diff(peaks[1]) < 6 << 20,
            "{peaks:?}"
        );
    }
}
