//! A server process and its start.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::Signal;

use super::inside::Workshop;
use crate::child::Child;
use crate::stop::Stop;

/// How often a server that starts is asked whether it is ready.
const NAP: Duration = Duration::from_millis(50);

/// Each start of a server has its own log.
static LOGS: AtomicUsize = AtomicUsize::new(0);

/// Ends when it is dropped.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// `end` is what makes it end at once, whoever is connected.
    pub(super) fn start(
        command: &mut Command,
        name: &str,
        end: Signal,
        workshop: &Workshop<'_>,
        stop: Stop,
    ) -> Result<Self> {
        let log = workshop
            .work
            .join(format!("log-{}", LOGS.fetch_add(1, Ordering::Relaxed)));
        let child = Child::serve(command, name, &log, end, stop)?;
        Ok(Process { child, log })
    }

    /// Waits until `ask` succeeds.
    pub(super) fn wait_until(&mut self, ask: impl Fn() -> Result<()>, stop: Stop) -> Result<()> {
        while let Err(error) = ask() {
            stop.check()?;
            if is_final(&error) {
                return Err(error.context("the throwaway server cannot be used"));
            }
            if !self.child.is_running() {
                bail!("the throwaway server did not start: {}", self.last_lines());
            }
            std::thread::sleep(NAP);
        }
        Ok(())
    }

    fn last_lines(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("; ")
    }
}

/// Does the server run, and will its answer not change?
fn is_final(error: &anyhow::Error) -> bool {
    let said = format!("{error:#}");
    ["ERROR 1045", "authentication failed"]
        .iter()
        .any(|denied| said.contains(denied))
}

/// The directories of PATH.
pub(super) fn in_path() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<_> = std::env::split_paths(&path).collect();
    places.into_iter()
}

/// A program in PATH, or where distributions put what only servers run.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let servers = ["/usr/sbin", "/usr/libexec"].map(PathBuf::from);
    let mut paths = in_path()
        .chain(servers)
        .map(|place: PathBuf| place.join(name));
    paths.find(|path: &PathBuf| Path::is_file(path))
}
