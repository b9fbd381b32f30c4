use std::{
    io,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
};

use flate2::Crc;

use crate::deflate::Deflater;
use crate::niceness::Helper;

/// A pool of threads that compress the blocks of any number of [`GzipWriter`](super::GzipWriter)s.
///
/// The threads end when the pool and all writers that share it are dropped.
#[derive(Debug)]
pub struct Pool {
    threads: Vec<Arc<Helper>>,
    jobs: Sender<BlockJob>,
}

/// A block of content, preceded by its dictionary: the end of the content before the block.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) dictionary_len: usize,
}

#[derive(Debug)]
pub(super) struct BlockJob {
    pub(super) block: Block,
    pub(super) level: u8,
    pub(super) last: bool,
    /// An empty buffer for the compressed block.
    pub(super) output: Vec<u8>,
    /// The channel for the result. If the thread panics, it closes without a result.
    pub(super) result: Sender<io::Result<Compressed>>,
}

/// The result of a job, with its block, so that the block's buffer can be reused.
#[derive(Debug)]
pub(super) struct Compressed {
    pub(super) block: Block,
    pub(super) output: Vec<u8>,
    pub(super) crc: Crc,
}

impl Pool {
    /// Starts a pool of `threads` threads.
    ///
    /// # Errors
    ///
    /// When the system cannot start a thread.
    pub fn new(threads: NonZeroUsize) -> io::Result<Arc<Self>> {
        Ok(Self::start(threads)?.0)
    }

    pub(super) fn start(threads: NonZeroUsize) -> io::Result<(Arc<Self>, Vec<JoinHandle<()>>)> {
        let threads: Vec<_> = (0..threads.get()).map(|_| Arc::default()).collect();
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let start = |(number, helper)| {
            let (queue, helper) = (Arc::clone(&queue), Arc::clone(helper));
            thread::Builder::new()
                .name(format!("gzip-{number}"))
                .spawn(move || run_worker(&queue, &helper))
        };
        let handles = (1..).zip(&threads).map(start).collect::<io::Result<_>>()?;
        Ok((Arc::new(Self { threads, jobs }), handles))
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Gives the threads their share of the CPUs from now on, because somebody waits for a block.
    pub(super) fn hurry(&self) {
        for thread in &self.threads {
            thread.hurry();
        }
    }

    pub(super) fn submit(&self, job: BlockJob) -> io::Result<()> {
        self.jobs.send(job).map_err(|_| make_panic_error())
    }
}

pub(super) fn make_panic_error() -> io::Error {
    io::Error::other("a compressing thread panicked")
}

fn run_worker(queue: &Mutex<Receiver<BlockJob>>, helper: &Arc<Helper>) {
    let _helping = helper.begin();
    let mut deflater = Deflater::new(0);
    while let Some(job) = next_job(queue) {
        if deflater.level() != job.level {
            deflater = Deflater::new(job.level);
        }
        let result = job.result.clone();
        // Sending fails if the writer was dropped. Then the result is not needed.
        let _ = result.send(compress(&mut deflater, job));
    }
}

fn next_job(queue: &Mutex<Receiver<BlockJob>>) -> Option<BlockJob> {
    queue.lock().ok()?.recv().ok()
}

fn compress(deflater: &mut Deflater, job: BlockJob) -> io::Result<Compressed> {
    let BlockJob {
        block,
        last,
        mut output,
        ..
    } = job;
    let (dictionary, data) = block.bytes.split_at(block.dictionary_len);
    let mut crc = Crc::new();
    crc.update(data);
    deflater.block(dictionary, data, last, &mut output)?;
    Ok(Compressed { block, output, crc })
}
