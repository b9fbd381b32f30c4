//! The fingerprint of a dump. It says whether a database has changed since its newest dump.
//!
//! Two dumps of the same state differ in what the engine adds: a counter in SQLite's first page,
//! the time in a `pg_dump` archive, random keys and dates in SQL, the time and the memory in an RDB
//! file. The fingerprint omits these
//! additions, but only where the engine puts them, so that it does not omit a row that looks like
//! one.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::human::format_hexadecimal;
use crate::identity::Engine;
use crate::name::Format;

/// Every omitted addition stands within this number of bytes from the start or the end.
const EDGE: usize = 1024;
/// The file change counter, the version-valid-for number and the library version
/// (sqlite.org/fileformat2.html, 1.3).
const SQLITE_COUNTERS: [Range<usize>; 2] = [24..28, 92..100];
/// The length in bytes of the checksum at the end of an RDB file.
const RDB_CHECKSUM: usize = 8;
/// The length in bytes of the version at the start of an RDB file.
const RDB_FRONT: usize = 9;
/// The byte that begins a field about an RDB file: its time, the memory in use, the server's version.
const RDB_FIELD: u8 = 250;

/// A hash of a dump, without what the engine adds.
#[allow(missing_debug_implementations)]
pub struct Fingerprint {
    engine: Engine,
    format: Format,
    hash: Sha256,
    start: Option<Vec<u8>>,
    end: Vec<u8>,
}

impl Fingerprint {
    /// Starts the fingerprint of a dump of this engine in this format.
    #[must_use]
    pub fn new(engine: Engine, format: Format) -> Self {
        Fingerprint {
            engine,
            format,
            hash: Sha256::new(),
            start: Some(Vec::new()),
            end: Vec::new(),
        }
    }

    /// Takes the next part of the dump.
    pub fn add(&mut self, mut data: &[u8]) {
        if let Some(start) = &mut self.start {
            let taken = data.len().min(EDGE - start.len());
            start.extend_from_slice(&data[..taken]);
            data = &data[taken..];
            if start.len() < EDGE {
                return;
            }
            self.pass_start();
        }
        // The last bytes are held back, because they may be the end of the dump.
        if data.len() >= EDGE {
            self.hash.update(&self.end);
            self.end.clear();
            let (now, held) = data.split_at(data.len() - EDGE);
            self.hash.update(now);
            self.end.extend_from_slice(held);
        } else {
            self.end.extend_from_slice(data);
            let now = self.end.len().saturating_sub(EDGE);
            self.hash.update(&self.end[..now]);
            self.end.drain(..now);
        }
    }

    /// Returns the hash of the whole dump, in hexadecimal.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.pass_start();
        let mut end = std::mem::take(&mut self.end);
        match self.format {
            Format::Sql => remove_last_line(&mut end),
            Format::Rdb => end.truncate(end.len().saturating_sub(RDB_CHECKSUM)),
            Format::Sqlite | Format::Pgdump | Format::Other => {}
        }
        self.hash.update(&end);
        format_hexadecimal(&self.hash.finalize())
    }

    fn pass_start(&mut self) {
        let Some(mut start) = self.start.take() else {
            return;
        };
        match self.format {
            Format::Sqlite => {
                for counters in SQLITE_COUNTERS {
                    clear(&mut start, counters);
                }
            }
            Format::Pgdump => {
                let time = find_pgdump_time(&start);
                clear(&mut start, time);
            }
            Format::Sql if self.engine == Engine::Postgresql => remove_key(&mut start),
            Format::Rdb => remove_fields(&mut start),
            Format::Sql | Format::Other => {}
        }
        // In a short dump, the start is also the end.
        self.end = start;
        let now = self.end.len().saturating_sub(EDGE);
        self.hash.update(&self.end[..now]);
        self.end.drain(..now);
    }
}

fn clear(bytes: &mut [u8], range: Range<usize>) {
    if let Some(range) = bytes.get_mut(range) {
        range.fill(0);
    }
}

/// Returns where a `pg_dump` archive holds the time of the dump: seven integers after the
/// compression, which is one byte since version 1.15 (`ReadHead` in PostgreSQL's
/// `pg_backup_archiver.c`).
fn find_pgdump_time(head: &[u8]) -> Range<usize> {
    let &[b'P', b'G', b'D', b'M', b'P', major, minor, _, int, _, _, ..] = head else {
        return 0..0;
    };
    let int = 1 + usize::from(int);
    let compression = if (major, minor) >= (1, 15) { 1 } else { int };
    let start = 11 + compression;
    start..start + 7 * int
}

/// Removes the fields about an RDB file, which follow its version.
fn remove_fields(start: &mut Vec<u8>) {
    let mut at = RDB_FRONT;
    while start.get(at) == Some(&RDB_FIELD) {
        let name = at + 1 + measure_text(start, at + 1);
        let end = name + measure_text(start, name);
        if end > start.len() {
            break;
        }
        at = end;
    }
    if at <= start.len() && RDB_FRONT <= at {
        start.drain(RDB_FRONT..at);
    }
}

/// Returns the length in bytes of a string in an RDB file, with what stands before it: a string of
/// less than 64 bytes or an integer.
fn measure_text(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(0xc0) => 2,
        Some(0xc1) => 3,
        Some(0xc2) => 5,
        Some(length) if *length < 64 => 1 + usize::from(*length),
        _ => bytes.len(),
    }
}

/// Removes the line `\restrict KEY`, which `pg_dump` puts after its first comment.
fn remove_key(start: &mut Vec<u8>) {
    let mut at = 0;
    for line in start.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"\\restrict ") {
            let end = at + line.len();
            start.drain(at..end);
            return;
        }
        if !line.starts_with(b"--") && line != b"\n" {
            return;
        }
        at += line.len();
    }
}

/// Removes the last line if it is one that differs in every dump.
fn remove_last_line(end: &mut Vec<u8>) {
    let text = end.trim_ascii_end();
    let last = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let line = &text[last..];
    if line.starts_with(b"\\unrestrict ") || line.starts_with(b"-- Dump completed") {
        end.truncate(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(engine: Engine, format: Format, dump: &[u8]) -> String {
        let mut whole = Fingerprint::new(engine, format);
        whole.add(dump);
        let whole = whole.finish();
        for part in [1, 7, 1000, 5000] {
            let mut parts = Fingerprint::new(engine, format);
            dump.chunks(part).for_each(|part| parts.add(part));
            assert_eq!(whole, parts.finish());
        }
        whole
    }

    fn postgresql(key: &str, row: &str) -> String {
        let rows = format!("{row}\n").repeat(1000);
        let dump = format!(
            "--\n-- PostgreSQL database dump\n--\n\n\\restrict {key}\n\nCOPY t FROM stdin;\n{rows}\\.\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict {key}\n\n"
        );
        hash(Engine::Postgresql, Format::Sql, dump.as_bytes())
    }

    #[test]
    fn keys_and_dates_are_left_out_and_rows_that_look_like_them_are_not() {
        assert_eq!(postgresql("a", "x"), postgresql("bc", "x"));
        assert_ne!(postgresql("a", "x"), postgresql("a", "y"));
        assert_ne!(
            postgresql("a", "\\restrict x"),
            postgresql("a", "\\restrict y")
        );
        let short = |key| {
            hash(
                Engine::Postgresql,
                Format::Sql,
                format!("\\restrict {key}\nx\n").as_bytes(),
            )
        };
        assert_eq!(short("a"), short("b"));
        let mysql = |date: &str, row: &str| {
            let dump = format!("{row}\n-- Dump completed on {date}\n");
            hash(Engine::Mysql, Format::Sql, dump.as_bytes())
        };
        assert_eq!(mysql("1", "x"), mysql("2", "x"));
        assert_ne!(
            mysql("1", "-- Dump completed on 1"),
            mysql("1", "-- Dump completed on 2")
        );
    }

    #[test]
    fn only_the_counters_of_an_image_are_left_out() {
        let image = |at: usize, byte: u8| {
            let mut image = vec![7; 4096];
            image[at] = byte;
            hash(Engine::Sqlite, Format::Sqlite, &image)
        };
        for at in [24, 27, 92, 99] {
            assert_eq!(image(at, 1), image(at, 2));
        }
        for at in [23, 28, 91, 100, 1023, 1024, 4095] {
            assert_ne!(image(at, 1), image(at, 2));
        }
    }

    #[test]
    fn the_time_of_an_archive_is_left_out() {
        let archive = |minor: u8, at: usize, byte: u8| {
            let mut archive = b"PGDMP\x01\x00\x00\x04\x08\x01".to_vec();
            archive[6] = minor;
            archive.resize(200, 0);
            archive[at] = byte;
            hash(Engine::Postgresql, Format::Pgdump, &archive)
        };
        for (minor, first) in [(14, 16), (15, 12), (16, 12)] {
            assert_eq!(archive(minor, first, 1), archive(minor, first, 2));
            assert_eq!(archive(minor, first + 34, 1), archive(minor, first + 34, 2));
            assert_ne!(archive(minor, first - 1, 1), archive(minor, first - 1, 2));
            assert_ne!(archive(minor, first + 35, 1), archive(minor, first + 35, 2));
        }
    }
}
