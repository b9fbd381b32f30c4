//! Attacks of another user of the machine on a run of root. Each test runs an attack as a second
//! user; `docs/security.md` has a row for each.

mod bombs;
mod coverage;
mod directory;
mod group;
mod journal;
mod links;
mod memory;
mod pipes;
mod schema;
mod second_name;

use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{Env, set_mode, skipped};

/// The number of the second user, and of that user's group.
const OTHER: u32 = 1234;

/// Makes a directory that everyone may enter, with `home`, which belongs to the second user.
/// Reports that the test is skipped and returns `None` if the tests do not run as root.
fn scene() -> Option<Env> {
    if !rustix::process::geteuid().is_root() {
        skipped("only root can be attacked by another user");
        return None;
    }
    let env = Env::new();
    set_mode(env.root(), 0o755);
    std::fs::create_dir(env.path("home")).unwrap();
    give(&env.path("home"));
    Some(env)
}

/// Gives a file to the second user.
fn give(path: &Path) {
    chown(path, Some(OTHER), Some(OTHER)).unwrap();
}

/// Returns a command that runs a program as the second user in `home`.
fn as_other(env: &Env, program: &str) -> Command {
    let mut command = env.command("setpriv");
    let ids = [format!("--reuid={OTHER}"), format!("--regid={OTHER}")];
    command.args(ids).args(["--clear-groups", "--", program]);
    // Root's own programs may be in directories that no other user may search.
    command.env("PATH", "/usr/bin:/bin:/run/current-system/sw/bin");
    command.current_dir(env.path("home"));
    command
}

/// Runs a shell script as the second user in `home`.
#[track_caller]
fn script(env: &Env, text: &str) {
    let status = as_other(env, "sh").args(["-euc", text]).status().unwrap();
    assert!(status.success(), "{text}");
}

/// A Python program of the second user that runs in `home` until this value is dropped.
struct Attack(Child);

impl Attack {
    /// Starts a program that runs `body` again and again, and ignores errors of the system.
    fn start(env: &Env, body: &str) -> Self {
        let attempt = |line: &str| format!("    try: {}\n    except OSError: pass\n", line.trim());
        let attempts: String = body.lines().map(attempt).collect();
        let text = format!("import os\nprint('begun', flush=True)\nwhile True:\n{attempts}");
        let mut command = as_other(env, "python3");
        command.args(["-c", &text]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3 is installed");
        let output = std::io::BufReader::new(child.stdout.as_mut().unwrap());
        let begun = std::io::BufRead::lines(output).next();
        assert_eq!(begun.unwrap().unwrap(), "begun");
        Attack(child)
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        self.0.kill().expect("it was started here");
        self.0.wait().expect("it was started here");
    }
}
