//! zstd dumps: if the reader accepts bytes as one frame, libzstd decodes them to the same content.

#![no_main]

use std::io::Read;

use dump_database::compress::Decoder;
use dump_database::name::Compression;
use libfuzzer_sys::fuzz_target;

/// The largest content in bytes. Larger content is a bomb, and the two decoders stop at different
/// places.
const MOST: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let mut decoder = Decoder::new(bytes, Compression::Zstd, 0).expect("zstd can be set up");
    let mut content = Vec::new();
    let read = (&mut decoder)
        .take(MOST as u64 + 1)
        .read_to_end(&mut content);
    if content.len() > MOST {
        return;
    }
    if read.is_err() {
        assert!(decoder.totals().is_none());
        return;
    }
    let totals = decoder.totals().expect("it ended");
    assert_eq!(totals.bytes, content.len() as u64);
    let mut sum = flate2::Crc::new();
    sum.update(&content);
    assert_eq!(totals.crc32, sum.sum());
    // The decoder refuses bytes after a frame, so all of the bytes are that frame.
    let other = zstd::stream::decode_all(bytes).expect("it was decoded");
    assert_eq!(other, content);
});
