use std::io::{self, BufRead, Read};

use flate2::Crc;

use super::totals::{TRAILER_LEN, Totals};
use crate::inflate::Inflater;

const INPUT_LEN: usize = 128 * 1024;
const OUTPUT_LEN: usize = 256 * 1024;

/// Reads the decompressed content of one gzip member that is all of the rest of `inner`, which
/// stands behind the member's header.
///
/// Before it says that the content has ended, it has compared the trailer's CRC-32 and length with
/// the content's and found nothing behind the trailer. Damage is an error of the kind
/// [`InvalidData`](io::ErrorKind::InvalidData) that says where in the file and what, and stays so
/// when asked again. Errors of `inner` are passed on as they are.
pub struct GzipReader<R: Read> {
    inner: R,
    input: Buffer,
    /// Where in the compressed file `input` starts.
    position: u64,
    output: Buffer,
    inflater: Inflater,
    crc: Crc,
    pub(super) bytes: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Body,
    Trailer,
    /// Nothing may follow.
    After,
    Ended,
    Damaged(String),
}

impl<R: Read> GzipReader<R> {
    /// A reader of what follows a header of `offset` bytes.
    pub fn new(inner: R, offset: u64) -> Self {
        Self {
            inner,
            input: Buffer::new(INPUT_LEN),
            position: offset,
            output: Buffer::new(OUTPUT_LEN),
            inflater: Inflater::new(),
            crc: Crc::new(),
            bytes: 0,
            state: State::Body,
        }
    }

    /// The content's length and CRC-32, once its end has been read and found right.
    pub fn totals(&self) -> Option<Totals> {
        matches!(self.state, State::Ended).then(|| self.totals_so_far())
    }

    fn totals_so_far(&self) -> Totals {
        Totals {
            bytes: self.bytes,
            crc32: self.crc.sum(),
        }
    }

    /// One step of decoding, checking or reading.
    fn advance(&mut self) -> io::Result<()> {
        match &self.state {
            State::Body => self.decode(),
            State::Trailer => self.check_trailer(),
            State::After => self.check_end(),
            State::Ended => Ok(()),
            State::Damaged(what) => Err(io::Error::new(io::ErrorKind::InvalidData, what.clone())),
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
                return self.damaged(format!(
                    "the compressed data is damaged at byte {position}: {reason}"
                ));
            }
        };
        self.consume_input(step.consumed);
        self.output.range = 0..step.produced;
        self.crc.update(self.output.filled());
        self.bytes += step.produced as u64;
        if step.finished {
            self.state = State::Trailer;
        } else if step.consumed == 0 && step.produced == 0 {
            if self.input.is_full() {
                return self.damaged(format!(
                    "the compressed data is damaged at byte {}: it does not go on",
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
            return self.damaged(format!(
                "the CRC-32 differs: the trailer at byte {} has {crc32:08x}, the content {:08x}",
                self.position, totals.crc32
            ));
        }
        if length != totals.length_modulo() {
            return self.damaged(format!(
                "the length differs: the trailer at byte {} has {length}, the content {} (modulo 2^32)",
                self.position,
                totals.length_modulo()
            ));
        }
        self.consume_input(TRAILER_LEN);
        self.state = State::After;
        Ok(())
    }

    fn check_end(&mut self) -> io::Result<()> {
        if self.input.filled().is_empty() && self.input.fill_from(&mut self.inner)? == 0 {
            self.state = State::Ended;
            return Ok(());
        }
        self.damaged(format!(
            "more data follows the end of the compressed data at byte {}",
            self.position
        ))
    }

    fn read_or_damaged(&mut self, ends: &str) -> io::Result<()> {
        if self.input.fill_from(&mut self.inner)? > 0 {
            return Ok(());
        }
        let end = self.position + self.input.filled().len() as u64;
        self.damaged(format!("the file ends at byte {end}, {ends}"))
    }

    fn consume_input(&mut self, bytes: usize) {
        self.input.range.start += bytes;
        self.position += bytes as u64;
    }

    fn damaged(&mut self, what: String) -> io::Result<()> {
        self.state = State::Damaged(what);
        self.advance()
    }
}

impl<R: Read> BufRead for GzipReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.output.filled().is_empty() && !matches!(self.state, State::Ended) {
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

    /// One read behind what is there, moved to the front.
    fn fill_from(&mut self, source: &mut impl Read) -> io::Result<usize> {
        self.bytes.copy_within(self.range.clone(), 0);
        self.range = 0..self.range.len();
        let read = source.read(&mut self.bytes[self.range.end..])?;
        self.range.end += read;
        Ok(read)
    }
}
