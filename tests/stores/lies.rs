//! Stores that give or keep something else than they were given.

use std::sync::Arc;

use crate::proxied_store::{ProxiedStore, assert_ends_well};
use crate::proxy::{Change, Fault, Request};
use crate::support::database::{contents, make_large};
use crate::test_store::{StoreKind, is_long};

/// Copies two dumps. Returns the path of the newer copy, the content of the older one, and what the
/// older dump holds.
fn two_copies(store: &ProxiedStore) -> (String, Vec<u8>, String) {
    let place = &store.place;
    let older = contents(&place.env.path("db.sqlite"));
    let first = place.path_of(&place.copy("")[0]);
    place.dump();
    let newer = place.path_of(&place.copy("")[0]);
    let stored = place.read(&first);
    (newer, stored, older)
}

fn reads(request: &Request, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap();
    let asked = request.path.split('?').next().unwrap();
    request.method == "GET" && asked.ends_with(name)
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn a_store_that_gives_something_else_is_noticed_and_the_older_copy_is_restored() {
    let store = ProxiedStore::new();
    let (newer, another, older) = two_copies(&store);
    let lies: [(&str, Change); 4] = [
        (
            "another copy's content",
            Arc::new(move |answer| answer.with_body(another.clone())),
        ),
        (
            "a cut",
            Arc::new(|answer| {
                let half = answer.body[..answer.body.len() / 2].to_vec();
                answer.with_body(half)
            }),
        ),
        (
            "a flipped byte",
            Arc::new(|mut answer| {
                let middle = answer.body.len() / 2;
                answer.body[middle] ^= 1;
                answer
            }),
        ),
        ("nothing", Arc::new(|answer| answer.with_body(Vec::new()))),
    ];
    for (what, lie) in lies {
        let path = newer.clone();
        store
            .proxy
            .rule(move |request| match reads(request, &path) {
                true => Fault::Changed(Arc::clone(&lie)),
                false => Fault::None,
            });
        let run = store.run("verify @");
        assert_eq!(run.status, Some(1), "{what}: {run:?}");
        let run = store.run("restore @ restored.sqlite --replace --without-saving");
        // What the program sees may be a copy that is damaged, or a store that does not hold to HTTP.
        let is_restored = run.status == Some(0);
        if is_restored {
            assert!(run.stderr.contains("was skipped"), "{what}: {run:?}");
            assert_eq!(
                contents(&store.place.env.path("restored.sqlite")),
                older,
                "{what}"
            );
        } else {
            let run = run.fails(1, "");
            assert!(run.stderr.contains("cannot be restored"), "{what}: {run:?}");
        }
        eprintln!("{what}: older one restored: {is_restored}");
    }
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn a_store_that_keeps_something_else_is_noticed() {
    let mut kinds = vec![StoreKind::S3, StoreKind::Webdav];
    if is_long() {
        kinds.push(StoreKind::Garage);
    }
    for kind in kinds {
        let store = ProxiedStore::of(kind);
        let is_a_copy =
            |request: &Request| request.method == "PUT" && !request.path.contains(".copy.json");
        store.proxy.rule(move |request| match is_a_copy(request) {
            true => Fault::Sent(|body| {
                let middle = body.len() / 2;
                body[middle] ^= 1;
            }),
            false => Fault::None,
        });
        // SeaweedFS and Garage compare the checksum that is sent along; over WebDAV all is read back.
        for args in ["copy dump --read-back --to @", "copy dump --to @"] {
            let run = store.run(args).fails(1, "cannot copy");
            assert_eq!(run.stdout, "", "{kind:?}: {args}");
            assert_eq!(store.place.stored(), [""; 0], "{kind:?}: {args}");
        }
        assert_ends_well(&store.place, "after the faults");
    }
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn a_store_that_says_another_sum_of_a_part_gets_no_copy() {
    let store = ProxiedStore::new();
    drop(make_large(
        &store.place.env.path("db.sqlite"),
        "DELETE",
        14 << 20,
    ));
    store.place.env.dump("db.sqlite --compress zstd:1 --keep 1");
    store
        .proxy
        .rule(|request| match request.path.contains("partNumber=2") {
            true => Fault::Changed(Arc::new(|mut answer| {
                let tag = answer.head.to_ascii_lowercase().find("\r\netag:").unwrap() + 8;
                answer.head.replace_range(tag..tag + 5, " \"000");
                answer
            })),
            false => Fault::None,
        });
    let run = store.run("copy dump --to @").fails(1, "");
    assert_eq!(run.stdout, "");
    assert_ends_well(&store.place, "after the faults");
}
