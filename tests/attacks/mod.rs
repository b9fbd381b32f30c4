//! What another user of the machine tries against a run of root's. Each test runs the attack as a
//! second user; `docs/security.md` has a row for each.

mod bombs;
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

/// The second user, and the group of the same number.
const OTHER: u32 = 1234;

/// A place that everyone may enter, with `home`, which is the second user's; none, after saying so,
/// where the tests do not run as root.
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

/// Makes a file the second user's.
fn give(path: &Path) {
    chown(path, Some(OTHER), Some(OTHER)).unwrap();
}

/// A program, to be run as the second user in `home`.
fn as_other(env: &Env, program: &str) -> Command {
    let mut command = env.command("setpriv");
    let ids = [format!("--reuid={OTHER}"), format!("--regid={OTHER}")];
    command.args(ids).args(["--clear-groups", "--", program]);
    // Root's own programs may lie where nobody else may look.
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

/// A Python program of the second user's that goes on in `home` until this is dropped.
struct Attack(Child);

impl Attack {
    /// Starts `body`, which is done again and again; what fails is tried again.
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
