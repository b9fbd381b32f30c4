//! Everything that runs a program of someone else's: commands and database servers.

mod command;
mod mysql;
mod postgresql;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program to be run as an unprivileged user where these tests run as root, and that ends with
/// the thread that runs it.
fn unprivileged(user: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
    }
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// Gives a directory to `user` where these tests run as root.
fn give_to(user: &str, path: &Path) {
    if rustix::process::geteuid().is_root() {
        let given = Command::new("chown").arg(user).arg(path).status();
        assert!(given.unwrap().success());
    }
}

/// The directory with the highest number in its name.
fn newest_below(path: &str) -> PathBuf {
    let entries = std::fs::read_dir(path).expect("the server is installed");
    let number = |path: &PathBuf| -> u32 {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.parse().unwrap_or(0)
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.max_by_key(number).expect("a version")
}

/// A script of the Chinook sample (github.com/lerocha/chinook-database), from the directory that
/// `CHINOOK` names; none where it names none.
fn chinook(script: &str) -> Option<PathBuf> {
    let directory = std::env::var_os("CHINOOK")?;
    let path = PathBuf::from(directory).join(script);
    assert!(path.is_file(), "{} is missing", path.display());
    Some(path)
}

/// A process that is killed when dropped.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
