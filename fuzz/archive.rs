//! `pg_dump`'s custom format: any bytes are judged, with little memory, and the result does not
//! depend on the parts in which the bytes come.

#![no_main]

use arbitrary::Arbitrary;
use dump_database::content::archive::ArchiveCheck;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    bytes: Vec<u8>,
    /// The version of the archive head that precedes the bytes; `None` for no head.
    version: Option<u8>,
    part: u8,
}

fuzz_target!(|input: Input| {
    let mut bytes = Vec::new();
    if let Some(version) = input.version {
        // Integers of four bytes, offsets of eight bytes, the custom format.
        bytes.extend([
            b'P',
            b'G',
            b'D',
            b'M',
            b'P',
            1,
            12 + version % 5,
            0,
            4,
            8,
            1,
        ]);
    }
    bytes.extend(&input.bytes);
    let judge = |part: usize| {
        let mut archive = ArchiveCheck::default();
        for part in bytes.chunks(part) {
            archive.add(part);
        }
        archive.check()
    };
    assert_eq!(judge(1 + usize::from(input.part)), judge(1 << 20));
});
