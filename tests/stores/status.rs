//! The alarm for a machine that is silent, and for copies that stay behind.

use crate::support::Run;
use crate::test_store::{ALL, StoreKind, TestStore};

#[test]
fn a_silent_machine_is_noticed_from_any_other() {
    for kind in ALL {
        let place = TestStore::new(kind);
        place.on("status @ --max-age 1h").fails(1, "");
        place.dump();
        place.copy("");
        let mut command = place.program("status --max-age 1h --json");
        command
            .arg(&place.url)
            .env_remove("DUMP_DATABASE_HOST")
            .env("DUMP_DATABASE_STATE", "none");
        let run = Run::finish(&mut command).succeeds();
        let rows: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(
            (&rows[0]["host"], &rows[0]["database"]),
            (&"web".into(), &"db".into())
        );
        assert_eq!(rows[0]["kept"], 1);
        std::thread::sleep(std::time::Duration::from_millis(2100));
        let run = place.on("status @ --max-age 1s");
        let run = run.fails(1, "not as they should be: web/db (the newest is");
        assert!(run.stdout.contains("web"), "{run:?}");
        place.on("status @").succeeds();
        place
            .on("status @ --host silent")
            .fails(1, "silent/- (no copies)");
    }
}

#[test]
fn a_directory_says_how_old_its_copies_are() {
    let place = TestStore::new(StoreKind::S3);
    place.dump();
    place.run("status dump").succeeds();
    place
        .run("status dump --max-copy-age 1h")
        .fails(1, "never copied");
    place.copy("");
    let run = place.run("status dump --max-copy-age 1h").succeeds();
    assert!(
        run.stdout.contains(&format!("copied to {}", place.url)),
        "{run:?}"
    );
    let run = place.run("status dump --json").succeeds();
    let rows: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(rows[0]["copies"][0]["destination"], place.url.as_str());
    assert_eq!(rows[0]["copies"][0]["lag"], 0);
    // The store is away: the copies stay behind, and the record says why.
    place.dump();
    let mut command = place.program("copy dump --to");
    command
        .arg(&place.url)
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    Run::finish(&mut command).fails(1, "cannot list");
    std::thread::sleep(std::time::Duration::from_millis(2100));
    place
        .run("status dump --max-copy-age 1s")
        .fails(1, "of the copies in");
    place.copy("");
    place.run("status dump --max-copy-age 1h").succeeds();
}
