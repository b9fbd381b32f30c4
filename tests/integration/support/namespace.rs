//! Shell scripts in a private mount namespace, where they may mount anything.

use std::path::Path;

use super::{Env, PROGRAM, Run};

/// Runs a script as root of a private mount namespace, with the program as `dump-database`.
/// Reports that the test is skipped and returns `None` if the system does not allow that.
pub(crate) fn run(env: &Env, script: &str) -> Option<Run> {
    let unshare = |script: &str| {
        let mut command = env.command("unshare");
        let bin = Path::new(PROGRAM).parent().unwrap().display();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{bin}:{path}"));
        if !rustix::process::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command.args(["--mount", "--propagation", "private", "sh", "-euc", script]);
        command
    };
    let possible = unshare("mount -t tmpfs none .").status();
    if !possible.is_ok_and(|status| status.success()) {
        super::skipped("no mount namespace can be made here");
        return None;
    }
    Some(Run::finish(&mut unshare(script)))
}
