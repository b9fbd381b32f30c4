use std::{
    collections::VecDeque,
    io::{self, Write},
    mem,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, TryRecvError},
    },
    time::Duration,
};

use flate2::Crc;

use super::{
    border,
    pool::{Block, BlockJob, Compressed, Pool, make_panic_error},
    totals::Totals,
};

/// The most content that a block has, in bytes.
pub(super) const MAX_BLOCK_LEN: usize = *border::BLOCK_LENGTHS.end();
/// The size of deflate's window in bytes: no match reaches further back.
pub(super) const DICTIONARY_LEN: usize = 32 * 1024;
/// The longest time to wait for a block before the compressing threads must hurry. On a machine
/// with some free time, a block takes a few milliseconds.
const PATIENCE: Duration = Duration::from_millis(20);

/// Compresses content and writes it to `inner`, in order, as the body and trailer of one gzip
/// member. The caller must have written the member's header to `inner` before.
///
/// Only the thread that calls [`write`](Write::write), [`flush`](Write::flush) and
/// [`finish`](Self::finish) writes to `inner`. At most `2 x threads + 1` blocks are in flight; each
/// takes about 1 MiB of memory. After an error the member cannot be completed: no later call writes
/// to `inner`, and [`finish`](Self::finish) fails.
#[derive(Debug)]
pub struct GzipWriter<W: Write> {
    inner: W,
    level: u8,
    pool: Arc<Pool>,
    pub(super) block: Block,
    in_flight: VecDeque<Receiver<io::Result<Compressed>>>,
    spare_blocks: Vec<Block>,
    spare_outputs: Vec<Vec<u8>>,
    crc: Crc,
    pub(super) bytes: u64,
    failed: bool,
}

impl<W: Write> GzipWriter<W> {
    /// Returns a writer with a level of 0 (stored) to 9 (smallest output). A level above 9 means 9.
    pub fn new(inner: W, level: u8, pool: &Arc<Pool>) -> Self {
        Self {
            inner,
            level: level.min(9),
            pool: Arc::clone(pool),
            block: Block::default(),
            in_flight: VecDeque::new(),
            spare_blocks: Vec::new(),
            spare_outputs: Vec::new(),
            crc: Crc::new(),
            bytes: 0,
            failed: false,
        }
    }

    /// Returns the inner writer. It may not have received the last blocks yet.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// Returns the inner writer. Bytes that the caller writes to it become part of the member.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// Compresses the remaining content and writes the trailer. Returns `inner`, not flushed, and
    /// the length and CRC-32 of the content.
    ///
    /// # Errors
    ///
    /// When `inner` cannot be written or a compressing thread fails.
    pub fn finish(mut self) -> io::Result<(W, Totals)> {
        self.submit(self.data_len(), true)?;
        self.write_all_results()?;
        let totals = Totals {
            bytes: self.bytes,
            crc32: self.crc.sum(),
        };
        self.inner.write_all(&totals.to_trailer())?;
        Ok((self.inner, totals))
    }

    fn data_len(&self) -> usize {
        self.block
            .bytes
            .len()
            .saturating_sub(self.block.dictionary_len)
    }

    /// Has the first `len` bytes of the block's content compressed. The rest begins the next block.
    fn submit(&mut self, len: usize, last: bool) -> io::Result<()> {
        self.write_ready_results()?;
        while self.in_flight.len() > 2 * self.pool.threads() {
            self.write_oldest_result()?;
        }
        let mut next = self.spare_blocks.pop().unwrap_or_default();
        self.block.split_off_into(len, &mut next);
        let (result, receiver) = mpsc::channel();
        self.in_flight.push_back(receiver);
        self.pool.submit(BlockJob {
            block: mem::replace(&mut self.block, next),
            level: self.level,
            last,
            output: self.spare_outputs.pop().unwrap_or_default(),
            result,
        })
    }

    /// Writes the blocks that are already compressed, so that a reader of the growing output can
    /// continue.
    fn write_ready_results(&mut self) -> io::Result<()> {
        while let Some(oldest) = self.in_flight.front() {
            match oldest.try_recv() {
                Ok(result) => self.write_result(result)?,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Err(make_panic_error()),
            }
        }
        Ok(())
    }

    fn write_all_results(&mut self) -> io::Result<()> {
        while !self.in_flight.is_empty() {
            self.write_oldest_result()?;
        }
        Ok(())
    }

    fn write_oldest_result(&mut self) -> io::Result<()> {
        let Some(oldest) = self.in_flight.front() else {
            return Ok(());
        };
        let result = match oldest.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Timeout) => {
                self.pool.hurry();
                oldest.recv().ok()
            }
            received => received.ok(),
        };
        let result = result.ok_or_else(make_panic_error)?;
        self.write_result(result)
    }

    /// Writes the result of the oldest job and removes the job from those in flight.
    fn write_result(&mut self, result: io::Result<Compressed>) -> io::Result<()> {
        if mem::replace(&mut self.failed, true) {
            return Err(io::Error::other("an earlier block could not be written"));
        }
        self.in_flight.pop_front();
        let Compressed {
            block,
            mut output,
            crc,
        } = result?;
        self.inner.write_all(&output)?;
        self.crc.combine(&crc);
        self.bytes += (block.bytes.len() - block.dictionary_len) as u64;
        output.clear();
        self.spare_outputs.push(output);
        self.spare_blocks.push(block);
        self.failed = false;
        Ok(())
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.data_len() == MAX_BLOCK_LEN && !data.is_empty() {
            let content = &self.block.bytes[self.block.dictionary_len..];
            self.submit(border::block_len(content), false)?;
        }
        let taken = data.len().min(MAX_BLOCK_LEN - self.data_len());
        self.block
            .bytes
            .reserve_exact(DICTIONARY_LEN + MAX_BLOCK_LEN - self.block.bytes.len());
        self.block.bytes.extend_from_slice(&data[..taken]);
        Ok(taken)
    }

    /// Compresses and writes all content so far. This makes the output somewhat larger.
    fn flush(&mut self) -> io::Result<()> {
        if self.data_len() > 0 {
            self.submit(self.data_len(), false)?;
        }
        self.write_all_results()?;
        self.inner.flush()
    }
}

impl Block {
    /// Makes `next` the block that follows the first `len` bytes of this block's content: its
    /// dictionary is the end of these bytes, and its content is the rest, which this block loses.
    fn split_off_into(&mut self, len: usize, next: &mut Self) {
        let end = self.dictionary_len + len;
        let dictionary = end.saturating_sub(DICTIONARY_LEN);
        next.bytes.clear();
        next.bytes.extend_from_slice(&self.bytes[dictionary..]);
        next.dictionary_len = end - dictionary;
        self.bytes.truncate(end);
    }
}
