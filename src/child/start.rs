//! Starting a child, by what it is for.

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
    /// Starts a program whose stdout is read from here. Its stderr goes to the log, each line
    /// after `name`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn read_from(command: &mut Command, name: &str, stop: Stop) -> Result<Self> {
        Child::filter(command, name, Stdio::null(), stop)
    }

    /// Starts a program that reads `stdin` and whose stdout is read from here.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn filter(
        command: &mut Command,
        name: &str,
        stdin: impl Into<Stdio>,
        stop: Stop,
    ) -> Result<Self> {
        command.stdin(stdin).stdout(Stdio::piped());
        Child::spawn(command, name, Stdio::piped(), stop)
    }

    /// Starts a program whose stdin is written from here; what it prints goes nowhere.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn write_to(command: &mut Command, name: &str, stop: Stop) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        Child::spawn(command, name, Stdio::piped(), stop)
    }

    /// Starts a program that is told `said`, at most 64 KiB (what every pipe takes at once), and
    /// whose stdout is read from here. Its stdin stays open: it waits for more until this is
    /// dropped. What it says on stderr is in the error alone.
    ///
    /// # Errors
    /// When it cannot be started, or does not listen.
    pub fn converse(command: &mut Command, name: &str, said: &[u8], stop: Stop) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Child::spawn(command, name, Stdio::piped(), stop)?;
        child.stderr.quietly();
        child.say(said)?;
        Ok(child)
    }

    /// Tells a program that [`Child::converse`] started more, again at most 64 KiB, once it has
    /// answered all it was told before.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn say(&mut self, said: &[u8]) -> Result<()> {
        let stdin = self.stdin.as_mut();
        let stdin = stdin.with_context(|| format!("{} does not listen", self.name))?;
        let written = stdin.write_all(said);
        written.with_context(|| format!("cannot write to {}", self.name))
    }

    /// Starts a server: it is told nothing, and all it says goes to the new file
    /// `log`. Dropped, it is
    /// asked to end by `end`.
    ///
    /// # Errors
    /// When it cannot be started.
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

    fn spawn(command: &mut Command, name: &str, stderr: Stdio, stop: Stop) -> Result<Self> {
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
            stop,
            _of_its_thread: PhantomData,
        };
        // A larger pipe saves switches between the two processes; the default works too.
        #[cfg(target_os = "linux")]
        if let Some(pipe) = child.data_end() {
            let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES);
            let size = rustix::pipe::fcntl_getpipe_size(pipe).unwrap_or(0);
            child.enough = size as u64 / 8;
        }
        let ends = [child.stdin.as_ref().map(AsFd::as_fd), child.stderr.as_fd()];
        for end in ends.into_iter().flatten() {
            rustix::io::ioctl_fionbio(end, true)?;
        }
        Ok(child)
    }
}
