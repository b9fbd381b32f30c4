//! The body of a gzip member (RFC 1952): compressed by several threads, and read back checked.
//!
//! A member is a header, which the caller writes and reads, a deflate stream, and a trailer of its
//! content's CRC-32 and length. The stream is cut into blocks that are compressed in parallel, each
//! with the end of the one before as its dictionary, as pigz does it.

mod pool;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use pool::Pool;
pub use reader::GzipReader;
pub use writer::GzipWriter;

/// The length and CRC-32 of a stream's decompressed content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Length in bytes.
    pub bytes: u64,
    /// CRC-32 as gzip computes it (RFC 1952, section 8).
    pub crc32: u32,
}

const TRAILER_LEN: usize = 8;

impl Totals {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "RFC 1952 has the length modulo 2^32"
    )]
    fn length_modulo(self) -> u32 {
        self.bytes as u32
    }

    fn to_trailer(self) -> [u8; TRAILER_LEN] {
        let mut trailer = [0; TRAILER_LEN];
        trailer[..4].copy_from_slice(&self.crc32.to_le_bytes());
        trailer[4..].copy_from_slice(&self.length_modulo().to_le_bytes());
        trailer
    }
}
