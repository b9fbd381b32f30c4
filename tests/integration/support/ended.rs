//! Waits for a program with a limit of time: a test fails then, and does not hang.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use super::Run;

/// The longest time for a program whose memory is measured.
const LONGEST: Duration = Duration::from_mins(10);

/// Waits for a program, which must end within `limit`.
#[track_caller]
pub(crate) fn end_within(limit: Duration, child: Child) -> Run {
    end_and_peak_memory_within(limit, child).0
}

/// Waits for a program. Returns how it ended, and the most memory it ever used, in bytes.
#[track_caller]
pub(crate) fn end_and_peak_memory(child: Child) -> (Run, u64) {
    end_and_peak_memory_within(LONGEST, child)
}

/// The same, for a program that must end within `limit`.
#[track_caller]
pub(crate) fn end_and_peak_memory_within(limit: Duration, mut child: Child) -> (Run, u64) {
    let begun = Instant::now();
    let mut peak = 0;
    while child.try_wait().expect("it can be waited for").is_none() {
        if begun.elapsed() > limit {
            child.kill().expect("it can be killed");
            panic!("it hangs: {:?}", Run::end_of(child));
        }
        let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
        let status = status.unwrap_or_default();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = most.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kilobytes.unwrap_or(0) * 1024);
        std::thread::sleep(Duration::from_millis(1));
    }
    (Run::end_of(child), peak)
}
