//! The current time.

use jiff::Timestamp;

/// Returns the current time, cut to whole seconds.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}
