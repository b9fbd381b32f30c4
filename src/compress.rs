//! Compresses and decompresses dumps: one encoder and one decoder for both gzip and zstd.

mod background;

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::str::FromStr;
use std::sync::Arc;

use crate::gzip::{GzipReader, GzipWriter, Pool, Totals};
use crate::name::Compression;
use crate::stop::{self, Stop};
use background::Background;

/// The gzip level that applies if the user gives none.
const GZIP_LEVEL: u8 = 2;

/// The size of the buffer for decompressed zstd data, in bytes.
const OUTPUT_LEN: usize = 256 << 10;

/// A compression method: a file format and a level, written as `gzip[:0-9]` or `zstd[:1-19]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// The format of the compressed file.
    pub compression: Compression,
    /// The compression level: 0 to 9 for gzip, 1 to 19 for zstd.
    pub level: u8,
}

impl Default for Method {
    fn default() -> Self {
        Method {
            compression: Compression::Gzip,
            level: GZIP_LEVEL,
        }
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, level) = text.split_once(':').unwrap_or((text, ""));
        let (compression, default, range) = match kind {
            "gzip" => (Compression::Gzip, GZIP_LEVEL, 0..=9),
            "zstd" => (Compression::Zstd, 3, 1..=19),
            _ => return Err("expected gzip, gzip:0-9, zstd or zstd:1-19".to_owned()),
        };
        let level = match level {
            "" if !text.contains(':') => default,
            level => level
                .parse()
                .ok()
                .filter(|level| range.contains(level))
                .ok_or_else(|| {
                    format!(
                        "{kind}'s level is one of {} to {}",
                        range.start(),
                        range.end()
                    )
                })?,
        };
        Ok(Method { compression, level })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.compression {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        };
        write!(f, "{kind}:{}", self.level)
    }
}

/// Compresses the content of a dump and writes the compressed stream to `W`, behind the header.
#[allow(missing_debug_implementations)]
pub enum Encoder<W: Write> {
    /// Writes one gzip member (RFC 1952). Several threads compress its blocks in parallel.
    Gzip(GzipWriter<W>),
    /// Writes one zstd frame (RFC 8878) with a checksum. libzstd's own threads compress it.
    Zstd(Background<W>, Tally),
}

impl<W: Write> Encoder<W> {
    /// Returns the encoder for one dump. One call of zstd can take long, so the zstd encoder stops
    /// waiting for it and fails when `stop` requires it.
    ///
    /// # Errors
    /// When zstd rejects its parameters or the system cannot start a thread.
    pub fn new(inner: W, method: Method, pool: &Arc<Pool>, stop: Stop) -> io::Result<Self> {
        Ok(match method.compression {
            Compression::Gzip => Encoder::Gzip(GzipWriter::new(inner, method.level, pool)),
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(Vec::new(), i32::from(method.level))?;
                encoder.include_checksum(true)?;
                let threads = u32::try_from(pool.threads()).unwrap_or(1);
                if threads > 1 {
                    encoder.multithread(threads)?;
                    // The content chooses where libzstd ends a job, for stores that keep equal data
                    // once.
                    encoder.set_parameter(zstd::zstd_safe::CParameter::RSyncable(true))?;
                }
                let background = Background::start(inner, encoder, stop)?;
                Encoder::Zstd(background, Tally::default())
            }
        })
    }

    /// Ends the compressed stream. Returns the inner writer, and the length and CRC-32 of the
    /// content.
    ///
    /// # Errors
    /// When compressing fails or `W` cannot be written.
    pub fn finish(self) -> io::Result<(W, Totals)> {
        match self {
            Encoder::Gzip(writer) => writer.finish(),
            Encoder::Zstd(encoder, tally) => Ok((encoder.finish()?, tally.totals())),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Encoder::Gzip(writer) => writer.write(data),
            Encoder::Zstd(encoder, tally) => {
                let written = encoder.write(data)?;
                tally.update(&data[..written]);
                Ok(written)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Encoder::Gzip(writer) => writer.flush(),
            Encoder::Zstd(encoder, _) => encoder.flush(),
        }
    }
}

/// Computes the CRC-32 (first field) and the length in bytes (second field) of the content.
#[derive(Default)]
#[allow(missing_debug_implementations)]
pub struct Tally(flate2::Crc, u64);

impl Tally {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
        self.1 += data.len() as u64;
    }

    fn totals(&self) -> Totals {
        Totals {
            bytes: self.1,
            crc32: self.0.sum(),
        }
    }
}

/// Decompresses the content of a dump, behind its header. Before it reports the end of the content,
/// it checks the stream's own checksums and that no data follows the stream.
#[allow(missing_debug_implementations)]
pub enum Decoder<R: Read> {
    /// Reads one gzip member; see [`GzipReader`].
    Gzip(Box<GzipReader<R>>),
    /// Reads one zstd frame; see [`ZstdReader`].
    Zstd(Box<BufReader<ZstdReader<R>>>),
}

impl<R: Read> Decoder<R> {
    /// Returns a decoder that reads from `inner`, which must be positioned behind the header, at
    /// byte `offset` of the file.
    ///
    /// # Errors
    /// When the zstd decoder cannot be created.
    pub fn new(inner: R, compression: Compression, offset: u64) -> io::Result<Self> {
        Ok(match compression {
            Compression::Gzip => Decoder::Gzip(Box::new(GzipReader::new(inner, offset))),
            Compression::Zstd => {
                let reader = ZstdReader::new(inner, offset)?;
                Decoder::Zstd(Box::new(BufReader::with_capacity(OUTPUT_LEN, reader)))
            }
        })
    }

    /// Returns the length and CRC-32 of the content, or `None` before the end of the content.
    #[must_use]
    pub fn totals(&self) -> Option<Totals> {
        match self {
            Decoder::Gzip(reader) => reader.totals(),
            Decoder::Zstd(reader) => {
                let reader = reader.get_ref();
                reader.ended.then(|| reader.tally.totals())
            }
        }
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Decoder::Gzip(reader) => reader.read(buffer),
            Decoder::Zstd(reader) => reader.read(buffer),
        }
    }
}

impl<R: Read> BufRead for Decoder<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Decoder::Gzip(reader) => reader.fill_buf(),
            Decoder::Zstd(reader) => reader.fill_buf(),
        }
    }

    fn consume(&mut self, bytes: usize) {
        match self {
            Decoder::Gzip(reader) => reader.consume(bytes),
            Decoder::Zstd(reader) => reader.consume(bytes),
        }
    }
}

/// Decompresses one zstd frame and checks that the file ends behind it.
#[allow(missing_debug_implementations)]
pub struct ZstdReader<R: Read> {
    decoder: zstd::Decoder<'static, BufReader<OffsetReader<R>>>,
    tally: Tally,
    ended: bool,
}

impl<R: Read> ZstdReader<R> {
    fn new(inner: R, offset: u64) -> io::Result<Self> {
        let counted = OffsetReader { inner, offset };
        let decoder = zstd::Decoder::new(counted)?.single_frame();
        Ok(ZstdReader {
            decoder,
            tally: Tally::default(),
            ended: false,
        })
    }

    fn explain(&self, error: &io::Error) -> io::Error {
        let at = self.decoder.get_ref().get_ref().offset;
        let how = match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                format!("the file ends at byte {at}, before the end of the compressed data")
            }
            _ => format!("the compressed data is damaged before byte {at}: {error}"),
        };
        io::Error::new(io::ErrorKind::InvalidData, how)
    }
}

impl<R: Read> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let read = match self.decoder.read(buffer) {
            Ok(read) => read,
            // An I/O error of the file carries an errno; an error of libzstd does not.
            Err(error) if error.raw_os_error().is_some() || stop::is_stopped(&error) => {
                return Err(error);
            }
            Err(error) => return Err(self.explain(&error)),
        };
        self.tally.update(&buffer[..read]);
        if read == 0 {
            let rest = io::copy(self.decoder.get_mut(), &mut io::sink())?;
            if rest > 0 {
                let how = format!(
                    "{} after the end of the compressed data",
                    crate::human::format_count(rest, "byte")
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, how));
            }
            self.ended = true;
        }
        Ok(read)
    }
}

struct OffsetReader<R> {
    inner: R,
    offset: u64,
}

impl<R: Read> Read for OffsetReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.offset += read as u64;
        Ok(read)
    }
}
