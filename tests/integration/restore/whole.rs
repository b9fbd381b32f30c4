//! What a restore of a whole server refuses before it asks the server.

use std::fs;
use std::path::Path;

use crate::support::{Env, inventory, planted};

const EARLIER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/earlier");
const NO_SERVER: &str = "postgresql://user@/?host=/no/such/directory";

/// Copies an earlier dump to the dump directory, under its own NAME and under `name`.
fn copy_twice(env: &Env, kind: &str, file: &str, name: &str) {
    let _ = fs::create_dir(env.dumps());
    let from = Path::new(EARLIER).join(kind).join(file);
    let (_, rest) = file.rsplit_once('-').unwrap();
    for name in [file, &format!("{name}-{rest}")] {
        fs::copy(&from, env.dumps().join(name)).unwrap();
    }
}

#[test]
fn two_names_of_one_database_are_a_usage_error() {
    for (kind, file, sentence) in [
        (
            "postgresql",
            "library-20261126T142941Z.sql.gz",
            "copy and library in dump are both dumps of the database library;",
        ),
        (
            "postgresql-globals",
            "@globals-20261126T142951Z.sql.gz",
            "@globals and copy in dump are both dumps of server-wide objects;",
        ),
    ] {
        let env = Env::new();
        copy_twice(&env, kind, file, "copy");
        let before = inventory(&env.dumps());
        let run = env.run(&format!("restore dump {NO_SERVER}"));
        let run = run.fails(2, sentence);
        assert!(run.stderr.contains("--name"), "{run:?}");
        assert_eq!(inventory(&env.dumps()), before);
    }
}

#[test]
fn dumps_of_several_servers_are_a_warning() {
    let env = Env::new();
    copy_twice(
        &env,
        "postgresql",
        "library-20261126T142941Z.sql.gz",
        "other",
    );
    let other = env.dumps().join("other-20261126T142941Z.sql.gz");
    planted::changed(&other, |header| {
        header.identity.database = Some("other".to_owned());
        header.identity.location = "db.example:5432".to_owned();
    });
    let run = env.run(&format!("restore dump {NO_SERVER}"));
    let run = run.fails(1, "the dumps in dump are of several servers: ");
    assert!(run.stderr.contains("db.example:5432"), "{run:?}");
}
