//! Reads what a child writes to its stdout.

use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{Child, TICK, is_passing};
use crate::niceness::let_server_finish;
use crate::stop::{Stop, Stopped};

/// The times to wait for more output when only a little can be read: the first wait, the longest one
/// and their greatest number.
const FIRST_WAIT: Duration = Duration::from_micros(250);
const LONGEST_WAIT: Duration = Duration::from_millis(1);
const WAITS: u32 = 8;

impl Child {
    /// Waits up to `time`. Returns true if the program wrote output or ended, false if `time`
    /// passed before.
    ///
    /// # Errors
    /// [`Stopped`] when work must end.
    pub fn wait_for_output_within(&mut self, time: Duration) -> io::Result<bool> {
        let until = Instant::now() + time;
        loop {
            self.stop.check().map_err(io::Error::other)?;
            if self.listen(TICK)? || self.stdout.is_none() || self.process.has_exited() {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
        }
    }

    /// Returns true if the program wrote output or ended. Does not wait.
    ///
    /// # Errors
    /// [`Stopped`] when work must end.
    pub fn has_output(&mut self) -> io::Result<bool> {
        self.stop.check().map_err(io::Error::other)?;
        Ok(self.listen(Duration::ZERO)? || self.stdout.is_none() || self.process.has_exited())
    }

    /// Waits for the first byte of output. Returns true if there is one, false if the program ended
    /// without output.
    ///
    /// # Errors
    /// [`Stopped`] when work must end.
    ///
    /// [`Stopped`]: crate::stop::Stopped
    pub fn wait_for_output(&mut self) -> io::Result<bool> {
        loop {
            self.stop.check().map_err(io::Error::other)?;
            let has_ended = self.process.has_exited();
            self.listen(TICK)?;
            let waiting = self.stdout.as_ref().map(rustix::io::ioctl_fionread);
            match waiting.transpose()? {
                None | Some(0) if has_ended => return Ok(false),
                None | Some(0) => std::thread::sleep(FIRST_WAIT),
                Some(_) => return Ok(true),
            }
        }
    }

    /// Lets reads wait a moment for more output if little can be read, as those from a program that
    /// [`Child::read_from`] started do.
    pub fn gather_output(&mut self) {
        self.gathers = true;
        let_server_finish(self.process.pid());
    }

    /// Waits while less than `enough` can be read and it becomes more. Clients write a few kilobytes
    /// at a time; without this wait, each of these writes would wake both processes.
    fn gather(&self) {
        if !self.gathers {
            return;
        }
        let waiting = || {
            let stdout = self.stdout.as_ref()?;
            rustix::io::ioctl_fionread(stdout).ok()
        };
        let (mut before, mut wait) = (0, FIRST_WAIT);
        for _ in 0..WAITS {
            match waiting() {
                Some(now) if now > before && now < self.enough => before = now,
                _ => return,
            }
            std::thread::sleep(wait);
            wait = LONGEST_WAIT.min(wait * 2);
        }
    }

    /// Returns the error of a read that was stopped. If the program itself has ended at the
    /// deadline, the error says so, because a longer deadline would not have helped.
    fn explain_stop(&self, stopped: Stopped) -> io::Error {
        match stopped {
            Stopped::Deadline(limit) | Stopped::FixedDeadline(limit)
                if self.stdout.is_some() && self.process.has_exited() =>
            {
                let name = self.name.clone();
                io::Error::other(OutputHeldOpen { name, limit })
            }
            stopped => io::Error::other(stopped),
        }
    }
}

impl Read for Child {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Err(stopped) = self.stop.check() {
                return Err(self.explain_stop(stopped));
            }
            if self.stdout.is_none() {
                return Ok(0);
            }
            if !self.listen(TICK)? {
                // A process that the program left running may hold the output open. If the program
                // failed, that output is of no use.
                if self.process.has_failed() {
                    self.stdout = None;
                }
                continue;
            }
            self.gather();
            match self.stdout.as_mut().map(|stdout| stdout.read(buffer)) {
                Some(Ok(0)) => self.stdout = None,
                Some(Err(error)) if is_passing(&error) => {}
                Some(Err(error)) => {
                    let said = format!("cannot read from {}: {error}", self.name);
                    return Err(io::Error::new(error.kind(), said));
                }
                Some(read) => return read,
                None => {}
            }
        }
    }
}

/// Runs a program and returns all that it writes to stdout. The lines of its stderr are part of the
/// error if it fails, and are not logged as warnings.
///
/// # Errors
/// The same errors as of [`Child::finish`]; also when the program writes more than 1 GiB.
pub fn read_output(command: &mut Command, name: &str, stop: Stop) -> Result<Vec<u8>> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = Child::spawn(command, name, Stdio::piped(), stop)?;
    child.stderr.log_at_debug();
    let mut printed = Vec::new();
    let read = (&mut child).take(1 << 30).read_to_end(&mut printed);
    stop.check()?;
    read.with_context(|| format!("cannot read from {name}"))?;
    child.finish()?;
    Ok(printed)
}

/// Returns true if `error` says that a process which a program left behind held the program's
/// output open.
#[must_use]
pub fn is_held_open(error: &anyhow::Error) -> bool {
    let inner = |cause: &(dyn Error + 'static)| {
        let inner = cause.downcast_ref::<io::Error>()?.get_ref()?;
        Some(inner.is::<OutputHeldOpen>())
    };
    error
        .chain()
        .any(|cause| cause.is::<OutputHeldOpen>() || inner(cause) == Some(true))
}

/// The error of a program that ended while its output stayed open until the time limit.
#[derive(Debug)]
struct OutputHeldOpen {
    name: String,
    limit: Duration,
}

impl fmt::Display for OutputHeldOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, limit } = self;
        write!(
            f,
            "{name} ended, but a process that it started kept its output open for the {} allowed; \
             let {name} wait for what it starts",
            crate::human::format_duration(*limit)
        )
    }
}

impl Error for OutputHeldOpen {}
