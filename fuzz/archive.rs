//! `pg_dump`'s custom format: any bytes are judged, the same in whatever parts they come, and with
//! little memory.

#![no_main]

use arbitrary::Arbitrary;
use dump_database::content::archive::Archive;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    bytes: Vec<u8>,
    /// Whether they come after the head of an archive, of which version.
    version: Option<u8>,
    part: u8,
}

fuzz_target!(|input: Input| {
    let mut bytes = Vec::new();
    if let Some(version) = input.version {
        // Integers of four bytes, offsets of eight, the custom format.
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
        let mut archive = Archive::default();
        for part in bytes.chunks(part) {
            archive.look(part);
        }
        archive.check()
    };
    assert_eq!(judge(1 + usize::from(input.part)), judge(1 << 20));
});
