//! Reads a dump back while it is being written, through the same inode.
//!
//! The reader follows the writer at its own pace and waits at the end of what is there. It gets
//! past the true end of the file only once the writer has said [`ReadBackWriter::complete`], which comes
//! after the header's own completion, and then reads the header again from the start.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

#[cfg(target_os = "linux")]
use rustix::fs::{Advice, fadvise};

use crate::compress::Decoder;
use crate::gzip::Totals;
use crate::header::Header;
use crate::name::Compression;
use crate::niceness::let_others_first;

const PASSED_BYTES: u64 = 8 << 20;

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Writing,
    Complete,
    Abandoned,
}

struct WriterProgress {
    state: Mutex<(u64, Phase)>,
    changed: Condvar,
}

impl WriterProgress {
    fn update(&self, change: impl FnOnce(&mut (u64, Phase))) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }
}

/// The writing end of a file that is read back.
#[allow(missing_debug_implementations)]
pub struct ReadBackWriter {
    file: File,
    length: u64,
    progress: Arc<WriterProgress>,
}

impl ReadBackWriter {
    /// Returns how many bytes were written so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Rewrites the header in place, in one call.
    ///
    /// # Errors
    /// Any of the file.
    pub fn rewrite_header(&self, header: &[u8]) -> io::Result<()> {
        self.file.write_all_at(header, 0)
    }

    /// All is written: the reader may go to the end. The file's length in bytes.
    #[must_use]
    pub fn complete(self) -> u64 {
        self.progress.update(|state| state.1 = Phase::Complete);
        self.length
    }
}

impl Write for ReadBackWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.file.write(data)?;
        self.length += written as u64;
        self.progress.update(|state| state.0 = self.length);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for ReadBackWriter {
    fn drop(&mut self) {
        self.progress.update(|state| {
            if state.1 == Phase::Writing {
                state.1 = Phase::Abandoned;
            }
        });
    }
}

/// What reading back found: the content's length and CRC, and the header as it is now.
pub type Found = (Totals, Header);

/// The reading end. To be dropped after [`ReadBackWriter`], for whose end it waits: a file that is given
/// up takes space until the last descriptor of it is closed.
#[allow(missing_debug_implementations)]
pub struct ReadBack(Option<JoinHandle<io::Result<Found>>>);

impl ReadBack {
    /// What was found, once the writer has completed.
    ///
    /// # Errors
    /// Damage, or any error of reading.
    pub fn join(mut self) -> io::Result<Found> {
        let found = self.0.take().and_then(|thread| thread.join().ok());
        found.unwrap_or_else(|| Err(io::Error::other("the read-back panicked")))
    }
}

impl Drop for ReadBack {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

/// Begins with `file`, which is empty and whose first `header` bytes are to be a dump's header.
///
/// # Errors
/// When the file's descriptor or a thread cannot be had.
pub fn start(
    file: &File,
    header: usize,
    compression: Compression,
) -> io::Result<(ReadBackWriter, ReadBack)> {
    let progress = Arc::new(WriterProgress {
        state: Mutex::new((0, Phase::Writing)),
        changed: Condvar::new(),
    });
    let written = ReadBackWriter {
        file: file.try_clone()?,
        length: 0,
        progress: Arc::clone(&progress),
    };
    let follower = Follower {
        file: file.try_clone()?,
        position: header as u64,
        passed: 0,
        progress,
    };
    let thread = std::thread::Builder::new()
        .name("read-back".to_owned())
        .spawn(move || read(follower, compression))?;
    Ok((written, ReadBack(Some(thread))))
}

fn read(mut follower: Follower, compression: Compression) -> io::Result<Found> {
    let_others_first();
    let offset = follower.position;
    let mut decoder = Decoder::new(&mut follower, compression, offset)?;
    loop {
        let passed = decoder.fill_buf()?.len();
        if passed == 0 {
            break;
        }
        decoder.consume(passed);
    }
    let totals = decoder
        .totals()
        .ok_or_else(|| io::Error::other("the compressed data has no end"))?;
    drop(decoder);
    follower.position = 0;
    let (header, length, found) = Header::read(&mut io::BufReader::new(&mut follower))?;
    if (length, found) != (offset, compression) {
        return Err(io::Error::other("the header changed its length"));
    }
    Ok((totals, header))
}

struct Follower {
    file: File,
    position: u64,
    passed: u64,
    progress: Arc<WriterProgress>,
}

impl Follower {
    /// What was read back may go to the disk now: syncing then waits less. Advice only: errors are
    /// syncing's.
    fn pass(&mut self) {
        let length = self.position.saturating_sub(self.passed);
        if let Some(length) = NonZeroU64::new(length).filter(|length| length.get() >= PASSED_BYTES)
        {
            #[cfg(target_os = "linux")]
            let _ = fadvise(&self.file, self.passed, Some(length), Advice::DontNeed);
            self.passed += length.get();
        }
    }
}

impl Read for Follower {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self
            .progress
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let ahead =
            |state: &mut (u64, Phase)| state.1 == Phase::Writing && state.0 <= self.position;
        let state = self.progress.changed.wait_while(state, ahead);
        let (written, phase) = *state.unwrap_or_else(PoisonError::into_inner);
        let available = match phase {
            Phase::Writing => written.saturating_sub(self.position),
            Phase::Complete => u64::MAX,
            Phase::Abandoned => return Err(io::Error::other("the dump was given up")),
        };
        let wanted = usize::try_from(available).map_or(buffer.len(), |n| n.min(buffer.len()));
        let read = self.file.read_at(&mut buffer[..wanted], self.position)?;
        self.position += read as u64;
        self.pass();
        Ok(read)
    }
}
