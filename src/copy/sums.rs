//! Counts and hashes the bytes that are uploaded or downloaded, limits their rate, and shows the progress.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::human;
use crate::progress::Progress;
use crate::stop::Stop;
use crate::store::{StoreError, UploadContent};

/// The longest sleep, so that work that must stop ends soon.
const NAP: Duration = Duration::from_millis(100);

/// A writer that counts and hashes the bytes that are written.
pub(super) struct SummingWriter<'a, W> {
    out: W,
    sums: Sha256,
    bytes: u64,
    /// The most bytes to upload in a second.
    rate: Option<u64>,
    started: Instant,
    progress: Progress,
    /// True if nothing more will be written.
    is_over: &'a AtomicBool,
    stop: Stop,
}

impl<'a, W: Write> SummingWriter<'a, W> {
    pub(super) fn new(
        out: W,
        rate: Option<u64>,
        progress: Progress,
        is_over: &'a AtomicBool,
        stop: Stop,
    ) -> Self {
        SummingWriter {
            out,
            sums: Sha256::new(),
            bytes: 0,
            rate,
            started: Instant::now(),
            progress,
            is_over,
            stop,
        }
    }

    pub(super) fn finish(self) -> UploadContent {
        UploadContent {
            bytes: self.bytes,
            sha256: human::format_hexadecimal(&self.sums.finalize()),
        }
    }

    /// Waits until no more has passed than the rate allows.
    fn slow_down(&self) -> Result<(), StoreError> {
        let Some(rate) = self.rate else {
            return Ok(());
        };
        let due = Duration::from_secs_f64(self.bytes as f64 / rate as f64);
        while let Some(early) = due.checked_sub(self.started.elapsed()) {
            self.stop.check()?;
            std::thread::sleep(early.min(NAP));
        }
        Ok(())
    }
}

impl<W: Write> Write for SummingWriter<'_, W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.is_over.load(Ordering::Relaxed) {
            return Err(io::Error::other("the dump is damaged"));
        }
        let written = self.out.write(data)?;
        self.sums.update(&data[..written]);
        self.bytes += written as u64;
        self.progress.show_bytes(self.bytes);
        self.slow_down()?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A reader that counts and hashes the bytes that are read.
pub(super) struct SummingReader<R> {
    from: R,
    sums: Sha256,
    bytes: u64,
}

impl<R: Read> SummingReader<R> {
    pub(super) fn new(from: R) -> Self {
        SummingReader {
            from,
            sums: Sha256::new(),
            bytes: 0,
        }
    }

    /// Reads the rest. Returns the number and the hash of all bytes.
    ///
    /// # Errors
    /// When the rest cannot be read.
    pub(super) fn finish(mut self) -> io::Result<UploadContent> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(UploadContent {
            bytes: self.bytes,
            sha256: human::format_hexadecimal(&self.sums.finalize()),
        })
    }
}

impl<R: Read> Read for SummingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.sums.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}
