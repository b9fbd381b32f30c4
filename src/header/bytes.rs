//! The header as the first bytes of a dump.

use std::fmt::Write;
use std::io::{self, BufRead, Read};

use super::metadata::Header;
use crate::name::Compression;

/// The JSON object's length with its padding is a multiple of so many bytes; nearly always once.
pub const COMMENT: usize = 4096;
/// Room for what is not known at the start: totals, sums, some tables.
const SPARE: usize = 1024;
/// What the rows of a table take beside its name: `[,{"about":12345678901}],`.
const ROWS: usize = 26;
/// Bytes that the list of tables may take.
const TABLES: usize = 64 << 10;
const LONGEST: usize = 1 << 20;

const GZIP_MAGIC: [u8; 4] = [0x1f, 0x8b, 8, 0x18]; // deflate; FNAME and FCOMMENT
const ZSTD_MAGIC: [u8; 4] = 0x184D_2A50_u32.to_le_bytes();
const CHECK: &str = ",\"check\":\"";

impl Header {
    /// Fixes the header's length: what it takes now, some spare bytes, and up to 64 KiB for the names and
    /// rows of `tables`.
    ///
    /// # Errors
    /// When the header would exceed 1 MiB.
    pub fn reserve(&mut self, tables: &[String]) -> io::Result<()> {
        let length = escape_to_ascii(&serde_json::to_string(self)?).len();
        let mut listed = 0;
        for table in tables {
            listed += escape_to_ascii(&serde_json::to_string(table)?).len() + ROWS;
        }
        self.room = (length + SPARE + listed.min(TABLES)).next_multiple_of(COMMENT);
        if self.room > LONGEST {
            return Err(io::Error::other("the database's settings exceed 1 MiB"));
        }
        Ok(())
    }

    /// Returns the header's bytes. Their number depends only on `original` (the decompressed file's
    /// name), the compression and [`Header::reserve`].
    ///
    /// # Errors
    /// When the object does not fit even without its list of tables.
    pub fn encode(&self, compression: Compression, original: &[u8]) -> io::Result<Vec<u8>> {
        let mut front = Vec::with_capacity(self.room + 300);
        match compression {
            Compression::Gzip => {
                let seconds = u32::try_from(self.time.as_second()).unwrap_or(0);
                front.extend(GZIP_MAGIC);
                front.extend(seconds.to_le_bytes());
                front.extend([0, 3]); // no extra flags; Unix
                front.extend(original.iter().filter(|byte| **byte != 0));
                front.push(0);
            }
            Compression::Zstd => {
                front.extend(ZSTD_MAGIC);
                front.extend(u32::try_from(self.room).unwrap_or(0).to_le_bytes());
            }
        }
        let comment = self.write_comment(&front)?;
        front.extend(comment);
        if compression == Compression::Gzip {
            front.push(0);
        }
        Ok(front)
    }

    fn write_comment(&self, front: &[u8]) -> io::Result<Vec<u8>> {
        let mut header = self.clone();
        loop {
            let mut json = escape_to_ascii(&serde_json::to_string(&header)?);
            json.pop();
            let mut crc = flate2::Crc::new();
            crc.update(front);
            crc.update(json.as_bytes());
            let check = crc.sum();
            let _ = write!(json, "{CHECK}{check:08x}\"}}");
            if json.len() <= self.room {
                let mut bytes = json.into_bytes();
                bytes.resize(self.room, b' ');
                return Ok(bytes);
            }
            let keep = header.facts.tables.len() / 2;
            if header.facts.tables.is_empty() {
                return Err(io::Error::other(
                    "the dump's metadata exceeds the space that its header reserves",
                ));
            }
            header.facts.tables.truncate(keep);
        }
    }

    /// Reads a header from the start of a dump. Returns it, its length in bytes, and how the content
    /// after it is compressed.
    ///
    /// # Errors
    /// `InvalidData`, in words, when there is none or it is damaged; `UnexpectedEof` when the file
    /// ends within it; any error of `from`.
    pub fn read(from: &mut impl BufRead) -> io::Result<(Header, u64, Compression)> {
        let mut front = vec![0; 8];
        from.read_exact(&mut front).map_err(explain_cut)?;
        let magic: [u8; 4] = front[..4].try_into().unwrap_or_default();
        let compression = match magic {
            GZIP_MAGIC => Compression::Gzip,
            ZSTD_MAGIC => Compression::Zstd,
            [0x1f, 0x8b, ..] => return Err(make_foreign_error()),
            _ => return Err(make_error("it is neither a gzip file nor a zstd file")),
        };
        let comment = match compression {
            Compression::Gzip => {
                front.extend([0; 2]);
                from.read_exact(&mut front[8..]).map_err(explain_cut)?;
                read_until_nul(from, &mut front, 4096)?;
                let mut comment = Vec::with_capacity(COMMENT + 1);
                read_until_nul(from, &mut comment, LONGEST as u64 + 1)?;
                comment.pop();
                comment
            }
            Compression::Zstd => {
                let length = u32::from_le_bytes(front[4..8].try_into().unwrap_or_default());
                if length as usize > LONGEST {
                    return Err(make_foreign_error());
                }
                let mut comment = vec![0; length as usize];
                from.read_exact(&mut comment).map_err(explain_cut)?;
                comment
            }
        };
        let nul = usize::from(compression == Compression::Gzip);
        let length = (front.len() + comment.len() + nul) as u64;
        Ok((decode(&front, &comment)?, length, compression))
    }
}

fn decode(front: &[u8], comment: &[u8]) -> io::Result<Header> {
    // Most of it is padding, which is skipped in strides: a directory may hold very many dumps.
    let strides = comment.rchunks_exact(64);
    let padding = 64 * strides.take_while(|chunk| **chunk == [b' '; 64]).count();
    let text = comment[..comment.len() - padding].trim_ascii_end();
    let end = CHECK.len() + "01234567\"}".len();
    let (said, check) = text
        .split_at_checked(text.len().wrapping_sub(end))
        .ok_or_else(make_foreign_error)?;
    if !check.starts_with(CHECK.as_bytes()) {
        return Err(make_foreign_error());
    }
    let mut crc = flate2::Crc::new();
    crc.update(front);
    crc.update(said);
    let right = format!("{CHECK}{:08x}\"}}", crc.sum());
    if check != right.as_bytes() || !comment.len().is_multiple_of(COMMENT) {
        return Err(make_damaged_error());
    }
    let header: Header = serde_json::from_slice(text)
        .map_err(|error| make_error(&format!("its header is not understood: {error}")))?;
    Ok(Header {
        room: comment.len(),
        ..header
    })
}

fn read_until_nul(from: &mut impl BufRead, out: &mut Vec<u8>, limit: u64) -> io::Result<()> {
    let read = from.take(limit).read_until(0, out)?;
    match out.last() {
        Some(0) => Ok(()),
        _ if (read as u64) < limit => Err(explain_cut(io::ErrorKind::UnexpectedEof.into())),
        _ => Err(make_foreign_error()),
    }
}

/// Returns JSON in ASCII. Other characters stand only inside strings, where `\u` escapes mean the same.
fn escape_to_ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

fn explain_cut(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        make_error("it ends within its header")
    } else {
        error
    }
}

fn make_foreign_error() -> io::Error {
    make_error("it has no dump-database header")
}

fn make_damaged_error() -> io::Error {
    make_error("its header is damaged")
}

fn make_error(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
