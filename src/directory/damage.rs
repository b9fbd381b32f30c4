//! Damage that is visible without reading a dump whole: a wrong length, or a wrong end.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;

use crate::header::Header;
use crate::name::Compression;

/// A gzip member ends with the CRC-32 of its content and that content's length modulo 2^32
/// (RFC 1952, 2.3.1).
const TRAILER: usize = 8;

/// Compares a dump of `bytes` bytes with what its header says of its length and its end. A zstd
/// dump that was made before headers had a length cannot be judged in this way.
///
/// # Errors
/// `InvalidData` when they differ; any error of reading the end.
pub(super) fn check_end(
    file: &File,
    bytes: u64,
    header: &Header,
    compression: Compression,
) -> io::Result<()> {
    if let Some(length) = header.length.filter(|length| *length != bytes) {
        return Err(make_damage_error(&format!(
            "it has {} and its header says {length}",
            crate::human::format_count(bytes, "byte")
        )));
    }
    if compression == Compression::Zstd {
        return Ok(());
    }
    let mut trailer = [0; TRAILER];
    file.read_exact_at(&mut trailer, bytes.saturating_sub(TRAILER as u64))?;
    let (crc32, length) = trailer.split_at(TRAILER / 2);
    // Modulo 2^32, as the format has it.
    let is_length = length == &header.bytes.to_le_bytes()[..TRAILER / 2];
    let is_crc32 =
        u32::from_str_radix(&header.crc32, 16).is_ok_and(|sum| crc32 == sum.to_le_bytes());
    if is_length && is_crc32 {
        return Ok(());
    }
    Err(make_damage_error(
        "its end differs from that in its header; it was cut off or overwritten",
    ))
}

fn make_damage_error(how: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, how)
}
