//! Stores and networks that fail: cut connections, errors, silence, lost answers, lies. Each test asks the
//! same of the end: what has a final name and a sidecar is whole, no dump is lost, the next run completes.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::proxy::{Change, Fault, Proxy, Request, Way, Wire};
use crate::support::Run;
use crate::support::database::{contents, make_large};
use crate::test_store::{StoreKind, TestStore, is_long};

const STORES: &str = "a place with a store";

/// An object store behind a proxy.
struct Behind {
    place: TestStore,
    proxy: Proxy,
}

impl Behind {
    fn new() -> Self {
        Behind::of(StoreKind::S3)
    }

    fn of(kind: StoreKind) -> Self {
        let place = TestStore::new(kind);
        let proxy = Proxy::before(place.port());
        place.dump();
        Behind { place, proxy }
    }

    /// The program on the destination, through the proxy.
    fn program(&self, args: &str) -> Command {
        self.place.through(args, self.proxy.port())
    }

    fn run(&self, args: &str) -> Run {
        Run::finish(&mut self.program(args))
    }
}

/// Checks the end: whatever counts is whole, every dump is there, and a run without faults completes.
#[track_caller]
fn ends_well(place: &TestStore, what: &str) {
    let dumps = place.env.names().len();
    if place
        .stored()
        .iter()
        .any(|path| path.ends_with(".copy.json"))
    {
        place.on("verify @").succeeds();
    }
    place.copy("");
    place.on("verify @").succeeds();
    assert_eq!(place.env.names().len(), dumps, "{what}");
    let stored = place.stored();
    assert_eq!(stored.len(), 2 * dumps, "{what}: {stored:?}");
    place
        .on("restore @ restored.sqlite --replace --without-saving")
        .succeeds();
    assert_eq!(
        contents(&place.env.path("restored.sqlite")),
        contents(&place.env.path("db.sqlite")),
        "{what}"
    );
}

/// Removes everything that is stored.
fn empty(place: &TestStore) {
    for path in place.stored() {
        place.remove(&path);
    }
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn a_connection_that_is_cut_anywhere_loses_nothing() {
    // The long form cuts at 200 places of each way.
    let places = if is_long() { 200 } else { 4 };
    for kind in [StoreKind::S3, StoreKind::Sftp, StoreKind::Webdav] {
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
            empty(&place);
            wire.cut(Way::Up, up * number / places, number % 2 == 1);
            let run = Run::finish(&mut through("copy dump --timeout 4s --to @"));
            if run.status != Some(0) {
                let run = run.fails(1, "");
                assert_eq!(run.stdout, "", "{what}: a copy that was not made is named");
                assert!(!run.stderr.contains("panicked"), "{what}: {run:?}");
            }
            place.end_connections();
            ends_well(&place, &what);
            // And on the way back.
            wire.cut(Way::Down, down * number / places, number % 2 == 1);
            let args = "restore @ restored.sqlite --replace --without-saving --timeout 4s";
            let run = Run::finish(&mut through(args));
            if run.status != Some(0) {
                run.fails(1, "");
            }
            place.end_connections();
            assert_eq!(
                contents(&place.env.path("restored.sqlite")),
                contents(&place.env.path("db.sqlite")),
                "{what}: a restore that failed changed the database"
            );
        }
    }
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn errors_that_pass_are_survived_at_each_request() {
    let behind = Behind::new();
    behind.run("copy dump --to @").succeeds();
    let number = behind.proxy.requests().len();
    assert!(number >= 4, "{:?}", behind.proxy.requests());
    for status in [
        "500 Internal Server Error",
        "503 Slow Down",
        "429 Too Many Requests",
    ] {
        for faulty in 0..number {
            empty(&behind.place);
            behind.proxy.rule(move |request| match request.number {
                number if number == faulty => Fault::Answer(status, String::new()),
                _ => Fault::None,
            });
            let run = behind.run("copy dump --to @");
            assert_eq!(run.status, Some(0), "{status} at request {faulty}: {run:?}");
            ends_well(&behind.place, &format!("{status} at request {faulty}"));
            if !is_long() && faulty % 2 == 0 {
                break;
            }
        }
    }
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn errors_that_stay_fail_the_run_in_one_sentence_and_nothing_is_stored() {
    let behind = Behind::new();
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
        behind
            .proxy
            .rule(move |request| match request.method.as_str() {
                "PUT" | "POST" => Fault::Answer(status, body.to_owned()),
                _ => Fault::None,
            });
        let run = behind.run("copy dump --to @").fails(1, why);
        assert!(run.stderr.lines().count() == 1, "{run:?}");
        assert_eq!(run.stdout, "");
        assert_eq!(behind.place.stored(), [""; 0], "{status}");
    }
    ends_well(&behind.place, STORES);
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn an_answer_that_is_lost_at_any_request_is_survived() {
    let behind = Behind::new();
    behind.run("copy dump --to @").succeeds();
    let number = behind.proxy.requests().len();
    for faulty in 0..number {
        for is_taken in [false, true] {
            empty(&behind.place);
            behind
                .proxy
                .rule(move |request| match (request.number == faulty, is_taken) {
                    (false, _) => Fault::None,
                    (true, false) => Fault::Refused,
                    (true, true) => Fault::Lost,
                });
            let what = format!("request {faulty} of {number}, taken: {is_taken}");
            let run = behind.run("copy dump --to @");
            assert_eq!(run.status, Some(0), "{what}: {run:?}");
            assert_eq!(run.stdout.lines().count(), 1, "{what}: {run:?}");
            ends_well(&behind.place, &what);
        }
    }
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn a_store_that_is_silent_is_not_waited_for_longer_than_asked() {
    let behind = Behind::new();
    // The first requests list; later ones store.
    for silent in [0, 2, 3] {
        behind
            .proxy
            .rule(move |request| match request.number >= silent {
                true => Fault::Silence,
                false => Fault::None,
            });
        let started = Instant::now();
        let run = behind.run("copy dump --timeout 2s --to @");
        run.fails(1, "not done within 2s");
        assert!(
            started.elapsed() < Duration::from_secs(8),
            "{silent}: {:?}",
            started.elapsed()
        );
        ends_well(&behind.place, &format!("silent from request {silent}"));
        empty(&behind.place);
    }
    behind
        .proxy
        .rule(|_| Fault::Slow(Duration::from_millis(400)));
    behind.run("copy dump --to @").succeeds();
    ends_well(&behind.place, "slow answers");
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn a_run_that_is_killed_at_any_request_leaves_nothing_that_counts() {
    let behind = Behind::new();
    behind.run("copy dump --to @").succeeds();
    let number = behind.proxy.requests().len();
    for last in 0..number {
        for is_taken in [false, true] {
            empty(&behind.place);
            let (reached, is_reached) = mpsc::channel();
            behind.proxy.rule(move |request| {
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
            let mut run = behind
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
            ends_well(
                &behind.place,
                &format!("killed at request {last} of {number}, taken: {is_taken}"),
            );
        }
    }
}

/// Copies two dumps. Returns the path of the newer copy, the content of the older one, and what the
/// older dump holds.
fn two_copies(behind: &Behind) -> (String, Vec<u8>, String) {
    let place = &behind.place;
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
    let behind = Behind::new();
    let (newer, another, older) = two_copies(&behind);
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
        behind
            .proxy
            .rule(move |request| match reads(request, &path) {
                true => Fault::Changed(Arc::clone(&lie)),
                false => Fault::None,
            });
        let run = behind.run("verify @");
        assert_eq!(run.status, Some(1), "{what}: {run:?}");
        let run = behind.run("restore @ restored.sqlite --replace --without-saving");
        // What the program sees may be a copy that is damaged, or a store that does not hold to HTTP.
        let is_restored = run.status == Some(0);
        if is_restored {
            assert!(run.stderr.contains("was skipped"), "{what}: {run:?}");
            assert_eq!(
                contents(&behind.place.env.path("restored.sqlite")),
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
    for kind in [StoreKind::S3, StoreKind::Webdav] {
        let behind = Behind::of(kind);
        let is_a_copy =
            |request: &Request| request.method == "PUT" && !request.path.contains(".copy.json");
        behind.proxy.rule(move |request| match is_a_copy(request) {
            true => Fault::Sent(|body| {
                let middle = body.len() / 2;
                body[middle] ^= 1;
            }),
            false => Fault::None,
        });
        // SeaweedFS compares the checksum that is sent along; over WebDAV all is read back.
        for args in ["copy dump --read-back --to @", "copy dump --to @"] {
            let run = behind.run(args).fails(1, "cannot copy");
            assert_eq!(run.stdout, "", "{kind:?}: {args}");
            assert_eq!(behind.place.stored(), [""; 0], "{kind:?}: {args}");
        }
        ends_well(&behind.place, STORES);
    }
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn a_store_that_says_another_sum_of_a_part_gets_no_copy() {
    let behind = Behind::new();
    drop(make_large(
        &behind.place.env.path("db.sqlite"),
        "DELETE",
        14 << 20,
    ));
    behind
        .place
        .env
        .dump("db.sqlite --compress zstd:1 --keep 1");
    behind
        .proxy
        .rule(|request| match request.path.contains("partNumber=2") {
            true => Fault::Changed(Arc::new(|mut answer| {
                let tag = answer.head.to_ascii_lowercase().find("\r\netag:").unwrap() + 8;
                answer.head.replace_range(tag..tag + 5, " \"000");
                answer
            })),
            false => Fault::None,
        });
    let run = behind.run("copy dump --to @").fails(1, "");
    assert_eq!(run.stdout, "");
    ends_well(&behind.place, STORES);
}

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn a_store_that_refuses_to_remove_fails_no_run() {
    let behind = Behind::new();
    let refuse = |request: &Request| match request.method.as_str() {
        "DELETE" => Fault::Answer(
            "403 Forbidden",
            "<Error><Code>AccessDenied</Code><Message>object lock</Message></Error>".to_owned(),
        ),
        _ => Fault::None,
    };
    behind.proxy.rule(refuse);
    behind.run("copy dump --keep 1 --to @").succeeds();
    behind.place.dump();
    behind.proxy.rule(refuse);
    let run = behind.run("copy dump --keep 1 --to @").succeeds();
    assert!(
        run.stderr
            .contains("refuses to remove copies, so they stay"),
        "{run:?}"
    );
    assert_eq!(run.stdout.lines().count(), 1);
    assert!(
        behind
            .proxy
            .requests()
            .iter()
            .any(|request| request.method == "DELETE")
    );
    assert_eq!(behind.place.stored().len(), 4);
    // Nothing is asked for where the key may not.
    behind.place.dump();
    behind.proxy.rule(refuse);
    behind
        .run("copy dump --keep 1 --no-rotate --to @")
        .succeeds();
    assert!(
        behind
            .proxy
            .requests()
            .iter()
            .all(|request| request.method != "DELETE")
    );
    behind.place.on("verify @").succeeds();
}

#[test]
#[ignore = "needs SeaweedFS and faketime; tests/stores/run"]
fn a_clock_that_is_minutes_off_harms_nothing_and_one_that_is_wrong_is_named() {
    let place = TestStore::new(StoreKind::S3);
    place.dump();
    Run::finish(&mut place.at_another_time("copy dump --to @", "+5m")).succeeds();
    ends_well(&place, STORES);
    // By a clock that is behind, the dump is dated ahead: it waits until its time has come.
    empty(&place);
    Run::finish(&mut place.at_another_time("copy dump --to @", "-5m")).succeeds();
    assert_eq!(place.stored(), [""; 0]);
    ends_well(&place, STORES);
    empty(&place);
    Run::finish(&mut place.at_another_time("copy dump --to @", "+40m"))
        .fails(1, "the store says RequestTimeTooSkewed");
    ends_well(&place, STORES);
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

#[test]
#[ignore = "needs SeaweedFS; tests/stores/run"]
fn a_webdav_server_gets_the_password_and_what_it_refuses_is_said_without_it() {
    let place = TestStore::new(StoreKind::Webdav);
    place.dump();
    let proxy = Proxy::before(place.port());
    let copy = || {
        let mut command = place.through("copy dump --to @", proxy.port());
        command
            .env("WEBDAV_USERNAME", "joe")
            .env("WEBDAV_PASSWORD", "s3cret");
        Run::finish(&mut command)
    };
    copy().succeeds();
    let requests = proxy.requests();
    for method in ["PROPFIND", "MKCOL", "PUT", "MOVE", "GET"] {
        let made = requests.iter().find(|request| request.method == method);
        let head = made
            .unwrap_or_else(|| panic!("no {method}"))
            .head
            .to_lowercase();
        // joe:s3cret
        assert!(
            head.contains("authorization: basic am9lonmzy3jlda=="),
            "{head}"
        );
    }
    let is_replacing_nothing = |request: &Request| {
        request.method != "MOVE" || request.head.to_lowercase().contains("overwrite: f")
    };
    assert!(requests.iter().all(is_replacing_nothing), "{requests:?}");
    for refused in ["PUT", "MOVE"] {
        empty(&place);
        proxy.rule(move |request| match request.method == refused {
            true => Fault::Answer("401 Unauthorized", "s3cret".to_owned()),
            false => Fault::None,
        });
        let run = copy().fails(
            1,
            &format!("the store answers {refused} with 401 Unauthorized"),
        );
        assert!(
            run.stderr.lines().count() == 1 && !run.stderr.contains("s3cret"),
            "{run:?}"
        );
        assert_eq!(place.stored(), [""; 0], "{refused}");
        ends_well(&place, refused);
    }
    // Another one was first.
    empty(&place);
    proxy.rule(|request| match request.method.as_str() {
        "MOVE" => Fault::Answer("412 Precondition Failed", String::new()),
        _ => Fault::None,
    });
    copy().fails(1, "an incomplete copy has its name and cannot be removed");
    assert_eq!(place.stored(), [""; 0]);
    ends_well(&place, "a name that is taken");
}
