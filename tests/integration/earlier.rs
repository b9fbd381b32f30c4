//! Real dumps that earlier versions made, in `earlier/`: this version lists, verifies, restores
//! and drills them.
//!
//! Each dump holds the four rows of a table `book`, or four keys `book:N`; `@globals` holds the role
//! `reader`. They are
//! never made again: a change of the format adds new dumps next to them.

use std::fs::{self, File};
use std::path::Path;

use crate::servers::{mysql, postgresql, redis};
use crate::support::{Env, database, names};

const EARLIER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/earlier");
/// The titles and shelves of the books, in order.
const BOOKS: &str = "Emma 3,Persuasion 3,Middlemarch 7,Żółw — 亀 9";

/// Copies the earlier dumps of this kind to `dump`, and lists, verifies and drills them there.
fn copied(kind: &str) -> Env {
    let env = Env::new();
    fs::create_dir(env.dumps()).unwrap();
    let from = Path::new(EARLIER).join(kind);
    let files = names(&from);
    assert!(!files.is_empty(), "{kind}");
    for file in &files {
        fs::copy(from.join(file), env.dumps().join(file)).unwrap();
    }
    let list = env.run("list --json").succeeds();
    let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), files.len(), "{list:?}");
    for row in list {
        assert_eq!(row["kept_by"], serde_json::json!(["last"]), "{row:?}");
    }
    let verified = env.run("verify").succeeds();
    assert_eq!(verified.stdout.matches(": good").count(), files.len());
    let drill = env.run("drill").succeeds();
    assert!(!drill.stdout.contains("FAILED"), "{drill:?}");
    // `status` can say how old they are without a record.
    env.run("status --max-age 3650000d").succeeds();
    env.run("status --max-age 1s").reports(1, "old");
    env
}

#[test]
#[ignore = "needs sqlite3"]
fn sqlite() {
    for kind in ["sqlite", "sqlite-zstd", "sqlite-zstd-end"] {
        let env = copied(kind);
        env.run("restore dump library.sqlite").succeeds();
        let books = database::contents(&env.path("library.sqlite"));
        for book in [
            "'Emma',3",
            "'Persuasion',3",
            "'Middlemarch',7",
            "'Żółw — 亀',9",
        ] {
            assert!(books.contains(book), "{kind}: {books}");
        }
    }
}

/// The headers of earlier dumps do not hold the length of the dump.
#[test]
fn a_dump_that_was_cut_off_is_noticed_without_reading_it() {
    let env = copied("sqlite");
    let dump = env.dumps().join(&env.names()[0]);
    let file = File::options().write(true).open(dump).unwrap();
    file.set_len(file.metadata().unwrap().len() - 10).unwrap();
    env.run("status").reports(1, "cannot be used");
}

#[test]
fn a_command() {
    copied("command");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn postgresql() {
    let server = postgresql::Server::start();
    let globals = copied("postgresql-globals");
    globals
        .run(&format!("restore dump {}", server.url("")))
        .succeeds();
    for (number, kind) in ["postgresql", "postgresql-zstd", "postgresql-custom"]
        .iter()
        .enumerate()
    {
        let env = copied(kind);
        let name = format!("library{number}");
        env.run(&format!("restore dump {}", server.url(&name)))
            .succeeds();
        let books = "SELECT string_agg(title || ' ' || shelf, ',' ORDER BY id) FROM book";
        assert_eq!(server.psql(&name, books), BOOKS, "{kind}");
        assert_eq!(server.psql(&name, "SELECT count(*) FROM shelves"), "3");
        let granted = "SELECT has_table_privilege('reader', 'book', 'SELECT')";
        assert_eq!(server.psql(&name, granted), "t");
    }
}

#[test]
#[ignore = "needs MariaDB"]
fn mysql() {
    let server = mysql::Server::start();
    for (number, kind) in ["mysql", "mysql-zstd"].iter().enumerate() {
        let env = copied(kind);
        let name = format!("library{number}");
        env.run(&format!("restore dump {}", server.url(&name)))
            .succeeds();
        let books = "SELECT GROUP_CONCAT(title, ' ', shelf ORDER BY id) FROM book";
        assert_eq!(server.sql(&name, books), BOOKS, "{kind}");
        assert_eq!(server.sql(&name, "SELECT count(*) FROM shelves"), "3");
    }
    let globals = copied("mysql-globals");
    globals
        .run(&format!("restore dump {}", server.url("")))
        .succeeds();
    let users = "SELECT count(*) FROM mysql.global_priv WHERE User = 'reader'";
    assert_eq!(server.sql("", users), "1");
}

#[test]
#[ignore = "needs Redis"]
fn redis() {
    let server = redis::Server::start();
    let env = copied("redis");
    env.run(&format!("restore dump {}", server.url()))
        .succeeds();
    let books = (1..=4).map(|number| {
        let book = server.run(&format!("HMGET book:{number} title shelf"));
        book.replace('\n', " ")
    });
    assert_eq!(books.collect::<Vec<_>>().join(","), BOOKS);
    assert_eq!(server.run("LRANGE shelves 0 -1"), "3\n7\n9");
    assert_eq!(server.run("PEXPIRETIME book:4"), "4102444800123");
    assert_eq!(server.run("FCALL titles 0"), "4");
}
