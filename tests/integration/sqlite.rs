//! SQLite databases of every kind: dumped, restored, and compared with the original.

mod image;
mod without_dbpage;

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::support::database::{contents, scalar};
use crate::support::{Env, Run};

/// SQL that makes rows in a table with an index, some of them long, and free pages that once held
/// rows.
const FILL: &str = "
    CREATE TABLE entry (id INTEGER PRIMARY KEY, word TEXT, body BLOB);
    CREATE INDEX by_word ON entry (word, body);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO entry SELECT i, 'word ' || (i % 17), randomblob(20 + i * 7 % 1900) FROM n;
    DELETE FROM entry WHERE id BETWEEN 50 AND 200;";

/// Dumps `source` and restores it next to the source. Returns the restored file, and the stderr of
/// the dump.
fn dump_and_restore(env: &Env, source: &Path) -> (PathBuf, String) {
    let dumped = Run::finish(env.program("dump").arg(source)).succeeds();
    let restored = source.with_extension("restored");
    Run::finish(env.program("restore").args(dumped.paths()).arg(&restored)).succeeds();
    (restored, dumped.stderr)
}

/// Returns the image of a database: the file of a checkpointed database, without the content of
/// its free pages and without the change counters (offsets 24, 40 and 92), which SQLite's backup
/// increases.
fn image(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    for counter in [24..28, 40..44, 92..100] {
        bytes[counter].fill(0);
    }
    let number = |bytes: &[u8], at: usize| {
        u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    };
    let size = match u16::from_be_bytes([bytes[16], bytes[17]]) {
        1 => 65_536,
        size => usize::from(size),
    };
    let mut trunk = number(&bytes, 32);
    while trunk > 0 {
        let start = (trunk - 1) * size;
        for leaf in 0..number(&bytes, start + 4) {
            let leaf = number(&bytes, start + 8 + 4 * leaf);
            bytes[(leaf - 1) * size..leaf * size].fill(0);
        }
        // After its list, a trunk page still holds old content, which is kept here.
        trunk = number(&bytes, start);
    }
    bytes
}

#[track_caller]
fn same(source: &Path, restored: &Path) {
    let equal = image(source) == image(restored);
    assert!(equal, "{} came back changed", source.display());
}

#[test]
#[ignore = "needs sqlite3"]
fn every_page_size_in_every_journal_mode() {
    let env = Env::new();
    for size in [512, 1024, 4096, 16_384, 65_536] {
        for mode in ["WAL", "DELETE", "TRUNCATE", "PERSIST", "MEMORY", "OFF"] {
            let source = env.path(format!("{mode}-{size}.sqlite"));
            let db = Connection::open(&source).unwrap();
            db.execute_batch(&format!(
                "PRAGMA page_size = {size}; PRAGMA journal_mode = {mode}; {FILL}
                 PRAGMA wal_checkpoint(TRUNCATE)"
            ))
            .unwrap();
            assert!(scalar(&db, "PRAGMA freelist_count") > 0);
            let (restored, _) = dump_and_restore(&env, &source);
            drop(db);
            same(&source, &restored);
            assert_eq!(contents(&source), contents(&restored));
        }
    }
}

#[test]
#[ignore = "needs sqlite3"]
fn every_feature_of_the_file_format() {
    let features = [
        ("auto_vacuum-full", "PRAGMA auto_vacuum = FULL;"),
        (
            "auto_vacuum-incremental",
            "PRAGMA auto_vacuum = INCREMENTAL;",
        ),
        ("UTF-16le", "PRAGMA encoding = 'UTF-16le';"),
        ("UTF-16be", "PRAGMA encoding = 'UTF-16be';"),
        ("reserved-bytes", "\n.filectrl reserve_bytes 32\nVACUUM;"),
        (
            "user_version",
            "PRAGMA user_version = 7; PRAGMA application_id = 9;",
        ),
        (
            "without-rowid",
            "CREATE TABLE w (a TEXT, b INT, PRIMARY KEY (b, a)) WITHOUT ROWID;
             INSERT INTO w VALUES ('x', 1), ('y', 1);",
        ),
        (
            "generated",
            "CREATE TABLE g (a INT, b INT AS (a * 2) STORED, c TEXT AS (a || '!')) STRICT;",
        ),
        (
            "indexes",
            "CREATE TABLE i (a TEXT COLLATE NOCASE UNIQUE, b);
             CREATE INDEX part ON i (b) WHERE b > 3; CREATE INDEX expr ON i (lower(a));
             INSERT INTO i VALUES ('A', 1), ('b', 5);",
        ),
        (
            "fts5",
            "CREATE VIRTUAL TABLE f USING fts5(t); INSERT INTO f VALUES ('to be'), ('or not');
             CREATE VIRTUAL TABLE p USING fts5(t, tokenize = 'porter');",
        ),
        (
            "rtree",
            "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1); INSERT INTO r VALUES (1, 2, 3);",
        ),
        (
            "triggers-and-views",
            "CREATE TABLE log (x); CREATE VIEW v AS SELECT missing(x) FROM log;
             CREATE TRIGGER tr AFTER DELETE ON log BEGIN SELECT missing(old.x); END;",
        ),
        (
            "names",
            "CREATE TABLE \"a \"\"b'\n%\" (\"\" INT); CREATE TABLE \"123\" (x);",
        ),
        ("empty-table", "CREATE TABLE e (x);"),
    ];
    let env = Env::new();
    for (feature, sql) in features {
        for mode in ["WAL", "DELETE"] {
            let source = env.path(format!("{mode} {feature}.sqlite"));
            let script = env.path("script.sql");
            let text = format!("{sql}\nPRAGMA journal_mode = {mode};\n{FILL}\n");
            fs::write(&script, text).unwrap();
            let mut sqlite = env.command("sqlite3");
            sqlite.arg("-bail").arg(&source);
            let made = Run::finish(sqlite.stdin(fs::File::open(&script).unwrap())).succeeds();
            assert_eq!(made.stderr, "");
            let (restored, _) = dump_and_restore(&env, &source);
            same(&source, &restored);
            assert_eq!(contents(&source), contents(&restored), "{feature}");
        }
    }
}

#[test]
fn what_only_its_own_program_has_is_a_warning() {
    let env = Env::new();
    let cases = [
        ("function", "needs the function twice"),
        ("collation", "needs the collation by_length"),
        ("tokenizer-fts5", "a virtual table cannot be opened"),
        ("tokenizer-fts4", "unknown tokenizer: private"),
        ("module", ""),
    ];
    for mode in ["WAL", "DELETE"] {
        for (case, warning) in cases {
            let source = env.path(format!("{mode}-{case}.sqlite"));
            let db = make_needing(case, &source, mode);
            drop(db);
            let (restored, said) = dump_and_restore(&env, &source);
            assert!(said.contains(warning), "{case}: {said}");
            same(&source, &restored);
        }
    }
}

/// Makes a database that cannot be used completely without the function and the collation of the
/// returned connection.
fn make_needing(case: &str, path: &Path, mode: &str) -> Connection {
    use rusqlite::functions::FunctionFlags;
    let db = Connection::open(path).unwrap();
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function("twice", 1, flags, |call| Ok(2 * call.get::<i64>(0)?))
        .unwrap();
    db.create_collation("by_length", |a, b| (a.len(), a).cmp(&(b.len(), b)))
        .unwrap();
    let schema = |name: &str, sql: &str| {
        format!(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = '{sql}' WHERE name = '{name}'; "
        )
    };
    let sql = match case {
        "function" => "CREATE TABLE t (x INT, y INT AS (twice(x)) STORED CHECK (twice(x) >= x));
             CREATE INDEX i ON t (twice(x)); INSERT INTO t VALUES (3), (1), (2);
             CREATE TABLE u (x UNIQUE); INSERT INTO u VALUES (1), (2)"
            .to_owned(),
        "collation" => "CREATE TABLE t (x TEXT COLLATE by_length PRIMARY KEY) WITHOUT ROWID;
             INSERT INTO t VALUES ('ccc'), ('a'), ('bb')"
            .to_owned(),
        "tokenizer-fts5" => {
            "CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES ('a b');".to_owned()
                + &schema(
                    "f",
                    "CREATE VIRTUAL TABLE f USING fts5(x, tokenize = private)",
                )
        }
        "tokenizer-fts4" => {
            "CREATE VIRTUAL TABLE f USING fts4(x); INSERT INTO f VALUES ('a b');".to_owned()
                + &schema(
                    "f",
                    "CREATE VIRTUAL TABLE f USING fts4(x, tokenize = private)",
                )
        }
        _ => {
            "CREATE VIRTUAL TABLE m USING fts5(x);".to_owned()
                + &schema("m", "CREATE VIRTUAL TABLE m USING spatial(x)")
        }
    };
    db.execute_batch(&format!("PRAGMA journal_mode = {mode}; {FILL} {sql}"))
        .unwrap();
    db
}

/// Makes the schema of the index `by_word` disagree with the content of the index.
fn make_the_index_disagree(path: &Path) {
    let db = Connection::open(path).unwrap();
    db.execute_batch(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE INDEX by_word ON entry (upper(word), body)'
         WHERE name = 'by_word'",
    )
    .unwrap();
}

#[test]
fn a_missing_function_does_not_hide_a_damaged_index() {
    let env = Env::new();
    let source = env.path("db.sqlite");
    drop(make_needing("function", &source, "WAL"));
    make_the_index_disagree(&source);
    env.run("dump db.sqlite").fails(1, "by_word");
    assert!(env.names().is_empty());
}

#[test]
fn violated_constraints_are_a_warning_and_hide_no_damage() {
    let env = Env::new();
    let source = env.path("db.sqlite");
    let db = Connection::open(&source).unwrap();
    db.execute_batch(&format!(
        "{FILL} CREATE TABLE a (x, y INT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
         INSERT INTO a SELECT NULL, -i FROM n;
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE TABLE a (x NOT NULL, y INT CHECK (y > 0))'
         WHERE name = 'a'"
    ))
    .unwrap();
    drop(db);
    let (restored, said) = dump_and_restore(&env, &source);
    assert!(said.contains("NULL value in a.x"), "{said}");
    assert!(said.contains("1495 more such violations"), "{said}");
    same(&source, &restored);

    // The damage is in the table that is checked last.
    make_the_index_disagree(&source);
    env.run("dump db.sqlite --name damaged").fails(1, "by_word");
}
