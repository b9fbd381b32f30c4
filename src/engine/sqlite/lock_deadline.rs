//! Waits for a database that another program keeps locked.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::error::{explain, is_busy};
use crate::stop::Stop;

/// The time that one connection waits for a lock between two checks of the deadline and for
/// signals.
pub(super) const NAP: Duration = Duration::from_millis(100);

/// The deadline for all waits for the locks of one database.
#[derive(Debug, Clone)]
pub(super) struct LockDeadline {
    path: PathBuf,
    limit: Duration,
    give_up: Option<Instant>,
    stop: Stop,
}

impl LockDeadline {
    pub(super) fn new(path: PathBuf, limit: Duration, stop: Stop) -> Self {
        LockDeadline {
            path,
            limit,
            give_up: Instant::now().checked_add(limit),
            stop,
        }
    }

    /// Calls `attempt` until another program's lock no longer makes it fail, or the time is up.
    /// Returns its value.
    pub(super) fn retry<T>(&self, mut attempt: impl FnMut() -> rusqlite::Result<T>) -> Result<T> {
        loop {
            match attempt() {
                Err(error) if is_busy(&error) && self.has_time() => {
                    self.stop.check()?;
                    // SQLite refuses some locks at once, without the connection's own wait.
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => {
                    self.stop.check()?;
                    return Err(explain(&self.path, self.limit, error));
                }
                Ok(value) => return Ok(value),
            }
        }
    }

    fn has_time(&self) -> bool {
        self.give_up.is_none_or(|give_up| Instant::now() < give_up)
    }
}
