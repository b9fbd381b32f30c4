//! The bounds of a listing. A hostile server could send a listing without end, and a directory could have
//! folders within folders without end.

use std::time::{Duration, Instant};

use super::error::{Reason, StoreError};

/// The most entries that a listing may have.
const MOST_ENTRIES: usize = 1_000_000;
/// The longest time that a listing may take.
pub(super) const LONGEST: Duration = Duration::from_mins(15);
/// The number of folders above a copy: the folder of its machine and the folder of its database.
pub(super) const DEEPEST: usize = 2;

/// The entries and the time that one listing has taken so far.
pub(super) struct Bounds {
    entries: usize,
    begun: Instant,
}

impl Bounds {
    pub(super) fn begin() -> Self {
        Bounds {
            entries: 0,
            begun: Instant::now(),
        }
    }

    /// Counts an entry.
    ///
    /// # Errors
    /// When the listing is longer than a destination's can be.
    pub(super) fn count(&mut self) -> Result<(), StoreError> {
        self.entries += 1;
        if self.entries > MOST_ENTRIES {
            let text = format!(
                "it has more than {MOST_ENTRIES} files and folders; use a destination that holds nothing but copies"
            );
            return Err(StoreError::new(Reason::Other, &text));
        }
        if self.begun.elapsed() > LONGEST {
            return Err(make_time_error());
        }
        Ok(())
    }
}

/// Returns the error of a listing that took too long.
pub(super) fn make_time_error() -> StoreError {
    let text = format!(
        "it was not listed within {} minutes",
        LONGEST.as_secs() / 60
    );
    StoreError::new(Reason::Other, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_has_an_end() {
        let mut bounds = Bounds::begin();
        for _ in 0..MOST_ENTRIES {
            bounds.count().unwrap();
        }
        let error = bounds.count().unwrap_err().to_string();
        assert!(error.contains("more than 1000000"), "{error}");
    }
}
