//! Shares SQLite's memory between the checks of databases that one run dumps.
//!
//! SQLite has one memory limit for the process. A check that needs long values takes the turn,
//! which one check has at a time. A check that does not end when it must keeps its memory, and the
//! turn, until the process ends. So such a check counts as lost: the limit grows by what it may
//! hold, and the turn goes to the next check. The number of lost checks has a ceiling, above which
//! no further database is checked, so the memory of a run has one too.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::guard::{MEMORY, limit_memory};
use crate::stop::Stop;

/// The number of lost checks above which no further database is checked. The memory of SQLite is
/// at most [`MEMORY`] for each of them, for the check that has the turn, and for all others.
const MOST_LOST: usize = 3;
/// The time that a check keeps the turn while another one waits for it. Half the time that the
/// other check has left, if that is less.
const LONGEST_TURN: Duration = Duration::from_mins(1);
const NAP: Duration = Duration::from_millis(20);

#[derive(Debug)]
struct RunningChecks {
    next: u64,
    running: BTreeSet<u64>,
    lost: BTreeSet<u64>,
    turn: Option<u64>,
}

static CHECKS: Mutex<RunningChecks> = Mutex::new(RunningChecks {
    next: 0,
    running: BTreeSet::new(),
    lost: BTreeSet::new(),
    turn: None,
});

fn lock_checks() -> MutexGuard<'static, RunningChecks> {
    CHECKS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RunningChecks {
    fn lose(&mut self, check: u64) {
        if self.running.contains(&check) {
            self.lost.insert(check);
            self.turn = self.turn.filter(|holder| *holder != check);
            self.limit();
        }
    }

    /// Sets SQLite's limit to what the checks may use.
    fn limit(&self) {
        let parts = 1 + self.lost.len().min(MOST_LOST) + usize::from(self.turn.is_some());
        limit_memory(i64::try_from(parts).unwrap_or(1).saturating_mul(MEMORY));
    }
}

/// Refuses to begin with another database once too many checks are lost.
///
/// # Errors
/// When there are as many lost checks as a run may have.
pub(super) fn refuse_if_full() -> Result<()> {
    let lost = lock_checks().lost.len();
    ensure!(
        lost < MOST_LOST,
        "the checks of {lost} other databases of this run could not be ended and keep their memory, \
         so no other SQLite database is dumped; dump those {lost} in another run"
    );
    Ok(())
}

/// A check of one database. Dropping the value says that the check ended.
#[derive(Debug)]
pub(super) struct Check(u64);

impl Check {
    /// Registers a check.
    ///
    /// # Errors
    /// The error of [`refuse_if_full`].
    pub(super) fn begin() -> Result<Self> {
        refuse_if_full()?;
        let mut checks = lock_checks();
        checks.next += 1;
        let check = Check(checks.next);
        checks.running.insert(check.0);
        Ok(check)
    }

    /// Returns the number by which [`lose`] knows this check.
    pub(super) fn number(&self) -> u64 {
        self.0
    }

    /// Waits for the turn, which this check then has until it ends. A check that keeps others
    /// waiting for too long loses the turn.
    ///
    /// # Errors
    /// [`Stopped`](crate::stop::Stopped) when work must end.
    pub(super) fn take_turn(&self, stop: Stop) -> Result<()> {
        let longest = stop.remaining().map_or(LONGEST_TURN, |left| left / 2);
        let longest = longest.min(LONGEST_TURN);
        let mut waited_for = None;
        let mut since = Instant::now();
        loop {
            let mut checks = lock_checks();
            let Some(holder) = checks.turn else {
                checks.turn = Some(self.0);
                checks.limit();
                return Ok(());
            };
            if waited_for != Some(holder) {
                (waited_for, since) = (Some(holder), Instant::now());
            }
            if since.elapsed() >= longest && checks.lost.len() < MOST_LOST {
                checks.lose(holder);
                continue;
            }
            drop(checks);
            stop.check()?;
            std::thread::sleep(NAP);
        }
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        let mut checks = lock_checks();
        checks.running.remove(&self.0);
        checks.lost.remove(&self.0);
        checks.turn = checks.turn.filter(|holder| *holder != self.0);
        checks.limit();
    }
}

/// Counts a check as lost, unless it has ended.
pub(super) fn lose(check: u64) {
    lock_checks().lose(check);
}
