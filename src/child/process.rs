//! A process that leads a process group; both end together.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus};

/// A process that leads a process group. It is reaped only after its whole group was killed: before
/// that, no other process can get the group's number.
pub(super) struct Process {
    child: Child,
    reaped: bool,
}

impl Process {
    pub(super) fn spawn(command: &mut Command) -> io::Result<Self> {
        #[cfg(not(target_os = "linux"))]
        command.process_group(0);
        #[cfg(target_os = "linux")]
        lead_and_die_with_this_thread(command);
        Ok(Process {
            child: command.spawn()?,
            reaped: false,
        })
    }

    /// Returns the child, so that the caller can take its streams.
    pub(super) fn streams(&mut self) -> &mut Child {
        &mut self.child
    }

    pub(super) fn is_reaped(&self) -> bool {
        self.reaped
    }

    pub(super) fn has_exited(&self) -> bool {
        !matches!(self.poll(), Ok(None))
    }

    pub(super) fn has_failed(&self) -> bool {
        let state = self.poll().ok().flatten();
        state.is_some_and(|state| state.exit_status() != Some(0))
    }

    pub(super) fn signal_group(&self, signal: Signal) {
        let _ = rustix::process::kill_process_group(self.pid(), signal);
    }

    /// Kills all processes of the group that still run, and waits for the process. Returns its exit
    /// status.
    pub(super) fn reap(&mut self) -> io::Result<ExitStatus> {
        self.signal_group(Signal::KILL);
        self.reaped = true;
        self.child.wait()
    }

    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn poll(&self) -> rustix::io::Result<Option<WaitIdStatus>> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        rustix::process::waitid(WaitId::Pid(self.pid()), options)
    }
}

/// Makes the child lead a session, and so a process group, and die with this thread. In a new
/// session it has no terminal, so the programs that it runs cannot put anything into the terminal's
/// input.
///
/// On other systems than Linux the child keeps the terminal, and if this program is killed, the
/// child runs on until it writes to a closed pipe.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "only between fork and exec can a child ask for its death signal"
)]
fn lead_and_die_with_this_thread(command: &mut Command) {
    let parent = rustix::process::getpid();
    let ask = move || {
        rustix::process::setsid()?;
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
    // SAFETY: between fork and exec `ask` makes three system calls and none allocates or locks.
    unsafe {
        command.pre_exec(ask);
    }
}
