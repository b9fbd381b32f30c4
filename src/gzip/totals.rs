//! The length and CRC-32 that the trailer of a gzip member records.

/// The length and CRC-32 of a stream's decompressed content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// The length in bytes.
    pub bytes: u64,
    /// The CRC-32 as gzip computes it (RFC 1952, section 8).
    pub crc32: u32,
}

pub(super) const TRAILER_LEN: usize = 8;

impl Totals {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "RFC 1952 has the length modulo 2^32"
    )]
    pub(super) fn length_modulo(self) -> u32 {
        self.bytes as u32
    }

    pub(super) fn to_trailer(self) -> [u8; TRAILER_LEN] {
        let mut trailer = [0; TRAILER_LEN];
        trailer[..4].copy_from_slice(&self.crc32.to_le_bytes());
        trailer[4..].copy_from_slice(&self.length_modulo().to_le_bytes());
        trailer
    }
}
