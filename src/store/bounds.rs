//! The bounds of a listing. A hostile server could go on with one for ever, and so could a directory
//! with endless folders within folders.

use std::time::{Duration, Instant};

use super::error::{Reason, StoreError};

/// The number of entries that a listing has at most.
const MOST_ENTRIES: usize = 1_000_000;
/// How long a listing takes at most.
pub(super) const LONGEST: Duration = Duration::from_mins(15);
/// The number of folders in which a copy is: those of its machine and of its database.
pub(super) const DEEPEST: usize = 2;

/// What one listing has taken so far.
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
                "it has more than {MOST_ENTRIES} files and folders; give copies a place of their own"
            );
            return Err(StoreError::new(Reason::Other, &text));
        }
        if self.begun.elapsed() > LONGEST {
            return Err(too_long());
        }
        Ok(())
    }
}

/// Returns the error of a listing that took too long.
pub(super) fn too_long() -> StoreError {
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
