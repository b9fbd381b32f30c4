//! Shows the progress of dumps: a bar on a terminal, `STATUS=` for systemd.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The bars of all dumps in progress; `None` if there was none yet, as without a terminal.
static BARS: Mutex<Option<MultiProgress>> = Mutex::new(None);

const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Shows the progress of one dump until it is dropped.
#[allow(missing_debug_implementations)]
pub struct Progress {
    bar: Option<ProgressBar>,
    database: String,
    /// What is done to it, in the past tense.
    done: &'static str,
    started: Instant,
    told: Option<Instant>,
}

impl Progress {
    /// Starts to show the progress of `database`. `expected` is its size in bytes, if known.
    #[must_use]
    pub fn new(database: &str, expected: Option<u64>) -> Self {
        Progress::of(database, expected, "dumped")
    }

    /// Begins to show how a dump of so many bytes is copied.
    #[cfg(feature = "copies")]
    #[must_use]
    pub fn copying(database: &str, bytes: u64) -> Self {
        Progress::of(database, Some(bytes), "copied")
    }

    fn of(database: &str, expected: Option<u64>, done: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = match expected {
                Some(bytes) => ProgressBar::new(bytes),
                None => ProgressBar::no_length(),
            };
            let target = || MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8));
            let mut bars = BARS.lock().unwrap_or_else(PoisonError::into_inner);
            let bar = bars.get_or_insert_with(target).add(bar);
            let template = match expected {
                Some(_) => "{prefix} {bar:32} {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}",
                None => "{prefix} {spinner} {decimal_bytes}, {decimal_bytes_per_sec}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.with_prefix(database.to_owned())
        });
        Progress {
            bar,
            database: database.to_owned(),
            done,
            started: Instant::now(),
            told: None,
        }
    }

    /// Shows that `bytes` of the database have been read.
    pub fn at(&mut self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
        }
        if self.told.is_none_or(|told| told.elapsed() >= STATUS_EVERY) {
            self.told = Some(Instant::now());
            let rate = bytes as f64 / self.started.elapsed().as_secs_f64().max(0.001) / 1e6;
            status(&format!(
                "{}: {} {}, {rate:.0} MB/s",
                self.database,
                crate::human::bytes(bytes),
                self.done
            ));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Sends `text` to systemd as the status of the service, if systemd asked for it.
pub fn status(text: &str) {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Status(text)]);
}

/// Hides the bars while `print` runs. Returns what `print` returns.
pub(crate) fn hide_bars_while<T>(print: impl FnOnce() -> T) -> T {
    match &*BARS.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(bars) => bars.suspend(print),
        None => print(),
    }
}
