//! Runs that are stopped by a signal, at any step.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::strace::{self, Traced};
use crate::support::{Env, Run, database, inventory, wait_until};

const SIGNALS: [(&str, i32); 3] = [("SIGTERM", 15), ("SIGINT", 2), ("SIGHUP", 1)];

/// Returns the steps of a dump, in order: the copy, if there is one; the dump under its temporary
/// name; then its publication and the steps after it.
fn steps(mode: &str) -> Vec<(Traced, &'static str)> {
    let copy = [
        (Traced::Temporary(0), "openat:when=1"),
        (Traced::Temporary(0), "pwrite64:when=99"),
        (Traced::Temporary(0), "pread64:when=9"),
    ];
    let number = u32::from(mode != "WAL");
    let dump = [
        (Traced::Temporary(number), "openat:when=1"),
        (Traced::Temporary(number), "write:when=3"),
        (Traced::Temporary(number), "pwrite64:when=1"),
        (Traced::Temporary(number), "fsync:when=1"),
        (Traced::Directory, "renameat2:when=1"),
        (Traced::Directory, "fsync:when=1"),
        (Traced::Directory, "unlinkat:when=1"),
    ];
    let copy = if mode == "WAL" { &[][..] } else { &copy };
    [copy, &dump].concat()
}

/// Makes a database with two dumps; each dump takes several writes.
fn dumped(mode: &str) -> Env {
    let env = Env::new();
    drop(database::make_large(
        &env.path("db.sqlite"),
        mode,
        3_000_000,
    ));
    env.dump("db.sqlite");
    env.dump("db.sqlite");
    env
}

/// Runs a dump that gets `signal` at a step.
fn signalled(env: &Env, signal: &str, (of, step): (Traced, &str)) -> Run {
    let (call, when) = step.split_once(':').unwrap();
    let inject = format!("{call}:signal={signal}:{when}");
    let args = "dump db.sqlite --keep 2";
    Run::finish(&mut strace::command(env, of, &[&inject], args))
}

#[test]
#[ignore = "needs strace"]
fn a_run_told_to_stop_cleans_up_and_dies_by_that_signal() {
    for mode in ["WAL", "DELETE"] {
        let env = dumped(mode);
        for step in steps(mode) {
            for (name, number) in SIGNALS {
                if name != "SIGTERM" && step.1 != "write:when=3" {
                    continue;
                }
                let before = env.names();
                let run = signalled(&env, name, step);
                let what = format!("{mode} {name} at {step:?}: {run:#?}");
                assert_eq!(run.signal, Some(number), "{what}");
                let said = run.stderr.matches(&format!("stopped by {name}")).count();
                assert_eq!(said, 1, "{what}");
                assert_eq!(env.temporaries(), [""; 0], "{what}");
                // A dump that is complete except for its publication is published, stays, and is
                // reported.
                let published = matches!(step.0, Traced::Directory) || step.1.starts_with("fsync");
                assert_eq!(run.paths().len(), usize::from(published), "{what}");
                assert_eq!(env.names() == before, !published, "{what}");
                assert_eq!(env.names().len(), 2, "{what}");
            }
        }
        assert_eq!(
            env.run("verify").succeeds().stdout.matches("good").count(),
            2
        );
    }
}

#[test]
#[ignore = "needs strace"]
fn a_run_killed_leaves_what_the_next_run_removes() {
    for mode in ["WAL", "DELETE"] {
        let env = dumped(mode);
        let mut left = 0;
        for step in steps(mode) {
            let before = env.names();
            let run = signalled(&env, "SIGKILL", step);
            let what = format!("{mode} at {step:?}: {run:#?}");
            assert_eq!(run.signal, Some(9), "{what}");
            let temporaries = env.temporaries();
            left += temporaries.len();
            assert!(
                before.iter().all(|name| env.names().contains(name)),
                "{what}"
            );
            env.run("verify").succeeds();

            let next = env.run("dump db.sqlite --keep 2").succeeds();
            for temporary in &temporaries {
                assert!(
                    next.stderr.contains(&format!("removed {temporary}")),
                    "{next:?}"
                );
            }
            assert_eq!(env.temporaries(), [""; 0], "{what}");
            assert_eq!(env.names().len(), 2);
        }
        assert!(left >= 3, "{left}");
        assert_eq!(
            env.run("verify").succeeds().stdout.matches("good").count(),
            2
        );
    }
}

#[test]
#[ignore = "needs sqlite3"]
fn a_run_that_waits_for_a_lock_can_be_stopped() {
    let env = dumped("DELETE");
    let before = inventory(env.root());
    let lock = database::Lock::exclusive(&env.path("db.sqlite"));
    let run = env.start("dump db.sqlite");
    wait_until(|| {
        fs::read_to_string(env.dumps().join(".dump-database.lock"))
            .is_ok_and(|text| text.starts_with(&format!("process {} on ", run.id())))
    });
    let killed = Command::new("kill").arg(run.id().to_string()).status();
    assert!(killed.unwrap().success());
    let since = Instant::now();
    let run = Run::end_of(run);
    assert_eq!(run.signal, Some(15), "{run:?}");
    assert_eq!(run.stdout, "");
    assert!(since.elapsed() < Duration::from_secs(5));
    drop(lock);
    assert_eq!(inventory(env.root()), before);
}

#[test]
fn a_signal_does_not_hide_why_another_database_failed() {
    let env = dumped("DELETE");
    let lock = database::Lock::exclusive(&env.path("db.sqlite"));
    let mut run = env.start("dump missing.sqlite db.sqlite");
    let mut stderr = BufReader::new(run.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("missing was not dumped; the last lines say why") {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let killed = Command::new("kill").arg(run.id().to_string()).status();
    assert!(killed.unwrap().success());
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(run.wait().unwrap().signal(), Some(15), "{said}");
    for once in ["missing.sqlite does not exist", "stopped by SIGTERM"] {
        assert_eq!(said.matches(once).count(), 1, "{said}");
    }
    drop(lock);
}

#[test]
#[ignore = "needs strace"]
fn a_signal_ends_the_work_at_once() {
    let env = Env::new();
    drop(database::make_large(
        &env.path("db.sqlite"),
        "WAL",
        8_000_000,
    ));
    let writes = |fault: &[&str]| {
        let args = "dump db.sqlite --threads 1";
        let (run, calls) = strace::run(&env, "write", fault, args);
        let own = |call: &&strace::Call| call.is("write", ".tmp>");
        (run.signal, calls.iter().filter(own).count())
    };
    let (signal, all) = writes(&[]);
    assert!(signal.is_none() && all > 15, "{all}");
    // The first writes go to the lock file.
    let (signal, some) = writes(&["write:signal=SIGTERM:when=5"]);
    assert!(signal == Some(15) && some < all / 2, "{some} of {all}");
}

/// The ways to stop a run.
#[derive(Debug, Clone, Copy)]
enum Stopper {
    Signal(&'static str, i32),
    Timeout,
}

/// A slow compressor does not keep a run from stopping within a second. Its jobs alone take far longer,
/// so a run that waits for them is never that fast. A busy machine can delay a run that does not wait,
/// so the fastest of five runs counts.
#[test]
#[ignore = "takes long"]
fn a_slow_compressor_does_not_keep_a_run_from_stopping() {
    for stopper in [
        Stopper::Signal("INT", 2),
        Stopper::Signal("TERM", 15),
        Stopper::Timeout,
    ] {
        let mut times = Vec::new();
        while times
            .last()
            .is_none_or(|time| *time >= Duration::from_secs(1))
        {
            assert!(times.len() < 5, "{stopper:?}: {times:?}");
            times.push(stop_slow_compressor(stopper));
        }
    }
}

/// Stops a run whose compressor has minutes of work. Returns the time that it took to end.
fn stop_slow_compressor(stopper: Stopper) -> Duration {
    let limit = Duration::from_secs(4);
    let timeout = match stopper {
        Stopper::Signal(..) => String::new(),
        Stopper::Timeout => format!("--timeout {}s", limit.as_secs()),
    };
    let env = Env::new();
    let begun = Instant::now();
    let run = env.start(&format!(
        "dump --name noise --compress zstd:19 --threads 2 {timeout} -- head -c 200M /dev/urandom"
    ));
    // At that point both threads of the compressor have a job of tens of megabytes.
    let read = format!("/proc/{}/io", run.id());
    wait_until(|| {
        let counters = fs::read_to_string(&read).unwrap_or_default();
        let bytes = counters
            .lines()
            .find_map(|line| line.strip_prefix("rchar: "));
        bytes.is_some_and(|bytes| bytes.parse::<u64>().unwrap() > 70_000_000)
    });
    let since = match stopper {
        Stopper::Signal(name, _) => {
            let mut kill = Command::new("kill");
            kill.arg(format!("-{name}")).arg(run.id().to_string());
            assert!(kill.status().unwrap().success());
            Instant::now()
        }
        Stopper::Timeout => begun + limit,
    };
    let run = Run::end_of(run);
    let time = since.elapsed();
    match stopper {
        Stopper::Signal(_, number) => assert_eq!(run.signal, Some(number), "{run:?}"),
        Stopper::Timeout => drop(run.fails(1, "not done within 4s")),
    }
    assert_eq!(env.temporaries(), [""; 0]);
    time
}

#[test]
#[ignore = "needs strace"]
fn a_database_that_takes_too_long_is_given_up() {
    let env = dumped("WAL");
    let before = inventory(&env.dumps());
    let slow = ["write:delay_enter=400ms:when=2"];
    let run = Run::finish(&mut strace::command(
        &env,
        Traced::Temporary(0),
        &slow,
        "dump db.sqlite --timeout 300ms",
    ));
    run.fails(
        1,
        "db was not dumped: not done within 0.30s; --timeout allows longer",
    );
    assert_eq!(inventory(&env.dumps()), before);
}
