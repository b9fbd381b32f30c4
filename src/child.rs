//! Runs the programs of the engines: starts them, reads or feeds them, and ends them.
//!
//! A child leads its own process group, so that all programs that it starts end with it. It dies
//! when this process dies. The kernel binds that to the *thread* that spawned the child (prctl(2),
//! `PR_SET_PDEATHSIG`). Therefore a [`Child`] cannot be sent to another thread: the thread that
//! spawned it also reaps it, and so outlives it.

mod lines;
pub mod output;
mod pass;
mod process;
mod start;

use std::io::{self, Write};
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::process::{ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use crate::stop::Stop;
use lines::Lines;
pub use pass::pass;
use process::Process;

/// The time that a child has to end by itself after a request (SIGTERM).
const GRACE: Duration = Duration::from_secs(2);
/// The interval at which [`Stop`] is checked while a child is silent.
const TICK: Duration = Duration::from_millis(100);
/// The times between looks at a program that closed its output and has not ended yet: most programs end
/// within a moment.
const FIRST_PAUSE: Duration = Duration::from_micros(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// A running program. If it is dropped before [`Child::finish`], it is killed together with all
/// programs that it started.
#[allow(missing_debug_implementations)]
pub struct Child {
    name: String,
    process: Process,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Lines,
    /// The signal that asks the program to end.
    end: Signal,
    /// The time that the program has to end after that signal.
    grace: Duration,
    /// The number of waiting bytes that makes a read worthwhile: half of what the pipe holds, so
    /// that the program can go on meanwhile.
    enough: u64,
    /// True if reads wait for that many bytes, for a moment.
    gathers: bool,
    stop: Stop,
    _of_its_thread: PhantomData<*const ()>,
}

impl Child {
    /// Returns true if the program is still running.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.process.has_exited()
    }

    /// Closes the program's stdin and waits for its end.
    ///
    /// # Errors
    /// When the exit status is not 0; the error contains the last lines that the program wrote to
    /// stderr. [`Stopped`](crate::stop::Stopped) when work must end; the program is then killed.
    pub fn finish(self) -> Result<()> {
        self.finish_with_lines().map(drop)
    }

    /// Waits for the program's end, as [`Child::finish`]. Returns the last lines that it wrote to
    /// stderr, as many as are kept.
    ///
    /// # Errors
    /// The same errors as of [`Child::finish`].
    pub fn finish_with_lines(mut self) -> Result<Vec<String>> {
        drop(self.stdin.take());
        drop(self.stdout.take());
        let mut pause = FIRST_PAUSE;
        while !self.process.has_exited() {
            self.stop.check()?;
            self.listen(pause)?;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
        self.stderr.drain();
        let status = self.process.reap();
        let status = status.with_context(|| format!("the exit status of {} is lost", self.name))?;
        if status.success() {
            return Ok(self.stderr.kept_lines());
        }
        let said = self.stderr.last_lines();
        let ended = format!("{} ended with {status}", self.name);
        Err(match said.as_str() {
            "" => anyhow!(ended),
            said => anyhow!("{ended}: {said}"),
        })
    }

    /// Relays the lines of the program's stderr as messages of this program's own log, each with
    /// the priority that it begins with (`<4>`), and gives the program the time `grace` to end when
    /// it is asked to.
    pub fn relay_log(&mut self, grace: Duration) {
        self.stderr.relay();
        self.grace = grace;
    }

    /// Logs the lines of the program's stderr only at the debug level, because its error repeats
    /// them.
    pub fn log_at_debug(&mut self) {
        self.stderr.log_at_debug();
    }

    /// Keeps the last `number` lines of the program's stderr for [`Child::finish_with_lines`] and
    /// logs them only at the debug level.
    pub fn keep_lines(&mut self, number: usize) {
        self.log_at_debug();
        self.stderr.keep(number);
    }

    /// Returns true if the program has ended, but not with the exit status 0.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.process.has_failed()
    }

    /// Returns the last lines that the program wrote to stderr, as one line.
    #[must_use]
    pub fn last_stderr(&self) -> String {
        self.stderr.last_lines()
    }

    /// Replaces the conditions under which reading from the program and writing to it end.
    pub fn set_stop(&mut self, stop: Stop) {
        self.stop = stop;
    }

    /// Returns the number of bytes that were written to the program's stdin and that the program
    /// has not read yet.
    #[must_use]
    pub fn unread_bytes(&self) -> u64 {
        let unread = self.stdin.as_ref().map(rustix::io::ioctl_fionread);
        unread.and_then(Result::ok).unwrap_or(0)
    }

    /// Waits up to `time` for stdout (or stdin, if stdout is not read) to be ready or for lines on
    /// stderr, and takes those lines. Returns true if data can be read (or written).
    fn listen(&mut self, time: Duration) -> io::Result<bool> {
        match self.stdout {
            Some(_) => self.listen_to(PollFlags::IN, time),
            None => self.listen_to(PollFlags::OUT, time),
        }
    }

    /// Waits as [`Child::listen`], for stdout if `flags` is `IN`, for stdin if it is `OUT`.
    fn listen_to(&mut self, flags: PollFlags, time: Duration) -> io::Result<bool> {
        let mut ends = Vec::with_capacity(2);
        let end = if flags == PollFlags::IN {
            self.stdout.as_ref().map(AsFd::as_fd)
        } else {
            self.stdin.as_ref().map(AsFd::as_fd)
        };
        let data = end.map(|end| ends.push(PollFd::from_borrowed_fd(end, flags)));
        if let Some(stderr) = self.stderr.as_fd() {
            ends.push(PollFd::from_borrowed_fd(stderr, PollFlags::IN));
        }
        let time = Timespec::try_from(time).map_err(io::Error::other)?;
        match poll(&mut ends, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = |end: Option<&PollFd<'_>>| end.is_some_and(|end| !end.revents().is_empty());
        let (passes, speaks) = match data {
            Some(()) => (ready(ends.first()), ready(ends.get(1))),
            None => (false, ready(ends.first())),
        };
        drop(ends);
        if speaks {
            self.stderr.drain();
        }
        Ok(passes)
    }

    fn wait_for_end(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut pause = FIRST_PAUSE;
        while !self.process.has_exited() {
            let _ = self.listen(pause);
            pause = LONGEST_PAUSE.min(pause * 2);
            if Instant::now() >= until {
                return false;
            }
        }
        true
    }
}

impl Write for Child {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        loop {
            self.stop.check().map_err(io::Error::other)?;
            if !self.listen_to(PollFlags::OUT, TICK)? {
                continue;
            }
            match self.stdin.as_mut().map(|stdin| stdin.write(data)) {
                Some(Err(error)) if is_passing(&error) => {}
                Some(written) => return written,
                None => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.process.is_reaped() {
            return;
        }
        drop(self.stdin.take());
        drop(self.stdout.take());
        // What the program says from now on is about its end, which this process asks for.
        self.stderr.drain();
        self.stderr.log_at_debug();
        self.process.signal_group(self.end);
        if !self.wait_for_end(self.grace) {
            log::warn!("{} did not end when asked to and was killed", self.name);
            self.process.signal_group(Signal::KILL);
            if !self.wait_for_end(GRACE) {
                log::error!("{} cannot be killed: it waits in the kernel", self.name);
                return;
            }
        }
        self.stderr.drain();
        let _ = self.process.reap();
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
    )
}
