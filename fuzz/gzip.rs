//! The gzip reader against another decoder: the other decoder accepts everything that the reader
//! accepts, with the same content.

#![no_main]

use std::io::Read;

use dump_database::gzip::GzipReader;
use libfuzzer_sys::fuzz_target;

/// The largest content in bytes. Larger content is a bomb, and the two decoders stop at different
/// places.
const MOST: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let mut content = Vec::new();
    let mut reader = GzipReader::new(bytes, 0);
    let read = (&mut reader)
        .take(MOST as u64 + 1)
        .read_to_end(&mut content);
    if content.len() > MOST {
        return;
    }
    let trailer = bytes.len().saturating_sub(8);
    let other = miniz_oxide::inflate::decompress_to_vec_with_limit(&bytes[..trailer], MOST);
    if read.is_ok() {
        assert!(other.is_ok_and(|other| other == content));
        let totals = reader.totals().expect("it ended");
        assert_eq!(totals.bytes, content.len() as u64);
        let mut sum = flate2::Crc::new();
        sum.update(&content);
        assert_eq!(totals.crc32, sum.sum());
        let length = u32::try_from(content.len()).unwrap();
        let expected = [sum.sum().to_le_bytes(), length.to_le_bytes()].concat();
        assert_eq!(bytes[trailer..], expected);
    } else {
        assert!(reader.totals().is_none());
    }
});
