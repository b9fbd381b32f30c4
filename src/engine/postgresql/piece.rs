//! Pieces of rows on the way from a session to the dump.

use std::io::{self, Read};

/// The size of a piece in bytes.
const PIECE: usize = 256 << 10;
/// The room in a piece that is not worth another read, in bytes.
const LITTLE: usize = 8;

/// What a session prints after the rows of a range. No row is like this: a backslash in a row is
/// doubled.
const END: &[u8] = b"\\.\n";

/// Rows, or a part of them.
pub(super) struct RowsPiece {
    /// Has room for the rest of [`END`] after a piece that ends within it.
    buffer: Vec<u8>,
    filled: usize,
}

/// Why no more rows are read into a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    /// The piece is full.
    Full,
    /// The range has no more rows.
    EndOfRange,
    /// The session ended before the range did.
    EndOfSession,
}

impl Default for RowsPiece {
    fn default() -> Self {
        RowsPiece {
            buffer: vec![0; PIECE + END.len()],
            filled: 0,
        }
    }
}

impl RowsPiece {
    /// Returns the bytes that were read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Reads more bytes into a piece that is not full. Returns their number, which is 0 at the end of
    /// `from`.
    pub(super) fn read_from(&mut self, from: &mut dyn Read) -> io::Result<usize> {
        self.read_up_to(PIECE, from)
    }

    fn read_up_to(&mut self, length: usize, from: &mut dyn Read) -> io::Result<usize> {
        // Only rows of a single backslash, which no server sends, end within the mark again and again.
        let length = length.min(self.buffer.len());
        let read = from.read(&mut self.buffer[self.filled..length])?;
        self.filled += read;
        Ok(read)
    }

    /// Reads rows until the piece is full or the range ends; the piece then has the rows without
    /// [`END`]. A piece that is full does not end within [`END`]. `at_start` is true if the first byte
    /// of the piece begins a row.
    pub(super) fn fill(&mut self, at_start: bool, from: &mut dyn Read) -> io::Result<Filled> {
        loop {
            let begun = self.length_of_end(at_start);
            if begun == END.len() {
                self.filled -= END.len();
                return Ok(Filled::EndOfRange);
            }
            let read = if self.filled + LITTLE <= PIECE {
                self.read_from(from)?
            } else if begun > 0 {
                // A row may begin like the mark, too: `\N` is NULL.
                self.read_up_to(self.filled + END.len() - begun, from)?
            } else {
                return Ok(Filled::Full);
            };
            if read == 0 {
                return Ok(Filled::EndOfSession);
            }
        }
    }

    /// Returns how many bytes of [`END`] the piece ends with, at the beginning of a line.
    fn length_of_end(&self, at_start: bool) -> usize {
        let ends_with = |length: &usize| {
            let before = self.bytes().strip_suffix(&END[..*length]);
            before.is_some_and(|before| before.last().map_or(at_start, |last| *last == b'\n'))
        };
        (1..=END.len()).rev().find(ends_with).unwrap_or(0)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads all pieces of a range. Returns the rows.
    fn read_range(printed: &[u8]) -> Vec<u8> {
        let (mut rows, mut from, mut at_start) = (Vec::new(), printed, true);
        loop {
            let mut piece = RowsPiece::default();
            let filled = piece.fill(at_start, &mut from).unwrap();
            rows.extend_from_slice(piece.bytes());
            at_start = rows.last().is_none_or(|last| *last == b'\n');
            match filled {
                Filled::Full => assert!(piece.bytes().len() < PIECE + END.len()),
                Filled::EndOfRange => return rows,
                Filled::EndOfSession => panic!("{} of {} bytes", rows.len(), printed.len()),
            }
        }
    }

    #[test]
    fn a_piece_may_end_anywhere_in_a_row_and_in_the_mark_after_the_last_row() {
        for row in ["\\N\t1\n", "\\N\n", "\\\\.\n", "a\\\n", "\n"] {
            for first in 0..40 {
                let mut rows = vec![b'x'; PIECE - first];
                rows.push(b'\n');
                rows.extend(row.repeat(30).into_bytes());
                let printed = [&rows[..], END].concat();
                assert!(read_range(&printed) == rows, "{row:?} at {first}");
            }
        }
    }

    #[test]
    fn a_session_that_ends_before_the_mark_is_noticed() {
        for printed in ["", "1\n", "1\n\\.", "1\\.\n", "\\N"] {
            let filled = RowsPiece::default().fill(true, &mut printed.as_bytes());
            assert_eq!(filled.unwrap(), Filled::EndOfSession, "{printed:?}");
        }
    }
}
