//! The program as `cargo install` builds it: without the `sqlite_dbpage` table, so every database
//! is copied through the backup API.

use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;

use crate::support::database::{contents, make_large};
use crate::support::writer::{Writer, state};
use crate::support::{Env, Run, names};

fn build() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("without-dbpage");
    // The environment variable overrides `.cargo/config.toml`.
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--no-default-features", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("LIBSQLITE3_FLAGS", "")
        .status();
    assert!(built.unwrap().success());
    target.join("debug/dump-database")
}

#[test]
#[ignore = "builds the program again; tests/all runs it"]
fn databases_are_dumped_and_restored_through_a_copy() {
    let program = build();
    let env = Env::new();
    let run =
        |args: &str| Run::finish(env.command(&program).args(args.split_whitespace())).succeeds();
    assert!(run("--version").stdout.contains("without sqlite_dbpage"));

    for mode in ["WAL", "DELETE"] {
        let source = env.path(format!("{mode}.sqlite"));
        let db = make_large(&source, mode, 2_000_000);
        db.execute_batch("DELETE FROM blob WHERE id % 3 = 0")
            .unwrap();
        drop(db);
        let dump = run(&format!("dump {mode}.sqlite")).stdout;
        run(&format!("verify {dump}"));
        run(&format!("restore {} {mode}-copy.sqlite", dump.trim()));
        let copy = env.path(format!("{mode}-copy.sqlite"));
        assert_eq!(contents(&copy), contents(&source));

        let changed = Connection::open(&source).unwrap();
        changed.execute_batch("CREATE TABLE later (x)").unwrap();
        drop(changed);
        run(&format!(
            "restore {} {mode}.sqlite --replace --to saved",
            dump.trim()
        ));
        assert_eq!(contents(&copy), contents(&source));
        let saved = names(&env.path("saved"));
        let saved = saved.iter().find(|name| name.starts_with(mode)).unwrap();
        run(&format!("restore saved/{saved} {mode}-saved.sqlite"));
        assert!(contents(&env.path(format!("{mode}-saved.sqlite"))).contains("later"));

        let written = env.path(format!("{mode}-written.sqlite"));
        let writer = Writer::start(&written, mode, 20_000_000);
        let dump = run(&format!("dump {mode}-written.sqlite --timeout 1m")).stdout;
        assert!(writer.committed() > 0);
        writer.stop();
        run(&format!("restore {} {mode}-state.sqlite", dump.trim()));
        state(&env.path(format!("{mode}-state.sqlite")));
    }
    assert!(env.temporaries().is_empty());
}
