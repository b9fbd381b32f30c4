//! Kills the processes that a drill leaves behind.
//!
//! A process is recognised by what it cannot choose: its parent, or the user that it runs as. Only
//! among the processes of an ordinary user does the environment decide, which that user can forge
//! for that user's own processes only.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, geteuid, getpid, pidfd_open, pidfd_send_signal,
};

const NAP: Duration = Duration::from_millis(5);
/// The time for which processes that a killed drill left are killed: they could start others without end.
const LONGEST: Duration = Duration::from_secs(5);

/// Kills the children of this process, and their descendants: orphans become children of this
/// process.
pub(super) fn end_children() {
    let begun = Instant::now();
    while begun.elapsed() < LONGEST {
        kill_all(|process| read_parent(process) == Some(getpid()));
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Err(rustix::io::Errno::CHILD) => return,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        std::thread::sleep(NAP);
    }
}

/// Kills every process that runs as `user`, a user that exists for one drill only.
pub(super) fn end_processes_of(user: u32) {
    kill_until_none(|process| Users::read(process).is_some_and(|users| users.are_all(user)));
}

/// Kills the processes of this ordinary user whose `HOME` is `work`, the work directory of a drill
/// that was killed.
pub(super) fn end_own_processes_in(work: &Path) {
    let home = [b"HOME=", work.as_os_str().as_encoded_bytes()].concat();
    let own = geteuid().as_raw();
    kill_until_none(|process| {
        Users::read(process).is_some_and(|users| users.are_all(own)) && has_variable(process, &home)
    });
}

/// Returns true if a process that still runs has `user` among its users.
pub(super) fn has_processes(user: u32) -> bool {
    list_processes()
        .any(|process| Users::read(process).is_some_and(|users| users.0.contains(&user)))
}

/// Kills the processes that `is_meant` selects until there is none.
fn kill_until_none(is_meant: impl Fn(Pid) -> bool) {
    let begun = Instant::now();
    while kill_all(&is_meant) > 0 && begun.elapsed() < LONGEST {
        std::thread::sleep(NAP);
    }
}

/// Kills the processes that `is_meant` selects. Returns their number.
fn kill_all(is_meant: impl Fn(Pid) -> bool) -> usize {
    let mut killed = 0;
    for process in list_processes() {
        // The descriptor is opened before `is_meant` looks: if the process ended and another one
        // got its number meanwhile, the signal reaches neither.
        let Ok(held) = pidfd_open(process, PidfdFlags::empty()) else {
            continue;
        };
        if is_meant(process) && pidfd_send_signal(&held, Signal::KILL).is_ok() {
            killed += 1;
        }
    }
    killed
}

/// The users of a process: the real, the effective and the saved one, and the one for files.
struct Users(Vec<u32>);

impl Users {
    /// Returns the users of a process; `None` if it has ended. The owner of `/proc/PID` says less:
    /// it is root if the process is not dumpable (prctl(2), `PR_SET_DUMPABLE`).
    fn read(process: Pid) -> Option<Self> {
        let status = fs::read(format!("/proc/{}/status", process.as_raw_nonzero())).ok()?;
        let status = String::from_utf8_lossy(&status);
        // The first line has the name, in which line feeds are escaped.
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        if value("State:")?.trim_start().starts_with(['Z', 'X']) {
            return None;
        }
        let users = value("Uid:")?.split_whitespace().map(str::parse);
        users.collect::<Result<_, _>>().ok().map(Users)
    }

    fn are_all(&self, user: u32) -> bool {
        !self.0.is_empty() && self.0.iter().all(|own| *own == user)
    }
}

fn has_variable(process: Pid, wanted: &[u8]) -> bool {
    let file = format!("/proc/{}/environ", process.as_raw_nonzero());
    let variables = fs::read(file).unwrap_or_default();
    variables
        .split(|byte| *byte == 0)
        .any(|variable| variable == wanted)
}

fn list_processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(Pid::from_raw)
}

fn read_parent(process: Pid) -> Option<Pid> {
    let stat = fs::read(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The process name, in parentheses, may hold any character; the state and the parent follow
    // it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(1);
    Pid::from_raw(fields.next()?.parse().ok()?)
}
