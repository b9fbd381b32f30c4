//! Shows the progress of dumps, copies and restores: a bar on a terminal, `STATUS=` for systemd.
//!
//! A restore has phases, such as verifying and loading. What runs deep in an engine tells them to
//! [`begin_phase`], which knows the restore of its thread, as a message goes to the log.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::marker::PhantomData;
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
        Progress::start(database, expected, "dumped")
    }

    /// Begins to show how a dump of so many bytes is copied.
    #[cfg(feature = "copies")]
    #[must_use]
    pub fn show_copy(database: &str, bytes: u64) -> Self {
        Progress::start(database, Some(bytes), "copied")
    }

    fn start(database: &str, expected: Option<u64>, done: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = match expected {
                Some(bytes) => ProgressBar::new(bytes),
                None => ProgressBar::no_length(),
            };
            let bar = add_bar(bar);
            let template = match expected {
                Some(_) => "{prefix} {bar:32} {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}",
                None => "{prefix} {spinner} {decimal_bytes}, {decimal_bytes_per_sec}",
            };
            set_style(&bar, template);
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
    pub fn show_bytes(&mut self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
        }
        if self.told.is_none_or(|told| told.elapsed() >= STATUS_EVERY) {
            self.told = Some(Instant::now());
            report_status(&format!(
                "{}: {} {}, {}",
                self.database,
                crate::human::format_bytes(bytes),
                self.done,
                format_rate(bytes, self.started)
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

fn add_bar(bar: ProgressBar) -> ProgressBar {
    let target = || MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8));
    let mut bars = BARS.lock().unwrap_or_else(PoisonError::into_inner);
    bars.get_or_insert_with(target).add(bar)
}

fn set_style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

/// Returns a speed, such as `80 MB/s`.
fn format_rate(bytes: u64, since: Instant) -> String {
    let rate = bytes as f64 / since.elapsed().as_secs_f64().max(0.001) / 1e6;
    format!("{rate:.0} MB/s")
}

/// The bar of a phase that reads a dump.
const READING: &str =
    "{prefix} {msg} {bar:32} {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}";
/// The interval of the messages in the log about a restore that takes long.
const MESSAGE_EVERY: Duration = Duration::from_mins(1);

thread_local! {
    /// The restore that this thread shows.
    static RESTORE: RefCell<Option<RestoreProgress>> = const { RefCell::new(None) };
}

struct RestoreProgress {
    bar: Option<ProgressBar>,
    database: String,
    phase: &'static str,
    /// The number of bytes of the dump that were read when the phase began to read it, if it reads
    /// one.
    first: Option<u64>,
    began: Instant,
    told: Option<Instant>,
    logged: Instant,
}

/// Shows the progress of a restore until it is dropped.
#[derive(Debug)]
pub struct ShownRestore(PhantomData<*const ()>);

/// Begins to show the restore of `database`, which runs in this thread.
#[must_use]
pub fn show_restore(database: &str) -> ShownRestore {
    let now = Instant::now();
    let shown = RestoreProgress {
        bar: std::io::stderr().is_terminal().then(|| {
            let bar = add_bar(ProgressBar::no_length());
            bar.with_prefix(database.to_owned())
        }),
        database: database.to_owned(),
        phase: "",
        first: None,
        began: now,
        told: None,
        logged: now,
    };
    RESTORE.set(Some(shown));
    ShownRestore(PhantomData)
}

impl Drop for ShownRestore {
    fn drop(&mut self) {
        if let Some(bar) = RESTORE.take().and_then(|shown| shown.bar) {
            bar.finish_and_clear();
        }
    }
}

/// Shows what the restore in this thread does now, such as `analyzing`. Does nothing if no restore
/// is shown.
pub fn begin_phase(phase: &'static str) {
    RESTORE.with_borrow_mut(|shown| {
        if let Some(shown) = shown {
            shown.begin(phase);
        }
    });
}

/// Shows that the restore in this thread has read so many bytes of a dump, and how many the dump
/// has. Does nothing if no restore is shown.
pub fn show_read(bytes: u64, expected: u64) {
    RESTORE.with_borrow_mut(|shown| {
        if let Some(shown) = shown {
            shown.read(bytes, expected);
        }
    });
}

impl RestoreProgress {
    fn begin(&mut self, phase: &'static str) {
        self.phase = phase;
        self.first = None;
        self.began = Instant::now();
        self.told = None;
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.unset_length();
            set_style(bar, "{prefix} {spinner} {msg} ({elapsed})");
            bar.set_message(phase);
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        report_status(&format!("{}: {phase}", self.database));
        self.log(&format!("{}: {phase}", self.database), MESSAGE_EVERY / 6);
    }

    fn read(&mut self, bytes: u64, expected: u64) {
        // A phase can read a dump again from its start.
        let first = if let Some(first) = self.first.filter(|first| *first <= bytes) {
            first
        } else {
            self.began = Instant::now();
            if let Some(bar) = &self.bar {
                bar.set_length(expected);
                set_style(bar, READING);
            }
            *self.first.insert(bytes)
        };
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
        }
        if self.told.is_none_or(|told| told.elapsed() >= STATUS_EVERY) {
            self.told = Some(Instant::now());
            let text = format!(
                "{}: {}, {} of {}, {}",
                self.database,
                self.phase,
                crate::human::format_bytes(bytes),
                crate::human::format_bytes(expected),
                format_rate(bytes - first, self.began)
            );
            report_status(&text);
            self.log(&text, MESSAGE_EVERY);
        }
    }

    /// Logs `text` where no bar is shown, if the last message is older than `interval`.
    fn log(&mut self, text: &str, interval: Duration) {
        if self.bar.is_none() && self.logged.elapsed() >= interval {
            self.logged = Instant::now();
            log::info!("{text}");
        }
    }
}

/// Sends `text` to systemd as the status of the service, if systemd asked for it.
pub fn report_status(text: &str) {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Status(text)]);
}

/// Hides the bars while `print` runs. Returns what `print` returns.
pub(crate) fn hide_bars_while<T>(print: impl FnOnce() -> T) -> T {
    match &*BARS.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(bars) => bars.suspend(print),
        None => print(),
    }
}
