//! Reads a dump back while it is being written, through the same inode.
//!
//! The reader follows the writer at its own pace and waits at the end of what is written. It
//! reaches the end of the file only after the writer has called [`ReadBackWriter::complete`], which
//! comes after the header is complete. Then the reader reads the header again from the start.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

#[cfg(target_os = "linux")]
use rustix::fs::{Advice, fadvise};

use crate::compress::Decoder;
use crate::gzip::Totals;
use crate::header::Header;
use crate::name::Compression;
use crate::niceness::Helper;

const PASSED_BYTES: u64 = 8 << 20;
/// The number of bytes that the reader may be behind the writer before it must hurry.
const MOST_BEHIND: u64 = 16 << 20;

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Writing,
    Complete,
    Abandoned,
}

struct WriterProgress {
    state: Mutex<(u64, Phase)>,
    changed: Condvar,
    /// The number of bytes that the reader has read.
    read: AtomicU64,
    reader: Arc<Helper>,
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
    /// Returns the number of bytes written so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Rewrites the header in place, in one call.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn rewrite_header(&self, header: &[u8]) -> io::Result<()> {
        self.file.write_all_at(header, 0)
    }

    /// Lets the reader read to the end of the file, because everything is written. Returns the
    /// file's length in bytes.
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
        let read = self.progress.read.load(Ordering::Relaxed);
        if self.length.saturating_sub(read) > MOST_BEHIND {
            self.progress.reader.hurry();
        }
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
        self.progress.reader.hurry();
    }
}

/// The result of reading back: the length and CRC-32 of the content, and the header as it now is in
/// the file.
pub type ReadBackResult = (Totals, Header);

/// The reading end. Drop it after the [`ReadBackWriter`]: dropping it waits for the reader, which
/// ends after the writer. An abandoned file takes space until its last descriptor is closed.
#[allow(missing_debug_implementations)]
pub struct ReadBack(Option<JoinHandle<io::Result<ReadBackResult>>>);

impl ReadBack {
    /// Waits until the whole file is read. Returns what was found.
    ///
    /// # Errors
    /// When the file is damaged, cannot be read, or was abandoned by the writer.
    pub fn join(mut self) -> io::Result<ReadBackResult> {
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

/// Starts the reader's thread. Returns the writing end and the reading end of `file`. The file must
/// be empty; its first `header` bytes become a dump's header.
///
/// # Errors
/// When the file's descriptor cannot be duplicated or a thread cannot be started.
pub fn start(
    file: &File,
    header: usize,
    compression: Compression,
) -> io::Result<(ReadBackWriter, ReadBack)> {
    let progress = Arc::new(WriterProgress {
        state: Mutex::new((0, Phase::Writing)),
        changed: Condvar::new(),
        read: AtomicU64::new(0),
        reader: Arc::default(),
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

fn read(mut follower: Follower, compression: Compression) -> io::Result<ReadBackResult> {
    let helper = Arc::clone(&follower.progress.reader);
    let _helping = helper.begin();
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
    /// Tells the kernel that the bytes that were read back may go to the disk now, so that syncing
    /// takes less time later. Errors of this advice are ignored: syncing reports those of the disk.
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
        self.progress.read.store(self.position, Ordering::Relaxed);
        self.pass();
        Ok(read)
    }
}
