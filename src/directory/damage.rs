//! Damage that is visible without reading a dump whole: a wrong length, or a wrong end.

use std::fs::File;
use std::io::{self, ErrorKind};

use crate::header::Header;
use crate::name::Compression;

/// Compares a dump of `bytes` bytes with what its header says of its length and its end. The header
/// of a zstd dump that an earlier version made says less.
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
    header.check_end(file, bytes, compression)
}

fn make_damage_error(how: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, how)
}
