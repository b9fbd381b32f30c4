use std::io::{self, BufRead, Read};

use flate2::Crc;

use super::totals::{TRAILER_LEN, Totals};
use crate::inflate::Inflater;

const INPUT_LEN: usize = 128 * 1024;
const OUTPUT_LEN: usize = 256 * 1024;

/// Reads the decompressed content of one gzip member. `inner` must be positioned behind the
/// member's header and must end with the member.
///
/// Before it reports the end of the content, it compares the trailer's CRC-32 and length with those
/// of the content and checks that no data follows the trailer. Damage is an error of the kind
/// [`InvalidData`](io::ErrorKind::InvalidData) that says what is damaged and at which byte of the
/// file; every later read returns the same error. Errors of `inner` are returned unchanged.
pub struct GzipReader<R: Read> {
    inner: R,
    input: Buffer,
    /// The offset in the compressed file of the first byte of `input` that is not used yet.
    position: u64,
    output: Buffer,
    inflater: Inflater,
    crc: Crc,
    pub(super) bytes: u64,
    state: ReaderState,
}

#[derive(Debug)]
enum ReaderState {
    Body,
    Trailer,
    /// The trailer has been checked; no data may follow it.
    After,
    Ended,
    Damaged(String),
}

impl<R: Read> GzipReader<R> {
    /// Returns a reader of the stream that follows a header of `offset` bytes.
    pub fn new(inner: R, offset: u64) -> Self {
        Self {
            inner,
            input: Buffer::new(INPUT_LEN),
            position: offset,
            output: Buffer::new(OUTPUT_LEN),
            inflater: Inflater::new(),
            crc: Crc::new(),
            bytes: 0,
            state: ReaderState::Body,
        }
    }

    /// Returns the length and CRC-32 of the content, or `None` before the end of the member has
    /// been read and checked.
    pub fn totals(&self) -> Option<Totals> {
        matches!(self.state, ReaderState::Ended).then(|| self.totals_so_far())
    }

    fn totals_so_far(&self) -> Totals {
        Totals {
            bytes: self.bytes,
            crc32: self.crc.sum(),
        }
    }

    /// Performs one step: decodes, or checks the trailer, or checks that the file ends.
    fn advance(&mut self) -> io::Result<()> {
        match &self.state {
            ReaderState::Body => self.decode(),
            ReaderState::Trailer => self.check_trailer(),
            ReaderState::After => self.check_end(),
            ReaderState::Ended => Ok(()),
            ReaderState::Damaged(what) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, what.clone()))
            }
        }
    }

    fn decode(&mut self) -> io::Result<()> {
        let step = match self
            .inflater
            .step(self.input.filled(), &mut self.output.bytes)
        {
            Ok(step) => step,
            Err(damage) => {
                let position = self.position + damage.consumed as u64;
                let reason = damage.reason;
                return self.report_damage(format!(
                    "the compressed data is damaged at byte {position}: {reason}"
                ));
            }
        };
        self.consume_input(step.consumed);
        self.output.range = 0..step.produced;
        self.crc.update(self.output.filled());
        self.bytes += step.produced as u64;
        if step.finished {
            self.state = ReaderState::Trailer;
        } else if step.consumed == 0 && step.produced == 0 {
            if self.input.is_full() {
                return self.report_damage(format!(
                    "the compressed data is damaged at byte {}: decoding stops there",
                    self.position
                ));
            }
            self.read_or_damaged("before the end of the compressed data")?;
        }
        Ok(())
    }

    fn check_trailer(&mut self) -> io::Result<()> {
        let Some(trailer) = self.input.filled().first_chunk::<TRAILER_LEN>() else {
            return self.read_or_damaged("before the end of its trailer");
        };
        let [c0, c1, c2, c3, l0, l1, l2, l3] = *trailer;
        let crc32 = u32::from_le_bytes([c0, c1, c2, c3]);
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let totals = self.totals_so_far();
        if crc32 != totals.crc32 {
            return self.report_damage(format!(
                "the CRC-32 differs: the trailer at byte {} has {crc32:08x}, the content {:08x}",
                self.position, totals.crc32
            ));
        }
        if length != totals.length_modulo() {
            return self.report_damage(format!(
                "the length differs: the trailer at byte {} has {length}, the content {} (modulo 2^32)",
                self.position,
                totals.length_modulo()
            ));
        }
        self.consume_input(TRAILER_LEN);
        self.state = ReaderState::After;
        Ok(())
    }

    fn check_end(&mut self) -> io::Result<()> {
        if self.input.filled().is_empty() && self.input.fill_from(&mut self.inner)? == 0 {
            self.state = ReaderState::Ended;
            return Ok(());
        }
        self.report_damage(format!(
            "more data follows the end of the compressed data at byte {}",
            self.position
        ))
    }

    fn read_or_damaged(&mut self, ends: &str) -> io::Result<()> {
        if self.input.fill_from(&mut self.inner)? > 0 {
            return Ok(());
        }
        let end = self.position + self.input.filled().len() as u64;
        self.report_damage(format!("the file ends at byte {end}, {ends}"))
    }

    fn consume_input(&mut self, bytes: usize) {
        self.input.range.start += bytes;
        self.position += bytes as u64;
    }

    fn report_damage(&mut self, what: String) -> io::Result<()> {
        self.state = ReaderState::Damaged(what);
        self.advance()
    }
}

impl<R: Read> BufRead for GzipReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.output.filled().is_empty() && !matches!(self.state, ReaderState::Ended) {
            self.advance()?;
        }
        Ok(self.output.filled())
    }

    fn consume(&mut self, bytes: usize) {
        self.output.range.start = self.output.range.end.min(self.output.range.start + bytes);
    }
}

impl<R: Read> Read for GzipReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let bytes = self.fill_buf()?.read(buffer)?;
        self.consume(bytes);
        Ok(bytes)
    }
}

struct Buffer {
    bytes: Box<[u8]>,
    range: std::ops::Range<usize>,
}

impl Buffer {
    fn new(len: usize) -> Self {
        Self {
            bytes: vec![0; len].into(),
            range: 0..0,
        }
    }

    fn filled(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }

    fn is_full(&self) -> bool {
        self.range.len() == self.bytes.len()
    }

    /// Moves the unused bytes to the front of the buffer and reads once into the space behind them.
    /// Returns the number of bytes read.
    fn fill_from(&mut self, source: &mut impl Read) -> io::Result<usize> {
        self.bytes.copy_within(self.range.clone(), 0);
        self.range = 0..self.range.len();
        let read = source.read(&mut self.bytes[self.range.end..])?;
        self.range.end += read;
        Ok(read)
    }
}
