//! Kills the processes that a drill leaves behind.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, kill_process, pidfd_open, pidfd_send_signal,
};

/// The number of rounds of killing: a process may start another one before it is killed.
const ATTEMPTS: usize = 1000;
const NAP: Duration = Duration::from_millis(5);
/// The time for which processes that a killed drill left are killed: they could start others without end.
const LONGEST: Duration = Duration::from_secs(5);

/// Kills the children of this process, and their descendants: orphans become children of this
/// process.
pub(super) fn end_children() {
    for _ in 0..ATTEMPTS {
        let children = processes().filter(|process| parent_of(*process) == Some(getpid()));
        for child in children {
            let _ = kill_process(child, Signal::KILL);
        }
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

/// Kills the processes of this user whose `HOME` is `work`, the work directory of a drill that was
/// killed.
pub(super) fn end_leftovers(work: &Path) {
    let home = [b"HOME=", work.as_os_str().as_encoded_bytes()].concat();
    let begun = Instant::now();
    while begun.elapsed() < LONGEST {
        let mut has_ended = true;
        for process in processes() {
            // The descriptor is opened before the environment is read, because the process number
            // may be reused for another process.
            let Ok(held) = pidfd_open(process, PidfdFlags::empty()) else {
                continue;
            };
            let file = format!("/proc/{}/environ", process.as_raw_nonzero());
            let variables = fs::read(file).unwrap_or_default();
            let mut variables = variables.split(|byte| *byte == 0);
            if variables.any(|variable| variable == home) {
                has_ended = pidfd_send_signal(&held, Signal::KILL).is_err() && has_ended;
            }
        }
        if has_ended {
            return;
        }
        std::thread::sleep(NAP);
    }
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(Pid::from_raw)
}

fn parent_of(process: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    // The process name, in parentheses, may hold any character; the state and the parent follow
    // it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(1);
    Pid::from_raw(fields.next()?.parse().ok()?)
}
