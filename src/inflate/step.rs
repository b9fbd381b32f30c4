//! What every decoder of deflate streams answers.

use std::io;

/// What one call of a decoder's `step` did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Bytes of the input that are used up; the rest has to be given again.
    pub(crate) consumed: usize,
    /// Bytes written to the output.
    pub(crate) produced: usize,
    /// The stream has ended, `consumed` bytes into this input.
    pub(crate) finished: bool,
}

/// Why a stream is not deflate, noticed after so many bytes of the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) consumed: usize,
    pub(crate) reason: String,
}

impl From<Damage> for io::Error {
    fn from(damage: Damage) -> Self {
        Self::new(io::ErrorKind::InvalidData, damage.reason)
    }
}
