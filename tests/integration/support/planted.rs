//! Dumps that are made from a real dump, with another time for example: the header is rewritten,
//! the content is unchanged.

use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use dump_database::header::Header;
use dump_database::name::{Compression, DumpName};
use flate2::write::DeflateEncoder;
use jiff::Timestamp;

/// Returns the header of a dump.
pub(crate) fn header(dump: &Path) -> Header {
    let mut file = BufReader::new(File::open(dump).unwrap());
    Header::read(&mut file).unwrap().0
}

/// Returns the number of bytes before the compressed content.
pub(crate) fn header_length(mut dump: &[u8]) -> usize {
    usize::try_from(Header::read(&mut dump).unwrap().1).unwrap()
}

/// Writes a copy of `dump` next to it, with `time` in its header and its name. Returns its path.
pub(crate) fn plant(dump: &Path, time: Timestamp) -> PathBuf {
    changed(dump, |header| header.time = time)
}

/// Writes a copy of `dump` with a changed header next to it, under the name that fits the header.
/// Returns its path.
pub(crate) fn changed(dump: &Path, change: impl FnOnce(&mut Header)) -> PathBuf {
    let mut file = BufReader::new(File::open(dump).unwrap());
    let (mut header, _, compression) = Header::read(&mut file).unwrap();
    change(&mut header);
    let mut content = Vec::new();
    file.read_to_end(&mut content).unwrap();
    let front = |header: &Header| header.encode(compression, b"planted.sqlite").unwrap();
    header.length = Some((front(&header).len() + content.len()) as u64);
    let bytes = [front(&header), content].concat();
    let mut name = DumpName::parse(dump.file_name().unwrap().to_str().unwrap()).unwrap();
    name.time = header.time;
    name.sequence = 1;
    let path = dump.with_file_name(name.to_string());
    fs::write(&path, bytes).unwrap();
    path
}

/// Writes a dump with another content next to `dump`, one minute older. It is a whole dump,
/// whatever the content is. Returns its path.
pub(crate) fn with_content(dump: &Path, content: &[u8]) -> PathBuf {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let mut body = DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    body.write_all(content).unwrap();
    let mut body = body.finish().unwrap();
    body.extend(crc.sum().to_le_bytes());
    body.extend(crc.amount().to_le_bytes());
    let path = changed(dump, |header| {
        header.time = ago(60);
        header.bytes = content.len() as u64;
        header.crc32 = format!("{:08x}", crc.sum());
        header.sha256 = sha256(content);
    });
    let (mut header, original) = (header(&path), b"planted.sqlite");
    let front = |header: &Header| header.encode(Compression::Gzip, original).unwrap();
    header.length = Some((front(&header).len() + body.len()) as u64);
    fs::write(&path, [front(&header), body].concat()).unwrap();
    path
}

fn sha256(content: &[u8]) -> String {
    use sha2::Digest;
    dump_database::human::format_hexadecimal(&sha2::Sha256::digest(content))
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Returns the time `seconds` seconds before now.
pub(crate) fn ago(seconds: i64) -> Timestamp {
    dump_database::clock::now() - jiff::SignedDuration::from_secs(seconds)
}
