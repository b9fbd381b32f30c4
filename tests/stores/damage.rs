//! Copies that were damaged where they are stored.

use crate::support::Run;
use crate::support::database::contents;
use crate::test_store::{StoreKind, TestStore, all};

/// Copies two dumps. Returns the paths of the copies, the older first, and what the older holds.
fn two_copies(place: &TestStore, args: &str) -> ([String; 2], String) {
    place.dump();
    let older = contents(&place.env.path("db.sqlite"));
    let first = place.copy(args);
    place.dump();
    let second = place.copy(args);
    ([place.path_of(&first[0]), place.path_of(&second[0])], older)
}

fn is_bad(place: &TestStore, args: &str, path: &str) -> Run {
    let run = place.on(args).fails(1, "");
    let bad: Vec<_> = run
        .stdout
        .lines()
        .filter(|line| line.contains(": bad: "))
        .collect();
    assert!(bad.len() == 1 && bad[0].contains(path), "{run:?}");
    run
}

fn older_is_restored(place: &TestStore, args: &str, older: &str) {
    let run = place.on(args).succeeds();
    assert!(run.stderr.contains("was skipped"), "{run:?}");
    assert_eq!(contents(&place.env.path("new.sqlite")), older);
    for file in ["new.sqlite", "new.sqlite-wal", "new.sqlite-shm"] {
        let _ = std::fs::remove_file(place.env.path(file));
    }
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn a_flipped_byte_a_cut_and_an_exchange_are_noticed_and_passed_over() {
    for kind in all() {
        for encrypted in [false, true] {
            let place = TestStore::new(kind);
            let keys = crate::encryption::Keys::new(&place.env);
            let (args, identity) = if encrypted {
                (format!("--recipient {}", keys.public), " --identity key")
            } else {
                (String::new(), "")
            };
            let ([first, second], older) = two_copies(&place, &args);
            let whole = place.read(&second);
            let mut flipped = whole.clone();
            flipped[whole.len() / 2] ^= 1;
            let exchanged = place.read(&first);
            for damaged in [
                flipped,
                whole[..whole.len() - 1].to_vec(),
                Vec::new(),
                exchanged,
            ] {
                place.write(&second, &damaged);
                is_bad(&place, "verify @", &second);
                is_bad(&place, &format!("verify @{identity}"), &second);
                older_is_restored(&place, &format!("restore @ new.sqlite{identity}"), &older);
                let url = format!("{}/{second}", place.url);
                let mut named = place.program("restore");
                let run = Run::finish(
                    named
                        .arg(url)
                        .args(format!("new.sqlite{identity}").split_whitespace()),
                );
                run.fails(1, "cannot be restored");
                assert!(!place.env.path("new.sqlite").exists());
            }
            // Also its sidecar exchanged for the older one's: its name is in it.
            place.write(&second, &place.read(&first));
            place.write(
                &format!("{second}.copy.json"),
                &place.read(&format!("{first}.copy.json")),
            );
            is_bad(&place, &format!("verify @{identity}"), &second);
            older_is_restored(&place, &format!("restore @ new.sqlite{identity}"), &older);
        }
    }
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn a_cut_copy_is_copied_again() {
    for kind in all() {
        let place = TestStore::new(kind);
        let (copies, _) = two_copies(&place, "");
        let whole = place.read(&copies[1]);
        place.write(&copies[1], &whole[..100]);
        assert_eq!(place.copy("").len(), 1);
        assert!(place.read(&copies[1]) == whole);
        place.on("verify @").succeeds();
    }
}

#[test]
fn a_damaged_dump_is_not_copied() {
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    place.copy("");
    let dump = place.dump();
    let mut content = std::fs::read(&dump).unwrap();
    let middle = usize::midpoint(4096, content.len());
    content[middle] ^= 1;
    std::fs::write(&dump, content).unwrap();
    let stored = place.stored();
    place.on("copy dump --to @").fails(1, "the dump is damaged");
    assert_eq!(place.stored(), stored);
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn a_lost_sidecar_is_made_again_by_verify() {
    for kind in all() {
        let place = TestStore::new(kind);
        let ([_, second], _) = two_copies(&place, "");
        let sidecar = format!("{second}.copy.json");
        place.remove(&sidecar);
        let listed = place.on("list @").succeeds();
        assert!(listed.stdout.contains("unfinished"), "{listed:?}");
        place.on("verify @").succeeds();
        assert!(place.stored().contains(&sidecar));
    }
}

#[test]
fn a_newest_dump_that_cannot_be_read_fails_and_older_ones_are_copied() {
    let place = TestStore::new(StoreKind::Directory);
    let older = place.dump();
    let newest = place.dump();
    let whole = std::fs::read(&newest).unwrap();
    std::fs::write(&newest, &whole[..whole.len() / 2]).unwrap();
    let run = place.on("copy dump --to @").fails(1, "is not copied");
    let name = older.file_name().unwrap().to_str().unwrap();
    assert!(run.stdout.trim_end().ends_with(name), "{run:?}");
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");

    std::fs::remove_file(&older).unwrap();
    place.on("copy dump --to @").fails(1, "is not copied");

    std::fs::write(&newest, whole).unwrap();
    place.on("copy dump --to @").succeeds();
}
