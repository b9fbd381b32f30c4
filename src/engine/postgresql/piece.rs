//! Pieces of rows on the way from a session to the dump.

use std::io::{self, Read};

/// The size of a piece in bytes.
const PIECE: usize = 256 << 10;
/// The room that is left in a piece for the mark that ends a range, in bytes.
const SPARE: usize = 8;

/// Rows, or a part of them.
pub(super) struct RowsPiece {
    buffer: Vec<u8>,
    filled: usize,
}

impl Default for RowsPiece {
    fn default() -> Self {
        RowsPiece {
            buffer: vec![0; PIECE],
            filled: 0,
        }
    }
}

impl RowsPiece {
    /// Returns the bytes that were read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Returns true if there is room for a few bytes at most.
    pub(super) fn is_full(&self) -> bool {
        self.buffer.len() - self.filled < SPARE
    }

    /// Reads more bytes. Returns their number, which is 0 at the end of `from`.
    pub(super) fn read_from(&mut self, from: &mut dyn Read) -> io::Result<usize> {
        let read = from.read(&mut self.buffer[self.filled..])?;
        self.filled += read;
        Ok(read)
    }

    /// Removes bytes at the end.
    pub(super) fn shorten(&mut self, by: usize) {
        self.filled -= by;
    }

    /// Removes bytes at the beginning.
    pub(super) fn remove_first(&mut self, number: usize) {
        self.buffer.copy_within(number..self.filled, 0);
        self.filled -= number;
    }

    /// Removes all bytes.
    pub(super) fn clear(&mut self) {
        self.filled = 0;
    }
}
