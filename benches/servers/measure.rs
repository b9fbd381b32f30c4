//! Runs programs and measures them.

use std::error::Error;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_dump-database");
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Returns true if the arguments name this part, or no part at all.
pub(crate) fn is_wanted(part: &str) -> bool {
    let mut named = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .peekable();
    named.peek().is_none() || named.any(|name| name == part)
}

/// Returns the number of rounds.
pub(crate) fn rounds() -> usize {
    let number = std::env::var("ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok());
    number.unwrap_or(5)
}

/// Runs a program to its successful end. Returns the time in seconds.
pub(crate) fn timed(command: &mut Command) -> Result<f64> {
    let started = Instant::now();
    let status = command.status()?;
    assert!(status.success(), "{command:?}");
    Ok(started.elapsed().as_secs_f64())
}

/// Dumps `url` into `to`. Returns the time in seconds, and the peak of the process's resident
/// memory in KiB.
pub(crate) fn dump(url: &str, to: &std::path::Path, args: &[&str]) -> Result<(f64, u64)> {
    let started = Instant::now();
    let mut command = Command::new(PROGRAM);
    command
        .args(["dump", "--log", "warn", "--to"])
        .arg(to)
        .args(args)
        .arg(url);
    let mut process = command.stdout(Stdio::null()).spawn()?;
    let mut peak = 0;
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", process.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        peak = peak.max(number.and_then(|number| number.parse().ok()).unwrap_or(0));
        if let Some(status) = process.try_wait()? {
            assert!(status.success(), "{command:?}");
            return Ok((started.elapsed().as_secs_f64(), peak));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn pipe_through(program: &str, mut client: Command, to: Stdio) -> Result<f64> {
    let started = Instant::now();
    let mut client = client.stdout(Stdio::piped()).spawn()?;
    let output = client.stdout.take().ok_or("no output")?;
    let status = Command::new(program).stdin(output).stdout(to).status()?;
    assert!(status.success() && client.wait()?.success());
    Ok(started.elapsed().as_secs_f64())
}

pub(crate) fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
