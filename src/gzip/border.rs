//! Chooses where a block of content ends.
//!
//! A program that stores equal data once (restic, borg) recognises the compressed blocks of an
//! earlier dump only if a change of the content moves few borders. If borders had fixed distances,
//! one inserted row would move every later border. So the content chooses them: of all records that
//! end in a window, a block ends with the record whose last bytes have the smallest hash (the local
//! extreme of Bjørner, Blass and Gurevich, "Content-dependent chunking for differential compression",
//! 2010). Where the windows of two dumps overlap, both choose the same record with a probability of
//! the overlap over the union, so their borders are soon the same again.
//!
//! Candidates are the end of a line, and `(`, which begins each row of a long INSERT statement.
//! Searching for two bytes does less work than a rolling hash of every byte. Database files have these
//! bytes too, and their pages do not move.

use std::ops::RangeInclusive;

/// The lengths that a block may have, in bytes, but for the last block.
pub(super) const BLOCK_LENGTHS: RangeInclusive<usize> = 128 << 10..=512 << 10;

/// The number of bytes before a border that its hash covers.
const HASHED_LEN: usize = 32;

/// Returns the length of the block that `content` begins with. `content` must be as long as the longest
/// block. Returns the longest length if no record ends in the window.
pub(super) fn block_len(content: &[u8]) -> usize {
    let (first, last) = (*BLOCK_LENGTHS.start(), *BLOCK_LENGTHS.end());
    let window = &content[first..last];
    memchr::memchr2_iter(b'\n', b'(', window)
        .map(|at| first + at + 1)
        .min_by_key(|&end| hash(&content[end - HASHED_LEN..end]))
        .unwrap_or(last)
}

/// Returns a hash of [`HASHED_LEN`] bytes. It only has to spread the records of honest content; equal
/// records have equal hashes, and the first of them ends the block.
fn hash(record: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    record.chunks_exact(8).fold(ODD, |hash, word| {
        let word = word
            .iter()
            .fold(0, |word, &byte| word << 8 | u64::from(byte));
        let product = u128::from(hash ^ word) * u128::from(ODD);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "both halves of the product"
        )]
        let folded = product as u64 ^ (product >> 64) as u64;
        folded.rotate_left(23)
    })
}
