//! Programs of the engines: started, read or fed, and ended.
//!
//! A child leads its own process group, so that whatever it starts ends with it, and dies when
//! this process dies. The kernel binds that to the *thread* that spawned it (prctl(2),
//! `PR_SET_PDEATHSIG`), which is why a [`Child`] cannot be sent to another thread: the one that
//! spawned it also reaps it, and so outlives it.

mod lines;

use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use crate::stop::Stop;
use lines::Lines;

/// How long a child may take to end by itself once it was asked to (SIGTERM).
const GRACE: Duration = Duration::from_secs(2);
/// How often [`Stop`] is asked while a child is silent.
const TICK: Duration = Duration::from_millis(100);
const PIPE_BYTES: usize = 1 << 20;

/// A running program. Dropped before [`Child::finish`], it is killed with all it started.
#[allow(missing_debug_implementations)]
pub struct Child {
    name: String,
    process: std::process::Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Lines,
    stop: Stop,
    reaped: bool,
    _of_its_thread: PhantomData<*const ()>,
}

impl Child {
    /// Starts a program whose stdout is read from here. Its stderr goes to the log, each line
    /// after `name`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn read_from(command: &mut Command, name: &str, stop: Stop) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Child::spawn(command, name, stop)
    }

    /// Starts a program whose stdin is written from here; what it prints goes nowhere.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn write_to(command: &mut Command, name: &str, stop: Stop) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        Child::spawn(command, name, stop)
    }

    fn spawn(command: &mut Command, name: &str, stop: Stop) -> Result<Self> {
        stop.check()?;
        command.stderr(Stdio::piped()).process_group(0);
        die_with_this_thread(command);
        let mut process = command.spawn().with_context(|| {
            let program = command.get_program().to_string_lossy().into_owned();
            format!("cannot start {program}")
        })?;
        let (stdin, stdout) = (process.stdin.take(), process.stdout.take());
        let stderr = Lines::new(name, process.stderr.take());
        let child = Child {
            name: name.to_owned(),
            process,
            stdin,
            stdout,
            stderr,
            stop,
            reaped: false,
            _of_its_thread: PhantomData,
        };
        // A larger pipe saves switches between the two processes; the default works too.
        if let Some(pipe) = child.data_end() {
            let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES);
        }
        let ends = [
            child.stdin.as_ref().map(AsFd::as_fd),
            child.stderr.as_fd(),
        ];
        for end in ends.into_iter().flatten() {
            rustix::io::ioctl_fionbio(end, true)?;
        }
        Ok(child)
    }

    /// Waits for the program's end. Its stdin is closed first.
    ///
    /// # Errors
    /// When its exit status is not 0, with the last lines it wrote to stderr; [`Stopped`] when it
    /// had to be killed.
    ///
    /// [`Stopped`]: crate::stop::Stopped
    pub fn finish(mut self) -> Result<()> {
        drop(self.stdin.take());
        drop(self.stdout.take());
        while !self.has_exited()? {
            self.stop.check()?;
            self.listen(Duration::from_millis(5))?;
        }
        let status = self.reap()?;
        if status.success() {
            return Ok(());
        }
        let said = self.stderr.last();
        let ended = format!("{} ended with {status}", self.name);
        Err(match said.as_str() {
            "" => anyhow!(ended),
            said => anyhow!("{ended}: {said}"),
        })
    }

    /// The last lines it wrote to stderr.
    #[must_use]
    pub fn said(&self) -> String {
        self.stderr.last()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    fn data_end(&self) -> Option<BorrowedFd<'_>> {
        let stdout = self.stdout.as_ref().map(AsFd::as_fd);
        stdout.or(self.stdin.as_ref().map(AsFd::as_fd))
    }

    /// Waits until data can pass (true), or until stderr has lines or `time` is over.
    fn listen(&mut self, time: Duration) -> io::Result<bool> {
        let mut ends = Vec::with_capacity(2);
        let flags = match self.stdout {
            Some(_) => PollFlags::IN,
            None => PollFlags::OUT,
        };
        let data = self.data_end().map(|end| ends.push(PollFd::from_borrowed_fd(end, flags)));
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

    /// Leaves it to be reaped: until then its process group cannot become another's.
    fn has_exited(&self) -> Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let state = rustix::process::waitid(WaitId::Pid(self.pid()), options);
        Ok(state.context("cannot wait for a child process")?.is_some())
    }

    fn reap(&mut self) -> Result<ExitStatus> {
        self.stderr.drain();
        let _ = rustix::process::kill_process_group(self.pid(), Signal::KILL);
        let status = self.process.wait();
        self.reaped = true;
        status.with_context(|| format!("the exit status of {} is lost", self.name))
    }

    fn ends_within(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while !self.has_exited().unwrap_or(true) {
            let _ = self.listen(Duration::from_millis(5));
            if Instant::now() >= until {
                return false;
            }
        }
        true
    }
}

impl Read for Child {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.stop.check().map_err(io::Error::other)?;
            if self.stdout.is_none() {
                return Ok(0);
            }
            if !self.listen(TICK)? {
                continue;
            }
            match self.stdout.as_mut().map(|stdout| stdout.read(buffer)) {
                Some(Ok(0)) => self.stdout = None,
                Some(Err(error)) if is_passing(&error) => {}
                Some(read) => return read,
                None => {}
            }
        }
    }
}

impl Write for Child {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        loop {
            self.stop.check().map_err(io::Error::other)?;
            if !self.listen(TICK)? {
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
        if self.reaped {
            return;
        }
        drop(self.stdin.take());
        drop(self.stdout.take());
        let _ = rustix::process::kill_process_group(self.pid(), Signal::TERM);
        if !self.ends_within(GRACE) {
            log::warn!("{} ignored SIGTERM and was killed", self.name);
            let _ = rustix::process::kill_process_group(self.pid(), Signal::KILL);
            if !self.ends_within(GRACE) {
                log::error!("{} cannot be killed; the kernel holds it", self.name);
                return;
            }
        }
        let _ = self.reap();
    }
}

/// All that a program prints.
///
/// # Errors
/// As [`Child::finish`]; when it prints more than 1 GiB.
pub fn output(command: &mut Command, name: &str, stop: Stop) -> Result<Vec<u8>> {
    let mut child = Child::read_from(command, name, stop)?;
    let mut printed = Vec::new();
    let read = (&mut child).take(1 << 30).read_to_end(&mut printed);
    stop.check()?;
    read.with_context(|| format!("cannot read from {name}"))?;
    child.finish()?;
    Ok(printed)
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
    )
}

#[expect(unsafe_code, reason = "only between fork and exec can a child ask for its death signal")]
fn die_with_this_thread(command: &mut Command) {
    let parent = rustix::process::getpid();
    let ask = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the request.
        if rustix::process::getppid() == Some(parent) {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(
                rustix::io::Errno::SRCH.raw_os_error(),
            ))
        }
    };
    // SAFETY: between fork and exec `ask` makes two system calls and neither allocates nor locks.
    unsafe {
        command.pre_exec(ask);
    }
}
