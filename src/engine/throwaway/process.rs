//! The process of a throwaway server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::Signal;

use super::ThrowawayResources;
use crate::child::Child;
use crate::stop::Stop;

/// The time between two checks whether a starting server is ready.
const NAP: Duration = Duration::from_millis(50);

/// The number of logs so far: each start of a server has a separate log.
static LOGS: AtomicUsize = AtomicUsize::new(0);

/// A running server. Dropping the value ends the server.
pub(crate) struct ServerProcess {
    child: Child,
    log: PathBuf,
}

impl ServerProcess {
    /// Starts a server. The signal `end` ends it at once, even while clients are connected.
    pub(crate) fn start(
        command: &mut Command,
        name: &str,
        end: Signal,
        workshop: &ThrowawayResources<'_>,
        stop: Stop,
    ) -> Result<Self> {
        let log = workshop
            .work
            .join(format!("log-{}", LOGS.fetch_add(1, Ordering::Relaxed)));
        let child = Child::serve(command, name, &log, end, stop)?;
        Ok(ServerProcess { child, log })
    }

    /// Waits until `ask` succeeds. `is_final` says of an error that the server runs and that its
    /// answer will not change.
    pub(crate) fn wait_until(
        &mut self,
        ask: impl Fn() -> Result<()>,
        is_final: impl Fn(&anyhow::Error) -> bool,
        stop: Stop,
    ) -> Result<()> {
        while let Err(error) = ask() {
            stop.check()?;
            if is_final(&error) {
                return Err(error.context("the throwaway server cannot be used"));
            }
            if !self.child.is_running() {
                bail!(
                    "the throwaway server did not start: {}",
                    self.read_last_lines()
                );
            }
            std::thread::sleep(NAP);
        }
        Ok(())
    }

    fn read_last_lines(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("; ")
    }
}

/// Returns the directories of `PATH`.
pub(crate) fn list_path_directories() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<_> = std::env::split_paths(&path).collect();
    places.into_iter()
}

/// Returns the path of a program in `PATH`, or in the directories where distributions put programs
/// that only servers run.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let servers = ["/usr/sbin", "/usr/libexec"].map(PathBuf::from);
    let mut paths = list_path_directories()
        .chain(servers)
        .map(|place: PathBuf| place.join(name));
    paths.find(|path: &PathBuf| Path::is_file(path))
}
