//! A damaged dump: if a dump is called whole, its content is the content it was made of.

#![no_main]

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use arbitrary::Arbitrary;
use dump_database::header::Header;
use dump_database::name::Compression;
use dump_database::read::read_whole;
use dump_database::stop::Stop;
use flate2::write::DeflateEncoder;
use libfuzzer_sys::fuzz_target;
use rustix::fs::{MemfdFlags, memfd_create};

/// The header of a dump of a program's output, without the totals.
const HEADER: &str = r#"{"tool":"t","identity":{"engine":"command","location":"cat"},"database":"x","time":"2026-01-01T00:00:00Z","format":"other","engine_version":"","bytes":0,"crc32":"","sha256":""}"#;

#[derive(Debug, Arbitrary)]
struct Damaged {
    content: Vec<u8>,
    level: u8,
    /// The positions at which a byte is replaced, with the new bytes.
    changes: Vec<(u16, u8)>,
    cut: Option<u16>,
    more: Vec<u8>,
}

fuzz_target!(|damaged: Damaged| {
    let Damaged { content, level, .. } = &damaged;
    let mut sum = flate2::Crc::new();
    sum.update(content);
    let mut header = header();
    header.bytes = content.len() as u64;
    header.crc32 = format!("{:08x}", sum.sum());
    let front = header.encode(Compression::Gzip, b"x").expect("it fits");
    let level = flate2::Compression::new(u32::from(level % 10));
    let mut encoder = DeflateEncoder::new(front, level);
    encoder.write_all(content).unwrap();
    let mut dump = encoder.finish().unwrap();
    dump.extend(sum.sum().to_le_bytes());
    dump.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
    let whole = dump.clone();
    for (at, byte) in &damaged.changes {
        let at = usize::from(*at) % dump.len();
        dump[at] = *byte;
    }
    if let Some(cut) = damaged.cut {
        dump.truncate(usize::from(cut));
    }
    dump.extend(&damaged.more);

    let file = File::from(memfd_create("dump", MemfdFlags::CLOEXEC).unwrap());
    file.write_all_at(&dump, 0).unwrap();
    let mut loaded = Vec::new();
    match read_whole(&file, Stop::until_signal(), &mut loaded) {
        Ok(_) => assert_eq!(&loaded, content),
        Err(error) => assert_ne!(dump, whole, "{error}"),
    }
});

fn header() -> Header {
    use std::sync::LazyLock;
    static EMPTY: LazyLock<Header> = LazyLock::new(|| {
        let said = HEADER.strip_suffix('}').unwrap();
        let front = b"\x1f\x8b\x08\x18\0\0\0\0\0\x03x\0";
        let mut sum = flate2::Crc::new();
        sum.update(front);
        sum.update(said.as_bytes());
        let mut comment = format!("{said},\"check\":\"{:08x}\"}}", sum.sum()).into_bytes();
        comment.resize(4096, b' ');
        let bytes = [&front[..], &comment, &[0]].concat();
        Header::read(&mut &bytes[..]).expect("a right header").0
    });
    EMPTY.clone()
}
