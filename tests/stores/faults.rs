//! Networks, stores, clocks and disks that fail: cut connections, errors, silence, lost answers. After each
//! fault the same must be true: what has a final name and a sidecar is whole, no dump is lost, and the next
//! run completes.

use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::proxied_store::{ProxiedStore, assert_ends_well, remove_all};
use crate::proxy::{Fault, Way, Wire};
use crate::support::Run;
use crate::support::database::{contents, make_large};
use crate::test_store::{StoreKind, TestStore, is_long};

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn a_connection_to_an_object_store_that_is_cut_anywhere_loses_nothing() {
    cut_everywhere(StoreKind::S3);
}

#[test]
#[ignore = "needs an SSH server; tests/stores/run"]
fn a_connection_to_an_ssh_server_that_is_cut_anywhere_loses_nothing() {
    cut_everywhere(StoreKind::Sftp);
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn a_connection_to_a_webdav_server_that_is_cut_anywhere_loses_nothing() {
    cut_everywhere(StoreKind::Webdav);
}

fn cut_everywhere(kind: StoreKind) {
    // The long form cuts at 200 places of each way.
    let places = if is_long() { 200 } else { 4 };
    let place = TestStore::new(kind);
    drop(make_large(&place.env.path("db.sqlite"), "DELETE", 3 << 19));
    place.env.dump("db.sqlite --compress zstd:1");
    let wire = Wire::to(place.port());
    let through = |args: &str| place.through(args, wire.port());
    // How much passes without a cut.
    wire.cut(Way::Up, usize::MAX, false);
    Run::finish(&mut through("copy dump --to @")).succeeds();
    let up = wire.passed();
    wire.cut(Way::Down, usize::MAX, false);
    Run::finish(&mut through(
        "restore @ restored.sqlite --replace --without-saving",
    ))
    .succeeds();
    let down = wire.passed();
    for number in 0..places {
        let what = format!("{kind:?}, cut {number} of {places}");
        if is_long() {
            eprintln!("{what}");
        }
        remove_all(&place);
        wire.cut(Way::Up, up * number / places, number % 2 == 1);
        let run = Run::finish(&mut through("copy dump --timeout 4s --to @"));
        if run.status != Some(0) {
            let run = run.fails(1, "");
            assert_eq!(run.stdout, "", "{what}: a copy that was not made is named");
            assert!(!run.stderr.contains("panicked"), "{what}: {run:?}");
        }
        place.assert_no_connection_is_left();
        assert_ends_well(&place, &what);
        // And on the way back.
        wire.cut(Way::Down, down * number / places, number % 2 == 1);
        let args = "restore @ restored.sqlite --replace --without-saving --timeout 4s";
        let run = Run::finish(&mut through(args));
        if run.status != Some(0) {
            run.fails(1, "");
        }
        place.assert_no_connection_is_left();
        assert_eq!(
            contents(&place.env.path("restored.sqlite")),
            contents(&place.env.path("db.sqlite")),
            "{what}: a restore that failed changed the database"
        );
    }
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn errors_that_pass_are_survived_at_each_request() {
    let store = ProxiedStore::new();
    store.run("copy dump --to @").succeeds();
    let number = store.proxy.requests().len();
    assert!(number >= 4, "{:?}", store.proxy.requests());
    for status in [
        "500 Internal Server Error",
        "503 Slow Down",
        "429 Too Many Requests",
    ] {
        for faulty in 0..number {
            remove_all(&store.place);
            store.proxy.rule(move |request| match request.number {
                number if number == faulty => Fault::Answer(status, String::new()),
                _ => Fault::None,
            });
            let run = store.run("copy dump --to @");
            assert_eq!(run.status, Some(0), "{status} at request {faulty}: {run:?}");
            assert_ends_well(&store.place, &format!("{status} at request {faulty}"));
            if !is_long() && faulty % 2 == 0 {
                break;
            }
        }
    }
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn errors_that_stay_fail_the_run_in_one_sentence_and_nothing_is_stored() {
    let store = ProxiedStore::new();
    for (status, body, why) in [
        ("500 Internal Server Error", "", "500"),
        (
            "503 Slow Down",
            "<Error><Code>SlowDown</Code><Message>less</Message></Error>",
            "SlowDown",
        ),
        (
            "403 Forbidden",
            "<Error><Code>ExpiredToken</Code><Message>old</Message></Error>",
            "ExpiredToken",
        ),
        ("507 Insufficient Storage", "", "507"),
    ] {
        store
            .proxy
            .rule(move |request| match request.method.as_str() {
                "PUT" | "POST" => Fault::Answer(status, body.to_owned()),
                _ => Fault::None,
            });
        let run = store.run("copy dump --to @").fails(1, why);
        assert!(run.stderr.lines().count() == 1, "{run:?}");
        assert_eq!(run.stdout, "");
        assert_eq!(store.place.stored(), [""; 0], "{status}");
    }
    assert_ends_well(&store.place, "after the faults");
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn an_answer_that_is_lost_at_any_request_is_survived() {
    let store = ProxiedStore::new();
    store.run("copy dump --to @").succeeds();
    let number = store.proxy.requests().len();
    for faulty in 0..number {
        for is_taken in [false, true] {
            remove_all(&store.place);
            store
                .proxy
                .rule(move |request| match (request.number == faulty, is_taken) {
                    (false, _) => Fault::None,
                    (true, false) => Fault::Refused,
                    (true, true) => Fault::Lost,
                });
            let what = format!("request {faulty} of {number}, taken: {is_taken}");
            let run = store.run("copy dump --to @");
            assert_eq!(run.status, Some(0), "{what}: {run:?}");
            assert_eq!(run.stdout.lines().count(), 1, "{what}: {run:?}");
            assert_ends_well(&store.place, &what);
        }
    }
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn a_store_that_is_silent_is_not_waited_for_longer_than_asked() {
    let store = ProxiedStore::new();
    // The first requests list; later ones store.
    for silent in [0, 2, 3] {
        store
            .proxy
            .rule(move |request| match request.number >= silent {
                true => Fault::Silence,
                false => Fault::None,
            });
        let started = Instant::now();
        let run = store.run("copy dump --timeout 2s --to @");
        run.fails(1, "not done within 2s");
        assert!(
            started.elapsed() < Duration::from_secs(8),
            "{silent}: {:?}",
            started.elapsed()
        );
        assert_ends_well(&store.place, &format!("silent from request {silent}"));
        remove_all(&store.place);
    }
    store
        .proxy
        .rule(|_| Fault::Slow(Duration::from_millis(400)));
    store.run("copy dump --to @").succeeds();
    assert_ends_well(&store.place, "slow answers");
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn a_run_that_is_killed_at_any_request_leaves_nothing_that_counts() {
    let store = ProxiedStore::new();
    store.run("copy dump --to @").succeeds();
    let number = store.proxy.requests().len();
    for last in 0..number {
        for is_taken in [false, true] {
            remove_all(&store.place);
            let (reached, is_reached) = mpsc::channel();
            store.proxy.rule(move |request| {
                if request.number < last {
                    return Fault::None;
                }
                let _ = reached.send(());
                if request.number == last && is_taken {
                    Fault::Lost
                } else {
                    Fault::Silence
                }
            });
            let mut run = store
                .program("copy dump --to @")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            is_reached.recv_timeout(Duration::from_secs(30)).unwrap();
            if is_taken {
                // Until the store has done it.
                std::thread::sleep(Duration::from_millis(150));
            }
            run.kill().unwrap();
            run.wait().unwrap();
            assert_ends_well(
                &store.place,
                &format!("killed at request {last} of {number}, taken: {is_taken}"),
            );
        }
    }
}

#[test]
#[ignore = "needs SeaweedFS and faketime; tests/stores/run"]
fn a_clock_that_is_minutes_off_harms_nothing_and_one_that_is_wrong_is_named() {
    let place = TestStore::new(StoreKind::S3);
    place.dump();
    Run::finish(&mut place.at_another_time("copy dump --to @", "+5m")).succeeds();
    assert_ends_well(&place, "after the faults");
    // By a clock that is store, the dump is dated ahead: it waits until its time has come.
    remove_all(&place);
    Run::finish(&mut place.at_another_time("copy dump --to @", "-5m")).succeeds();
    assert_eq!(place.stored(), [""; 0]);
    assert_ends_well(&place, "after the faults");
    remove_all(&place);
    Run::finish(&mut place.at_another_time("copy dump --to @", "+40m"))
        .fails(1, "the store says RequestTimeTooSkewed");
    assert_ends_well(&place, "after the faults");
}

#[test]
fn a_disk_that_is_full_gets_no_copy() {
    if !rustix::process::geteuid().is_root() {
        return crate::support::skipped("takes root, who may mount a small disk");
    }
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    let older = place.copy("");
    drop(make_large(&place.env.path("db.sqlite"), "DELETE", 3 << 20));
    place.env.dump("db.sqlite --compress zstd:1");
    let stored = place.env.path("stored");
    let kept = place.env.path("kept");
    std::fs::rename(&stored, &kept).unwrap();
    std::fs::create_dir(&stored).unwrap();
    let mount = |program: &str, args: &[&str]| {
        Run::finish(place.env.command(program).args(args).arg(&stored))
    };
    if mount("mount", &["-t", "tmpfs", "-o", "size=1m", "small"]).status != Some(0) {
        return crate::support::skipped("takes a system that mounts a tmpfs");
    }
    let moved = Run::finish(place.env.command("sh").args(["-c", "cp -r kept/. stored/"]));
    let run = place.on("copy dump --to @");
    let left = place.stored();
    place.on("verify @").succeeds();
    mount("umount", &[]).succeeds();
    moved.succeeds();
    run.fails(1, "No space left on device");
    assert_eq!(left.len(), 2, "{left:?}: only the older copy {older:?}");
}
