//! Runs and stores that are killed at every point of an upload.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;

use crate::object_server::{self, ObjectServer, Vendor};
use crate::proxy::Proxy;
use crate::seaweed::{ID, READER, READER_SECRET, SECRET, Seaweed};
use crate::support::database::{contents, make_large};
use crate::support::{Env, Run, names};
use crate::test_store::{StoreKind, TestStore, all, is_long};

/// With a dump of about 20 MB, which goes in three parts.
fn with_a_large_dump(kind: StoreKind) -> TestStore {
    let place = TestStore::new(kind);
    drop(make_large(
        &place.env.path("large.sqlite"),
        "DELETE",
        20 << 20,
    ));
    place.env.dump("large.sqlite --compress zstd:1");
    place
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn a_run_that_is_killed_leaves_nothing_that_counts_and_the_next_completes() {
    for kind in all() {
        let place = with_a_large_dump(kind);
        let before = contents(&place.env.path("large.sqlite"));
        let mut unfinished = 0;
        for milliseconds in [150, 400, 700, 1000, 1300] {
            let mut command = place.program("copy dump --limit-rate 20MB --to");
            command
                .arg(&place.url)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut run = command.spawn().unwrap();
            std::thread::sleep(Duration::from_millis(milliseconds));
            run.kill().unwrap();
            let status = run.wait().unwrap();
            place.assert_no_connection_is_left();
            if status.success() {
                break;
            }
            unfinished += 1;
            // Whatever has a sidecar is whole.
            let stored = place.stored();
            if stored.iter().any(|path| path.ends_with(".copy.json")) {
                place.on("verify @").succeeds();
                break;
            }
            place.on("restore @ new.sqlite").fails(1, "s no ");
        }
        assert!(unfinished > 0, "{kind:?}");
        place.copy("");
        place.on("verify @").succeeds();
        let left = place.stored();
        assert_eq!(left.len(), 2, "{kind:?}: {left:?}");
        place.on("restore @ new.sqlite").succeeds();
        assert_eq!(contents(&place.env.path("new.sqlite")), before);
    }
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn a_copy_without_a_sidecar_is_made_again() {
    for kind in all() {
        let place = TestStore::new(kind);
        let keys = crate::encryption::Keys::new(&place.env);
        place.dump();
        let args = format!("--recipient {}", keys.public);
        let path = place.path_of(&place.copy(&args)[0]);
        place.remove(&format!("{path}.copy.json"));
        let unfinished = place.read(&path);
        assert_eq!(place.copy(&args).len(), 1);
        assert!(place.read(&path) != unfinished);
        place.on("verify @ --identity key").succeeds();
    }
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn a_signal_ends_a_run_within_a_second() {
    use rustix::process::{Pid, Signal, kill_process};
    for kind in all() {
        let place = with_a_large_dump(kind);
        let mut command = place.program("copy dump --limit-rate 4MB --to");
        command
            .arg(&place.url)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let run = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(1500));
        let sent = Instant::now();
        kill_process(Pid::from_child(&run), Signal::TERM).unwrap();
        let run = Run::end_of(run);
        assert!(
            sent.elapsed() < Duration::from_secs(1),
            "{kind:?}: {:?}",
            sent.elapsed()
        );
        assert_eq!(run.signal, Some(15), "{kind:?}: {run:?}");
        assert!(run.stderr.contains("stopped by SIGTERM"), "{run:?}");
        // A WebDAV server may store what it got of a broken request, after it was removed.
        let mut left = place.stored();
        left.retain(|path| kind != StoreKind::Webdav || !path.contains("/.dump-database-copy-"));
        assert_eq!(left, [""; 0], "{kind:?}");
        if kind == StoreKind::Webdav {
            place.copy("");
            assert_eq!(place.stored().len(), 2, "{:?}", place.stored());
        }
    }
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn a_deadline_ends_a_copy() {
    let place = with_a_large_dump(StoreKind::S3);
    let started = Instant::now();
    let run = place.on("copy dump --limit-rate 1MB --timeout 2s --to @");
    run.fails(1, "not done within 2s");
    assert!(started.elapsed() < Duration::from_secs(6));
    assert_eq!(place.stored(), [""; 0]);
}

/// Returns true if an upload has begun through this proxy.
fn is_uploading(proxy: &Proxy) -> bool {
    let requests = proxy.requests();
    requests
        .iter()
        .any(|request| ["PUT", "POST"].contains(&request.method.as_str()))
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn what_gets_the_name_during_an_upload_is_not_replaced() {
    for kind in all() {
        let place = with_a_large_dump(kind);
        let path = place.path_of(&place.copy("")[0]);
        place.remove(&format!("{path}.copy.json"));
        place.remove(&path);
        let is_server = !matches!(kind, StoreKind::Directory | StoreKind::Sftp);
        let proxy = is_server.then(|| Proxy::start(place.port()));
        let args = "copy dump --limit-rate 10MB --to @";
        let mut command = match &proxy {
            Some(proxy) => place.through(args, proxy.port()),
            None => place.command_on(args),
        };
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let running = command.spawn().unwrap();
        // What has the name before the run lists the destination is an unfinished copy.
        crate::servers::wait_for("an upload", || {
            if let Some(proxy) = &proxy {
                return is_uploading(proxy);
            }
            let mut stored = place.stored().into_iter();
            stored.any(|path| path.contains("/.dump-database-copy-"))
        });
        place.write(&path, b"another");
        let run = Run::end_of(running);
        assert_eq!(run.stdout, "", "{kind:?}: {run:?}");
        assert_eq!(place.read(&path), b"another", "{kind:?}: {run:?}");
        assert_eq!(place.stored(), [path], "{kind:?}: {run:?}");
    }
}

/// Returns true if a run with this state has a destination to itself.
fn is_locked(state: &Path) -> bool {
    let mut locks = names(state);
    locks.retain(|name| {
        name.strip_suffix(".lock")
            .is_some_and(|name| name != "records")
    });
    locks.iter().any(|lock| {
        let file = std::fs::File::open(state.join(lock)).unwrap();
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).is_err()
    })
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn two_runs_at_once_harm_nothing() {
    for kind in all() {
        let place = with_a_large_dump(kind);
        place.dump();
        let start = |state: &str| {
            let mut command = place.program("copy dump --to");
            command.arg(&place.url).args(["--state", state]);
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        // Another machine of the same name, or another user of this one.
        let runs = [start("one"), start("two")].map(Run::end_of);
        let made: usize = runs.iter().map(|run| run.stdout.lines().count()).sum();
        assert!(made >= 2, "{kind:?}: {runs:?}");
        place.on("verify @").succeeds();
        // The same one: the second says so.
        let first = {
            place.dump();
            let mut command = place.program("copy dump --limit-rate 1kB --to");
            command
                .arg(&place.url)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        };
        crate::servers::wait_for("the run's lock", || is_locked(&place.env.path("state")));
        place
            .on("copy dump --to @")
            .fails(75, "another run copies to");
        let mut first = first;
        first.kill().unwrap();
        first.wait().unwrap();
        place.assert_no_connection_is_left();
    }
}

/// Two machines of one name copy to one place, and have dumps of the same second.
#[test]
fn a_name_that_another_machine_takes_meanwhile_is_no_copy_of_this_dump() {
    let place = with_a_large_dump(StoreKind::Directory);
    let mut command = place.command_on("copy dump --limit-rate 10MB --state one --to @");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = command.spawn().unwrap();
    crate::servers::wait_for("an upload", || {
        let mut stored = place.stored().into_iter();
        stored.any(|path| path.contains("/.dump-database-copy-"))
    });
    let other = place.on("copy dump --state two --to @").succeeds();
    assert_eq!(other.stdout.lines().count(), 1, "{other:?}");
    let run = Run::end_of(running).fails(1, "is taken by a copy of another database");
    assert_eq!(run.stdout, "", "{run:?}");
    assert_eq!(place.stored().len(), 2, "{:?}", place.stored());
    place.on("verify @").succeeds();
}

/// The program on the server at `endpoint`.
fn on(endpoint: String, env: &Env, user: (&str, &str), args: &str) -> std::process::Command {
    let mut command = env.program(args);
    command
        .env("AWS_ACCESS_KEY_ID", user.0)
        .env("AWS_SECRET_ACCESS_KEY", user.1)
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("DUMP_DATABASE_STATE", env.path("state"))
        .env("TMPDIR", env.root());
    command
}

/// A server of a test's own.
trait OwnServer {
    /// The program on this server, whose bucket or folder stands for `@`.
    fn on(&self, env: &Env, args: &str) -> std::process::Command;
    fn port(&self) -> u16;
    fn kill(&mut self);
    fn resume(&mut self);
}

impl OwnServer for (Seaweed, String) {
    fn on(&self, env: &Env, args: &str) -> std::process::Command {
        let args = args.replace('@', &format!("s3://{}", self.1));
        on(self.0.endpoint(), env, (ID, SECRET), &args)
    }

    fn port(&self) -> u16 {
        self.0.s3()
    }

    fn kill(&mut self) {
        self.0.kill();
    }

    fn resume(&mut self) {
        self.0.resume();
    }
}

impl OwnServer for (ObjectServer, String) {
    fn on(&self, env: &Env, args: &str) -> std::process::Command {
        let args = args.replace('@', &format!("s3://{}", self.1));
        let user = (object_server::GARAGE_ID, object_server::GARAGE_SECRET);
        let mut command = on(self.0.endpoint(), env, user, &args);
        command.env("AWS_REGION", object_server::GARAGE_REGION);
        command
    }

    fn port(&self) -> u16 {
        self.0.port
    }

    fn kill(&mut self) {
        self.0.kill();
    }

    fn resume(&mut self) {
        self.0.resume();
    }
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn a_store_that_is_killed_meanwhile_loses_nothing_and_the_next_run_completes() {
    let seaweed = Seaweed::start();
    let bucket = seaweed.bucket();
    loses_nothing_when_it_is_killed(&mut (seaweed, bucket));
    if is_long() {
        let garage = ObjectServer::start(Vendor::Garage);
        let bucket = garage.bucket();
        loses_nothing_when_it_is_killed(&mut (garage, bucket));
    }
}

fn loses_nothing_when_it_is_killed(server: &mut impl OwnServer) {
    let env = Env::new();
    drop(make_large(&env.path("large.sqlite"), "DELETE", 20 << 20));
    env.dump("large.sqlite --compress zstd:1");
    let args = "copy dump --limit-rate 10MB --timeout 15s --to @";
    let proxy = Proxy::start(server.port());
    let run = server
        .on(&env, args)
        .env(
            "AWS_ENDPOINT_URL",
            format!("http://127.0.0.1:{}", proxy.port()),
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    crate::servers::wait_for("an upload", || is_uploading(&proxy));
    server.kill();
    let run = Run::end_of(run).fails(1, "cannot copy");
    assert_eq!(run.stdout, "");
    assert_eq!(env.names().len(), 1);
    server.resume();
    Run::finish(&mut server.on(&env, args)).succeeds();
    Run::finish(&mut server.on(&env, "restore @ new.sqlite")).succeeds();
    assert_eq!(
        contents(&env.path("new.sqlite")),
        contents(&env.path("large.sqlite"))
    );
}

#[test]
#[ignore = "needs SeaweedFS and an SSH server; tests/stores/run"]
fn what_a_store_refuses_is_said_in_one_sentence_without_secrets() {
    let server = Seaweed::shared();
    let env = Env::with_database();
    env.dump("db.sqlite");
    let bucket = server.bucket();
    let to = |bucket: &str| format!("copy dump --to s3://{bucket}/p");
    let cases = [
        ((ID, "wr0ng"), bucket.as_str(), "SignatureDoesNotMatch"),
        (("nobody", "wr0ng"), &bucket, "InvalidAccessKeyId"),
        ((READER, READER_SECRET), &bucket, "AccessDenied"),
        ((ID, SECRET), "b-missing", "NoSuchBucket"),
    ];
    for (user, bucket, why) in cases {
        let run = Run::finish(&mut on(server.endpoint(), &env, user, &to(bucket))).fails(1, why);
        assert!(
            run.stderr.lines().count() == 1 && run.stderr.len() < 600,
            "{run:?}"
        );
        for secret in [user.1, "Signature=", "Credential="] {
            assert!(!run.stderr.contains(secret), "{run:?}");
        }
        assert_eq!(run.stdout, "");
    }
    // Nothing listens there.
    let mut command = on(server.endpoint(), &env, (ID, SECRET), &to(&bucket));
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let run = Run::finish(&mut command).fails(1, "error sending request");
    assert!(run.stderr.lines().count() == 1, "{run:?}");
    // Settings from a file count before those of the environment.
    let config = format!("AWS_ACCESS_KEY_ID={ID}\nAWS_SECRET_ACCESS_KEY={SECRET}\n");
    std::fs::write(env.path("config"), config).unwrap();
    let args = format!("{} --store-config config", to(&bucket));
    Run::finish(&mut on(server.endpoint(), &env, ("nobody", "wr0ng"), &args)).succeeds();
}
