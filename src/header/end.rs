//! The end of a dump. It shows, without reading the dump whole, that a dump was overwritten.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::metadata::Header;
use crate::human::format_hexadecimal;
use crate::name::Compression;

/// The length of the end of a gzip member: the CRC-32 of its content, and that content's length
/// modulo 2^32 (RFC 1952, 2.3.1).
const GZIP: usize = 8;
/// The length of the end of a zstd frame with a checksum: the low 32 bits of the XXH64 of its content
/// (RFC 8878, 3.1.1).
const ZSTD: usize = 4;

impl Header {
    /// Records the end of a zstd dump of `bytes` bytes, which is whole. The end of a gzip dump
    /// follows from the other fields.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn record_end(
        &mut self,
        file: &File,
        bytes: u64,
        compression: Compression,
    ) -> io::Result<()> {
        self.end = match compression {
            Compression::Gzip => None,
            Compression::Zstd => Some(format_hexadecimal(&read_end::<ZSTD>(file, bytes)?)),
        };
        Ok(())
    }

    /// Compares the end of a dump of `bytes` bytes with what its header says of it. The header of a
    /// zstd dump that was made before [`Header::end`] existed says nothing.
    ///
    /// # Errors
    /// `InvalidData` when they differ; any error of reading the end.
    pub fn check_end(&self, file: &File, bytes: u64, compression: Compression) -> io::Result<()> {
        let is_as_said = match (compression, &self.end) {
            (Compression::Gzip, _) => {
                let end = read_end::<GZIP>(file, bytes)?;
                let (crc32, length) = end.split_at(GZIP / 2);
                // Modulo 2^32, as the format has it.
                let is_length = length == &self.bytes.to_le_bytes()[..GZIP / 2];
                let said = u32::from_str_radix(&self.crc32, 16);
                is_length && said.is_ok_and(|sum| crc32 == sum.to_le_bytes())
            }
            (Compression::Zstd, None) => true,
            (Compression::Zstd, Some(said)) => {
                format_hexadecimal(&read_end::<ZSTD>(file, bytes)?) == *said
            }
        };
        if is_as_said {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "its end differs from that in its header; it was cut off or overwritten",
        ))
    }
}

/// Returns the last `LENGTH` bytes of a file of `bytes` bytes.
fn read_end<const LENGTH: usize>(file: &File, bytes: u64) -> io::Result<[u8; LENGTH]> {
    let mut end = [0; LENGTH];
    file.read_exact_at(&mut end, bytes.saturating_sub(LENGTH as u64))?;
    Ok(end)
}
