//! Dumps of other times, made from a real one: its header rewritten, its content untouched.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use dump_database::header::Header;
use dump_database::name::DumpName;
use jiff::Timestamp;

/// What a dump says of itself.
pub(crate) fn header(dump: &Path) -> Header {
    let mut file = BufReader::new(File::open(dump).unwrap());
    Header::read(&mut file).unwrap().0
}

/// How many bytes come before the compressed content.
pub(crate) fn header_length(mut dump: &[u8]) -> usize {
    usize::try_from(Header::read(&mut dump).unwrap().1).unwrap()
}

/// Writes a copy of `dump` beside it, dated `time` in its header and its name.
pub(crate) fn at(dump: &Path, time: Timestamp) -> PathBuf {
    changed(dump, |header| header.time = time)
}

/// Writes a copy of `dump` with a changed header beside it, under the name that fits the header.
pub(crate) fn changed(dump: &Path, change: impl FnOnce(&mut Header)) -> PathBuf {
    let mut file = BufReader::new(File::open(dump).unwrap());
    let (mut header, _, compression) = Header::read(&mut file).unwrap();
    change(&mut header);
    let mut bytes = header.encode(compression, b"planted.sqlite").unwrap();
    file.read_to_end(&mut bytes).unwrap();
    let mut name = DumpName::parse(dump.file_name().unwrap().to_str().unwrap()).unwrap();
    name.time = header.time;
    name.sequence = 1;
    let path = dump.with_file_name(name.to_string());
    fs::write(&path, bytes).unwrap();
    path
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// So many seconds before now.
pub(crate) fn ago(seconds: i64) -> Timestamp {
    dump_database::clock::now() - jiff::SignedDuration::from_secs(seconds)
}
