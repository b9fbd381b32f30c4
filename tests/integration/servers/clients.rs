//! The engines' own client programs: running, watched, or replaced by scripts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{assert_no_trace, descendants, wait_for};
use crate::support::{Env, Run};

/// Starts a dump and waits until it has begun to write.
pub(crate) fn dumping(env: &Env, args: &str) -> Child {
    let running = env.start(&format!("dump {args}"));
    wait_for("a dump under way", || {
        let sizes = env.temporaries().into_iter().filter_map(|name| {
            let meta = fs::metadata(env.dumps().join(name)).ok()?;
            Some(meta.len())
        });
        sizes.max().unwrap_or(0) > 100_000
    });
    running
}

/// Pauses a running dump while `act` runs, so that the dump cannot end before. Returns what `act`
/// returns.
pub(crate) fn pause_while<T>(running: &Child, act: impl FnOnce() -> T) -> T {
    let pid = Pid::from_child(running);
    kill_process(pid, Signal::STOP).unwrap();
    let done = act();
    kill_process(pid, Signal::CONT).unwrap();
    done
}

/// Asserts that a dump of the mistyped `missing` fails and that `status`, after a dump of `found`, does not
/// report it.
pub(crate) fn assert_what_is_missing_is_not_recorded(env: &Env, found: &str, missing: &str) {
    env.run(&format!("dump {found}")).succeeds();
    let run = env.run(&format!("dump {missing}"));
    assert_eq!(run.status, Some(1), "{run:?}");
    env.run("status").succeeds();
    let known = env.run("status --json").succeeds().stdout;
    let known: serde_json::Value = serde_json::from_str(&known).unwrap();
    assert_eq!(known.as_array().unwrap().len(), 1, "{known}");
}

/// Asserts that SIGTERM ends a dump with these arguments within seconds, and that no child and no file is left.
pub(crate) fn assert_sigterm_leaves_no_child(env: &Env, args: &str) {
    let running = dumping(env, args);
    let (children, started) = pause_while(&running, || {
        kill_process(Pid::from_child(&running), Signal::TERM).unwrap();
        (descendants(running.id()), Instant::now())
    });
    assert!(!children.is_empty());
    assert_eq!(Run::end_of(running).signal, Some(15));
    assert!(started.elapsed() < Duration::from_secs(8));
    for child in children {
        assert!(
            !fs::exists(format!("/proc/{child}")).unwrap(),
            "{child} is still there"
        );
    }
    assert_no_trace(env, &[]);
}

/// Asserts that a dump fails with `sentence` when the server stops meanwhile, that the next one
/// fails to connect to `shown`, and that only the `good` dumps are left.
pub(crate) fn assert_a_stopped_server_leaves_no_trace(
    env: &Env,
    (url, shown): (&str, &str),
    stop: impl FnOnce(),
    sentence: &str,
    good: &[String],
) {
    let running = dumping(env, url);
    pause_while(&running, stop);
    Run::end_of(running).fails(1, sentence);
    assert_no_trace(env, good);
    env.run(&format!("dump {url}"))
        .fails(1, &format!("cannot connect to {shown}"));
    assert_no_trace(env, good);
}

/// Waits for a dump that succeeds. Asserts that no process it started has `secret` in its
/// arguments, that one of these processes is `client`, and that no output and no header contains
/// `secret`.
pub(crate) fn ends_without_showing(secret: &str, client: &str, running: Child) -> Run {
    let mut seen = 0;
    let cmdline = |pid: u32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let own = cmdline(running.id());
    loop {
        let children = descendants(running.id());
        if children.is_empty() {
            break;
        }
        for child in children {
            let line = cmdline(child);
            if line == own {
                continue; // forked, but not yet executed: its arguments are the parent's
            }
            let line = String::from_utf8_lossy(&line);
            seen += usize::from(line.contains(client));
            assert!(!line.contains(secret), "{line}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(seen > 0, "no child was seen");
    let run = Run::end_of(running).succeeds();
    assert!(!run.stderr.contains(secret), "{run:?}");
    assert!(!run.stdout.contains(secret), "{run:?}");
    let content = fs::read(&run.paths()[0]).unwrap();
    assert!(!String::from_utf8_lossy(&content[..8192]).contains(secret));
    run
}

/// Returns a script for [`with_fake`]: the session of `client` that answers queries gets what `sed`
/// makes of its input.
pub(crate) fn edit_questions(client: &str, sed: &str) -> String {
    format!(
        r#"case "$*" in
*--unbuffered*) exec bash -c 'exec {client} "$@" < <(exec sed -u "{sed}")' {client} "$@";;
*) exec {client} "$@";;
esac"#
    )
}

/// Puts this shell script in the place of a client. Returns the `PATH` that finds the script
/// first.
pub(crate) fn with_fake(env: &Env, client: &str, script: &str) -> String {
    let bin = env.path("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join(client), format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(bin.join(client), fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}
