//! Decides when work must end early: after a signal, or at the deadline of one database.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// The time limit of work that puts things back as they were.
const CLEANING_UP: Duration = Duration::from_mins(1);

/// The reason why work ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// This signal asked the process to end.
    Signal(i32),
    /// The database was not done within this time limit, which `--timeout` sets.
    Deadline(Duration),
    /// The work was not done within this time limit, which no option sets.
    FixedDeadline(Duration),
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stopped::Signal(signal) => {
                let name = signal_hook::low_level::signal_name(*signal).unwrap_or("a signal");
                write!(f, "stopped by {name}")
            }
            Stopped::Deadline(limit) => write!(
                f,
                "not done within {}; --timeout allows longer",
                crate::human::format_duration(*limit)
            ),
            Stopped::FixedDeadline(limit) => {
                write!(
                    f,
                    "not done within {}",
                    crate::human::format_duration(*limit)
                )
            }
        }
    }
}

impl std::error::Error for Stopped {}

fn get_received() -> &'static Arc<AtomicUsize> {
    static RECEIVED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();
    RECEIVED.get_or_init(Arc::default)
}

/// Makes [`Stop`] notice SIGTERM, SIGINT and SIGHUP, so that they do not end the process at once.
/// If the same signal arrives a second time, it ends the process at once.
///
/// # Errors
/// When a handler cannot be installed.
pub fn listen() -> Result<()> {
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        let again = Arc::new(std::sync::atomic::AtomicBool::new(false));
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&again))
            .and_then(|_| signal_hook::flag::register(signal, again))
            .and_then(|_| {
                let number = usize::try_from(signal).unwrap_or_default();
                signal_hook::flag::register_usize(signal, Arc::clone(get_received()), number)
            })
            .context("cannot install a signal handler")?;
    }
    Ok(())
}

/// Returns the signal that asked the process to end, if one did.
#[must_use]
pub fn get_signal() -> Option<i32> {
    match get_received().load(Ordering::Relaxed) {
        0 => None,
        signal => i32::try_from(signal).ok(),
    }
}

/// Makes `signal` itself end the process, so that the parent process sees the true cause.
pub fn die_by(signal: i32) -> ! {
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    std::process::exit(128 + signal)
}

/// Tells whether work must end. The code that works on one database asks it at short intervals.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    limit: Duration,
    deadline: Option<Instant>,
    /// True if no option sets the limit.
    is_fixed: bool,
    heeds_signals: bool,
}

impl Stop {
    /// Returns a [`Stop`] with a deadline `limit` from now, which `--timeout` sets, that signals can
    /// end earlier.
    #[must_use]
    pub fn with_limit(limit: Duration) -> Self {
        Stop {
            limit,
            deadline: Instant::now().checked_add(limit),
            is_fixed: false,
            heeds_signals: true,
        }
    }

    /// Returns a [`Stop`] with a deadline `limit` from now, which no option sets, that signals can
    /// end earlier.
    #[must_use]
    pub fn with_fixed_limit(limit: Duration) -> Self {
        Stop {
            is_fixed: true,
            ..Stop::with_limit(limit)
        }
    }

    /// Returns a [`Stop`] for work that puts things back as they were: its deadline is short, and
    /// signals do not end it.
    #[must_use]
    pub fn for_cleanup() -> Self {
        Stop {
            is_fixed: true,
            ..Stop::without_signals(CLEANING_UP)
        }
    }

    /// Returns a [`Stop`] with a deadline `limit` from now that signals do not end.
    #[must_use]
    pub fn without_signals(limit: Duration) -> Self {
        Stop {
            heeds_signals: false,
            ..Stop::with_limit(limit)
        }
    }

    /// Returns a [`Stop`] without a deadline: only signals end the work.
    #[must_use]
    pub fn until_signal() -> Self {
        Stop {
            limit: Duration::MAX,
            deadline: None,
            is_fixed: false,
            heeds_signals: true,
        }
    }

    /// Returns the time limit that was set when the [`Stop`] was created.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Returns the time until the deadline, or `None` if there is no deadline.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Returns the reason why work must end now, or `None` if it may go on.
    #[must_use]
    pub fn reason(&self) -> Option<Stopped> {
        if let Some(signal) = get_signal().filter(|_| self.heeds_signals) {
            return Some(Stopped::Signal(signal));
        }
        self.deadline
            .filter(|deadline| Instant::now() >= *deadline)
            .map(|_| {
                if self.is_fixed {
                    Stopped::FixedDeadline(self.limit)
                } else {
                    Stopped::Deadline(self.limit)
                }
            })
    }

    /// Checks whether work may go on.
    ///
    /// # Errors
    /// [`Stopped`] when work must end now.
    pub fn check(&self) -> Result<(), Stopped> {
        self.reason().map_or(Ok(()), Err)
    }
}

/// Returns true if `error` is [`Stopped`].
pub(crate) fn is_stopped(error: &std::io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Stopped>)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_limit_that_timeout_sets_names_timeout() {
        let limit = Duration::ZERO;
        for (stop, names) in [
            (Stop::with_limit(limit), true),
            (Stop::without_signals(limit), true),
            (Stop::with_fixed_limit(limit), false),
        ] {
            let said = stop.reason().unwrap().to_string();
            assert!(said.starts_with("not done within 0s"), "{said}");
            assert_eq!(said.contains("--timeout"), names, "{said}");
        }
        assert!(Stop::for_cleanup().is_fixed);
    }
}
