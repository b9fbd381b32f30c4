//! Running other people's servers on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program to be run as an unprivileged user where these tests run as root, and that ends with
/// the thread that runs it.
pub(crate) fn unprivileged(user: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
    }
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// Gives a directory to `user` where these tests run as root.
pub(crate) fn give_to(user: &str, path: &Path) {
    if rustix::process::geteuid().is_root() {
        let given = Command::new("chown").arg(user).arg(path).status();
        assert!(given.unwrap().success());
    }
}

/// The directory with the highest number in its name.
pub(crate) fn newest_below(path: &str) -> PathBuf {
    let entries = std::fs::read_dir(path).expect("the server is installed");
    let number = |path: &PathBuf| -> u32 {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.parse().unwrap_or(0)
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.max_by_key(number).expect("a version")
}
