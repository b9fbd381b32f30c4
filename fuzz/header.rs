//! A dump's header: reading any bytes returns a header or an error, and a written header reads
//! back unchanged.

#![no_main]

use dump_database::header::Header;
use dump_database::name::Compression;
use libfuzzer_sys::fuzz_target;

const FRONT: &[u8] = b"\x1f\x8b\x08\x18\0\0\0\0\0\x03x\0";

fuzz_target!(|bytes: &[u8]| {
    let _ = read(bytes);
    // A fuzzer does not find the checksum of a header by itself.
    if let Some(header) = read(&summed(bytes)) {
        for compression in [Compression::Gzip, Compression::Zstd] {
            // A header with very many tables may not fit.
            if let Ok(written) = header.encode(compression, b"x") {
                let again = read(&written).expect("it reads what it wrote");
                let mut expected = header.clone();
                expected.facts.tables.truncate(again.facts.tables.len());
                assert_eq!(again, expected);
            }
        }
    }
});

fn read(mut bytes: &[u8]) -> Option<Header> {
    Header::read(&mut bytes).ok().map(|(header, ..)| header)
}

/// Returns a gzip header with this JSON object and its checksum.
fn summed(json: &[u8]) -> Vec<u8> {
    let said = json.strip_suffix(b"}").unwrap_or(json);
    let mut sum = flate2::Crc::new();
    sum.update(FRONT);
    sum.update(said);
    let mut comment = [
        said,
        format!(",\"check\":\"{:08x}\"}}", sum.sum()).as_bytes(),
    ]
    .concat();
    comment.resize(comment.len().next_multiple_of(4096), b' ');
    [FRONT, &comment, &[0]].concat()
}
