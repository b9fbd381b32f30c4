//! What stays in a destination.

use std::path::Path;

use crate::test_store::{StoreKind, TestStore, all};

fn ends_in(path: &str, extension: &str) -> bool {
    Path::new(path).extension() == Some(extension.as_ref())
}

fn copies(place: &TestStore) -> usize {
    let stored = place.stored();
    let copies = stored.iter().filter(|path| !ends_in(path, "json")).count();
    assert_eq!(stored.len(), 2 * copies, "{stored:?}");
    copies
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn the_policy_of_a_destination_is_its_own() {
    for kind in all() {
        let place = TestStore::new(kind);
        for _ in 0..4 {
            place.dump();
        }
        // Only what would stay there is copied.
        assert_eq!(place.copy("--keep 2").len(), 2);
        assert_eq!(copies(&place), 2);
        assert_eq!(place.copy("--keep 3").len(), 1);
        place.dump();
        assert_eq!(place.copy("--keep 3 --no-rotate").len(), 1);
        assert_eq!(copies(&place), 4);
        place.copy("--keep 3");
        assert_eq!(copies(&place), 3);
        assert_eq!(place.env.names().len(), 5, "no dump is touched");
        place.on("rotate @").fails(2, "give it with --keep");
        let run = place.on("rotate @ --keep 1 --dry-run").succeeds();
        assert_eq!(run.stdout.matches("would go").count(), 2);
        assert_eq!(copies(&place), 3);
        place.on("rotate @ --keep 1").succeeds();
        assert_eq!(copies(&place), 1);
        place.on("verify @").succeeds();
    }
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn only_copies_of_the_same_identity_are_counted_and_removed() {
    for kind in all() {
        let place = TestStore::new(kind);
        for _ in 0..2 {
            place.dump();
        }
        place.copy("--keep 9");
        // The directory has dumps of another database of this name now; none is of the same second.
        std::fs::copy(place.env.path("db.sqlite"), place.env.path("other.sqlite")).unwrap();
        std::fs::rename(place.env.dumps(), place.env.path("before")).unwrap();
        let second = || jiff::Timestamp::now().as_second();
        let last = second();
        crate::servers::wait_for("the next second", || second() > last);
        place.env.dump("other.sqlite --name db");
        assert_eq!(place.copy("--keep 1").len(), 1);
        assert_eq!(copies(&place), 3, "{kind:?}");
        place.on("rotate @ --keep 1").succeeds();
        assert_eq!(copies(&place), 2, "{kind:?}");
        // Another machine's key: nothing is known to be the machine's own.
        assert_eq!(place.copy("--keep 1 --state new"), [""; 0]);
        assert_eq!(copies(&place), 2);
    }
}

#[test]
fn a_store_that_refuses_to_remove_is_no_failure() {
    if !rustix::process::geteuid().is_root() {
        return crate::support::skipped("takes root, who may set the append-only attribute");
    }
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    place.copy("--keep 1");
    let folder = place.env.path("stored/web/db");
    let chattr = |flag: &str| {
        let status = std::process::Command::new("chattr")
            .arg(flag)
            .arg(&folder)
            .status();
        status.is_ok_and(|status| status.success())
    };
    if !chattr("+a") {
        return crate::support::skipped("the filesystem has no append-only attribute");
    }
    place.dump();
    let run = place.on("copy dump --to @ --keep 1");
    let stored = place.stored();
    assert!(chattr("-a"));
    // Renaming is refused there as well, so the copy fails, and nothing is lost.
    run.fails(1, "cannot copy");
    assert_eq!(stored.iter().filter(|path| ends_in(path, "gz")).count(), 1);
}

#[test]
fn what_a_restore_replaced_is_copied_only_where_asked_for() {
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    place.run("restore dump db.sqlite --replace").succeeds();
    assert_eq!(place.env.names().len(), 2);
    assert_eq!(place.copy("").len(), 1);
    assert_eq!(place.copy("--include-replaced").len(), 1);
    assert!(
        place
            .stored()
            .iter()
            .any(|path| path.ends_with(".replaced.json"))
    );
    let listed = place.on("list @").succeeds();
    assert!(
        listed.stdout.contains("restore takes it only by name"),
        "{listed:?}"
    );
    let newest = place.on("restore @ new.sqlite").succeeds();
    assert!(newest.stderr.contains("restored "), "{newest:?}");
    place.on("verify @").succeeds();
}
