//! Reads a whole dump, to check it or to load it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;

use crate::compress::Decoder;
use crate::content::archive::ArchiveCheck;
use crate::content::image::Shape;
use crate::content::marker::Tail;
use crate::content::rdb::Rdb;
use crate::header::Header;
use crate::name::Format;
use crate::progress;
use crate::stop::Stop;

/// Reads a whole dump through one descriptor, from its start. Checks the header, the compressed
/// stream, the sums, the end of the file, and the shape of the content. Writes the content to
/// `sink`. Returns the header. Checks `stop` before each read of the file and each write, because a
/// forged dump can have any number of compressed bytes that hold no content.
///
/// # Errors
/// When the dump is damaged; the error says where and how. When the file cannot be read or `sink`
/// cannot be written. [`Stopped`] when work must end.
///
/// [`Stopped`]: crate::stop::Stopped
pub fn read_whole(file: &File, stop: Stop, sink: &mut dyn Write) -> io::Result<Header> {
    let mut start = FilePosition {
        file,
        position: 0,
        stop,
    };
    let (header, length, compression) = Header::read(&mut BufReader::new(&mut start))?;
    let rest = FilePosition {
        file,
        position: length,
        stop,
    };
    let mut decoder = Decoder::new(rest, compression, length)?;
    let mut inside = ContentCheck::default();
    let mut content = 0;
    loop {
        let data = decoder.fill_buf()?;
        if data.is_empty() {
            break;
        }
        let passed = data.len();
        content += passed as u64;
        if content > header.bytes {
            return Err(make_damage_error("it holds more than its header says"));
        }
        stop.check().map_err(io::Error::other)?;
        inside.add(header.format, data)?;
        sink.write_all(data)?;
        progress::show_read(content, header.bytes);
        decoder.consume(passed);
    }
    let totals = decoder
        .totals()
        .ok_or_else(|| make_damage_error("the compressed data has no end"))?;
    if totals.bytes != header.bytes {
        return Err(make_damage_error(&format!(
            "it holds {} and its header says {}",
            crate::human::format_count(totals.bytes, "byte"),
            header.bytes
        )));
    }
    if format!("{:08x}", totals.crc32) != header.crc32 {
        return Err(make_damage_error(
            "its CRC-32 differs from that in its header",
        ));
    }
    inside
        .check(&header)
        .map_err(|how| make_damage_error(&how))?;
    let length = file.metadata()?.len();
    if let Some(said) = header.length.filter(|said| *said != length) {
        return Err(make_damage_error(&format!(
            "it has {} and its header says {said}",
            crate::human::format_count(length, "byte")
        )));
    }
    header.check_end(file, length, compression)?;
    Ok(header)
}

/// Checks the content while it passes.
#[derive(Default)]
struct ContentCheck {
    start: Vec<u8>,
    tail: Tail,
    archive: ArchiveCheck,
    rdb: Rdb<()>,
}

impl ContentCheck {
    fn add(&mut self, format: Format, data: &[u8]) -> io::Result<()> {
        match format {
            Format::Sql => self.tail.add(data),
            Format::Pgdump => self.archive.add(data),
            Format::Rdb if self.rdb.read(data)? < data.len() => {
                return Err(make_damage_error(
                    "its content goes on after the end of the RDB file",
                ));
            }
            Format::Rdb | Format::Sqlite | Format::Other => {}
        }
        let missing = 100_usize.saturating_sub(self.start.len());
        self.start.extend(&data[..missing.min(data.len())]);
        Ok(())
    }

    fn check(&mut self, header: &Header) -> Result<(), String> {
        match header.format {
            Format::Sqlite => {
                let start = <&[u8; 100]>::try_from(&self.start[..]).ok();
                match start.and_then(|start| Shape::from_header(start, header.bytes)) {
                    None => Err("its content is not an SQLite database".to_owned()),
                    Some(shape) if shape.bytes() != header.bytes => Err(format!(
                        "its content should be {} of {} and is {}",
                        crate::human::format_count(shape.pages, "page"),
                        crate::human::format_count(shape.page_size, "byte"),
                        crate::human::format_count(header.bytes, "byte")
                    )),
                    Some(_) => Ok(()),
                }
            }
            Format::Sql if !self.tail.is_end(header.identity.engine) => {
                Err("its content ends before the dump's last line".to_owned())
            }
            Format::Pgdump => self.archive.check(),
            Format::Rdb => self.rdb.check(),
            Format::Sql | Format::Other => Ok(()),
        }
    }
}

struct FilePosition<'a> {
    file: &'a File,
    position: u64,
    stop: Stop,
}

impl Read for FilePosition<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stop.check().map_err(io::Error::other)?;
        let read = self.file.read_at(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

fn make_damage_error(how: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, how)
}
