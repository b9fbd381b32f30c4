//! The result of a decoding step, common to all decoders of deflate streams.

use std::io;

/// What one call of a decoder's `step` did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The number of input bytes that were used. The caller must pass the other bytes again.
    pub(crate) consumed: usize,
    /// The number of bytes written to the output.
    pub(crate) produced: usize,
    /// True if the stream has ended, `consumed` bytes into this input.
    pub(crate) finished: bool,
}

/// The reason why a stream is not valid deflate, and the number of input bytes that the decoder had
/// consumed when it found the damage.
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
