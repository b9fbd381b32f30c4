//! `dump --name NAME -- PROGRAM ARGS`.

use std::fs;
use std::io::Read;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Env, Run};

impl Env {
    fn run_script(&self, options: &str, script: &str) -> Run {
        Run::finish(&mut self.script(options, script))
    }

    fn script(&self, options: &str, script: &str) -> std::process::Command {
        let mut command = self.program(&format!("dump {options} --name ldap -- sh -c"));
        command.arg(script);
        command
    }

    /// Asserts that nothing of a failed run stays: no partial dump, and no process that wrote its
    /// number to `pids`.
    #[track_caller]
    fn assert_nothing_left(&self, dumps: &[String]) {
        assert_eq!(self.names(), dumps);
        assert_eq!(self.temporaries(), [""; 0]);
        let pids = fs::read_to_string(self.path("pids")).unwrap_or_default();
        for pid in pids.split_whitespace() {
            let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            assert!(
                status.is_empty() || status.contains(") Z "),
                "still there: {status}"
            );
        }
    }
}

fn gunzip(env: &Env, path: &std::path::Path) -> String {
    Run::finish(env.command("gunzip").arg("-c").arg(path))
        .succeeds()
        .stdout
}

#[test]
fn what_a_program_prints_is_dumped() {
    let env = Env::new();
    let dumped = env
        .run_script("", "seq 1 300000; echo a warning >&2")
        .succeeds();
    let [path] = &dumped.paths()[..] else {
        panic!("{dumped:?}")
    };
    assert!(path.to_string_lossy().ends_with("Z.dump.gz"), "{path:?}");
    let content = gunzip(&env, path);
    assert!(content.lines().eq((1..=300_000).map(|n| n.to_string())));
    assert!(dumped.stderr.contains("sh: a warning"), "{dumped:?}");
    env.run("verify").succeeds();
}

#[test]
fn a_program_without_a_name_for_its_dump_is_a_usage_error() {
    let env = Env::new();
    env.run("dump -- echo hello").fails(2, "--name");
    env.run("dump db.sqlite --name x -- echo hello")
        .fails(2, "");
    env.run("dump").fails(2, "");
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_program_that_fails_leaves_the_dumps_there_were() {
    let env = Env::new();
    env.run_script("", "echo good").succeeds();
    let good = env.names();
    for (script, sentence) in [
        (
            "seq 1 300000; echo no more >&2; exit 1",
            "exit status: 1: no more",
        ),
        ("seq 1 300000; kill -9 $$", "signal: 9"),
        ("exit 0", "printed nothing"),
        (
            "sleep 1000 & echo $! >> pids; echo half; exit 3",
            "exit status: 3",
        ),
    ] {
        env.run_script("--timeout 30s", script).fails(1, sentence);
        env.assert_nothing_left(&good);
    }
    env.run("dump --name other -- ./missing")
        .fails(1, "cannot start ./missing");
    let status = env.run("status --json").stdout;
    assert!(!status.contains("other"), "{status}");
    env.run("dump --name ldap -- ./missing")
        .fails(1, "is of command sh");
    env.assert_nothing_left(&good);
}

#[test]
fn the_exit_status_of_a_program_that_has_closed_its_output_counts() {
    let env = Env::new();
    env.run_script("", "echo all; exec >&- 2>&-; sleep 0.3; exit 7")
        .fails(1, "exit status: 7");
    env.assert_nothing_left(&[]);
}

const IGNORES_SIGTERM: &str = "trap '' TERM; echo $$ >> pids; echo half; \
     (while :; do sleep 1; done) & echo $! >> pids; while :; do sleep 1; done";

#[test]
fn the_deadline_ends_a_program_that_ignores_sigterm() {
    let env = Env::new();
    let started = Instant::now();
    env.run_script("--timeout 1s", IGNORES_SIGTERM)
        .fails(1, "not done within 1s");
    assert!(started.elapsed() < Duration::from_secs(10));
    env.assert_nothing_left(&[]);
}

#[test]
fn a_program_that_leaves_its_output_to_another_is_told_from_a_slow_one() {
    let env = Env::new();
    let run = env.run_script("--timeout 1s", "sleep 1000 & echo $! >> pids; echo half");
    let run = run.fails(
        1,
        "ended, but a process that it started kept its output open",
    );
    assert!(!run.stderr.contains("allows longer"), "{run:?}");
    env.assert_nothing_left(&[]);
}

#[test]
fn sigterm_ends_a_program_that_ignores_it_within_seconds() {
    let env = Env::new();
    let running = start(&env, IGNORES_SIGTERM);
    let started = Instant::now();
    kill_process(Pid::from_child(&running), Signal::TERM).unwrap();
    let ended = Run::end_of(running);
    assert_eq!(ended.signal, Some(15), "{ended:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
    env.assert_nothing_left(&[]);
}

#[test]
fn a_program_dies_with_the_one_that_started_it() {
    let env = Env::new();
    let running = start(&env, "echo $$ >> pids; echo half; exec sleep 1000");
    kill_process(Pid::from_child(&running), Signal::KILL).unwrap();
    assert_eq!(Run::end_of(running).signal, Some(9));
    let pid = fs::read_to_string(env.path("pids")).unwrap();
    let gone = || !fs::exists(format!("/proc/{}", pid.trim())).unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    while !gone() {
        assert!(Instant::now() < until, "the program outlived its parent");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Starts a dump of `script`, and waits until the script has written `pids`.
fn start(env: &Env, script: &str) -> std::process::Child {
    let mut command = env.script("", script);
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let mut running = command.spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while fs::read_to_string(env.path("pids"))
        .unwrap_or_default()
        .is_empty()
    {
        if Instant::now() > until {
            let _ = running.kill();
            let mut said = String::new();
            let _ = running.stderr.take().unwrap().read_to_string(&mut said);
            panic!("the program did not start: {said}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    running
}
