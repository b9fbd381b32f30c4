//! Starts a child; there is one function for each use.

use std::fs::File;
use std::io::Write;
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::lines::Lines;
use super::process::Process;
use super::{Child, GRACE};
use crate::stop::Stop;

#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 1 << 20;

impl Child {
    /// Starts a program whose stdout the caller reads. The lines of its stderr go to the log, each
    /// after `name`.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn read_from(command: &mut Command, name: &str, stop: Stop) -> Result<Self> {
        Child::filter(command, name, Stdio::null(), stop)
    }

    /// Starts a program that reads `stdin` and whose stdout the caller reads.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn filter(
        command: &mut Command,
        name: &str,
        stdin: impl Into<Stdio>,
        stop: Stop,
    ) -> Result<Self> {
        command.stdin(stdin).stdout(Stdio::piped());
        let mut child = Child::spawn(command, name, Stdio::piped(), stop)?;
        child.gather_output();
        Ok(child)
    }

    /// Starts a program whose stdin the caller writes. Its stdout is discarded.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn write_to(command: &mut Command, name: &str, stop: Stop) -> Result<Self> {
        Child::write_to_with(command, name, Stdio::null(), stop)
    }

    /// Starts a program whose stdin the caller writes and whose stdout goes to `stdout`.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn write_to_with(
        command: &mut Command,
        name: &str,
        stdout: Stdio,
        stop: Stop,
    ) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(stdout);
        Child::spawn(command, name, Stdio::piped(), stop)
    }

    /// Starts a program, writes `said` to its stdin, and lets the caller read its stdout. `said`
    /// has at most 64 KiB, which every pipe takes at once. Stdin stays open: the program waits for
    /// more until the [`Child`] is dropped. The lines of its stderr appear only in the error.
    ///
    /// # Errors
    /// When the program cannot be started or does not read its stdin.
    pub fn converse(command: &mut Command, name: &str, said: &[u8], stop: Stop) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Child::spawn(command, name, Stdio::piped(), stop)?;
        child.stderr.log_at_debug();
        child.say(said)?;
        Ok(child)
    }

    /// Writes more, again at most 64 KiB, to the stdin of a program that [`Child::converse`]
    /// started. The program must have answered everything before. [`Write`] takes any number of
    /// bytes, as long as the program prints less than a pipe holds.
    ///
    /// # Errors
    /// When the program does not read its stdin.
    pub fn say(&mut self, said: &[u8]) -> Result<()> {
        let stdin = self.stdin.as_mut();
        let stdin = stdin.with_context(|| format!("{} does not read its input", self.name))?;
        let written = stdin.write_all(said);
        written.with_context(|| format!("cannot write to {}", self.name))
    }

    /// Starts a server. Its stdin is empty; its stdout and stderr go to the new file `log`. When
    /// the [`Child`] is dropped, the signal `end` asks the server to end.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn serve(
        command: &mut Command,
        name: &str,
        log: &Path,
        end: Signal,
        stop: Stop,
    ) -> Result<Self> {
        let log = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(log)
            .with_context(|| format!("cannot make {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?);
        let mut child = Child::spawn(command, name, log.into(), stop)?;
        child.end = end;
        Ok(child)
    }

    /// Starts a program with these streams.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub(super) fn spawn(
        command: &mut Command,
        name: &str,
        stderr: Stdio,
        stop: Stop,
    ) -> Result<Self> {
        stop.check()?;
        command.stderr(stderr);
        let mut process = Process::spawn(command).with_context(|| {
            let program = command.get_program().to_string_lossy().into_owned();
            format!("cannot start {program}")
        })?;
        let streams = process.streams();
        let (stdin, stdout) = (streams.stdin.take(), streams.stdout.take());
        let stderr = Lines::new(name, streams.stderr.take());
        let mut child = Child {
            name: name.to_owned(),
            process,
            stdin,
            stdout,
            stderr,
            end: Signal::TERM,
            grace: GRACE,
            enough: 0,
            gathers: false,
            stop,
            _of_its_thread: PhantomData,
        };
        // A larger pipe saves switches between the two processes; the default size works too.
        #[cfg(target_os = "linux")]
        for pipe in [
            child.stdin.as_ref().map(AsFd::as_fd),
            child.stdout.as_ref().map(AsFd::as_fd),
        ]
        .into_iter()
        .flatten()
        {
            let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES);
            let size = rustix::pipe::fcntl_getpipe_size(pipe).unwrap_or(0);
            child.enough = size as u64 / 2;
        }
        let ends = [child.stdin.as_ref().map(AsFd::as_fd), child.stderr.as_fd()];
        for end in ends.into_iter().flatten() {
            rustix::io::ioctl_fionbio(end, true)?;
        }
        Ok(child)
    }
}
