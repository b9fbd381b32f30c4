//! The alarm for a machine that is silent, and for copies that stay behind.

use std::time::Duration;

use crate::support::Run;
use crate::test_store::{StoreKind, TestStore, all};

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn a_silent_machine_is_noticed_from_any_other() {
    for kind in all() {
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
        std::thread::sleep(Duration::from_millis(2100));
        let run = place.on("status @ --max-age 1s");
        let run = run.reports(1, "the newest is");
        run.fails(1, "problems in 1 of 1 database: web/db");
        place.on("status @").succeeds();
        place.on("status @ --host silent").reports(1, "no copies");
    }
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn a_directory_says_how_old_its_copies_are() {
    let place = TestStore::new(StoreKind::S3);
    place.dump();
    place.run("status dump").succeeds();
    place
        .run("status dump --max-copy-age 1h")
        .reports(1, "never copied");
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
    std::thread::sleep(Duration::from_millis(2100));
    place
        .run("status dump --max-copy-age 1s")
        .reports(1, "of the copies in");
    place.copy("");
    place.run("status dump --max-copy-age 1h").succeeds();
}

#[test]
fn a_destination_that_is_named_is_judged_and_no_other() {
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    place.run("copy dump --to unused").succeeds();
    std::thread::sleep(Duration::from_secs(8));
    place.dump();
    place.copy("");
    place
        .run("status dump --max-copy-age 7s")
        .reports(1, "unused the newest is");
    place
        .on("status dump --max-copy-age 7s --copied-to @")
        .succeeds();
    place
        .on("status dump --max-copy-age 1h --copied-to @ --copied-to never")
        .reports(1, "never copied to");
    place
        .run("status dump --copied-to ftp://host")
        .fails(2, "ftp:// is not a known kind of destination");
    let run = place.on("status dump --copied-to @").succeeds();
    assert!(!run.stdout.contains("unused"), "{run:?}");
}

#[test]
fn a_database_is_late_only_when_a_run_passed_it_by() {
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    place.copy("");
    std::thread::sleep(Duration::from_millis(2100));
    let other = rusqlite::Connection::open(place.env.path("other.sqlite")).unwrap();
    other.execute("CREATE TABLE t (x)", ()).unwrap();
    place.env.dump("other.sqlite");
    place.run("status dump --max-copy-age 1h").succeeds();
    std::thread::sleep(Duration::from_millis(2100));
    place.run("dump --to elsewhere db.sqlite").succeeds();
    place.run("copy elsewhere --to stored").succeeds();
    place
        .run("status dump --max-copy-age 1h")
        .reports(1, "never copied to");
}

#[test]
fn a_directory_without_dumps_does_not_keep_the_others_from_being_copied() {
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    std::fs::create_dir(place.env.path("empty")).unwrap();
    let run = place.run("copy empty dump --to stored").succeeds();
    assert!(
        run.stderr.contains("there are no dumps to copy in"),
        "{run:?}"
    );
    assert_eq!(run.stdout.lines().count(), 1);
    place
        .run("copy empty --to stored")
        .fails(1, "there are no dumps to copy in");
}
