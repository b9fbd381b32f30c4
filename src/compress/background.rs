//! Compresses with zstd in a separate thread.
//!
//! At high levels libzstd compresses tens of megabytes in one call, and freeing its encoder waits
//! for that call to return. A run that must stop does not wait for either: the caller waits for the
//! thread in short steps and abandons it when work must end. Only the caller's thread writes to
//! `W`.

use std::io::{self, Write};
use std::mem;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::stop::Stop;

/// The maximum number of pieces of content that wait for the thread.
const AHEAD: usize = 8;
/// The interval at which a waiting caller checks whether work must end.
const STEP: Duration = Duration::from_millis(50);

enum BackgroundTask {
    Content(Vec<u8>),
    /// The end of the content. If the channel closes without it, the dump was abandoned.
    End,
}

/// Compresses the content that is written to it into one zstd frame and writes the frame to `W`.
#[allow(missing_debug_implementations)]
pub struct Background<W> {
    inner: W,
    pieces: SyncSender<BackgroundTask>,
    compressed: Receiver<io::Result<Vec<u8>>>,
    thread: JoinHandle<()>,
    stop: Stop,
}

impl<W: Write> Background<W> {
    /// Starts the thread. Later calls end early with an error when `stop` requires it.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub(super) fn start(
        inner: W,
        encoder: zstd::Encoder<'static, Vec<u8>>,
        stop: Stop,
    ) -> io::Result<Self> {
        let (pieces, taken) = mpsc::sync_channel(AHEAD);
        let (made, compressed) = mpsc::channel();
        let thread = thread::Builder::new().name("zstd".to_owned());
        let thread = thread.spawn(move || compress(encoder, &taken, &made))?;
        Ok(Background {
            inner,
            pieces,
            compressed,
            thread,
            stop,
        })
    }

    /// Ends the frame and returns the inner writer.
    ///
    /// # Errors
    /// When compressing fails, when `W` cannot be written, or when work must end.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.send(BackgroundTask::End)?;
        while self.wait()? {}
        // The channel also closes when the thread panics.
        let joined = self.thread.join();
        joined.map_err(|_| io::Error::other("the compressor panicked"))?;
        Ok(self.inner)
    }

    fn send(&mut self, mut piece: BackgroundTask) -> io::Result<()> {
        while let Ok(compressed) = self.compressed.try_recv() {
            self.inner.write_all(&compressed?)?;
        }
        loop {
            piece = match self.pieces.try_send(piece) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(piece) | TrySendError::Disconnected(piece)) => piece,
            };
            if !self.wait()? {
                return Err(io::Error::other("the compressor ended early"));
            }
        }
    }

    /// Waits up to `STEP` for compressed data from the thread and writes it. Returns false if the
    /// thread has ended.
    fn wait(&mut self) -> io::Result<bool> {
        match self.compressed.recv_timeout(STEP) {
            Ok(compressed) => self.inner.write_all(&compressed?)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
        }
        self.stop.check().map_err(io::Error::other)?;
        Ok(true)
    }
}

impl<W: Write> Write for Background<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.send(BackgroundTask::Content(data.to_owned()))?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Runs in the thread: compresses pieces until `BackgroundTask::End`, an error, or the end of a channel.
fn compress(
    mut encoder: zstd::Encoder<'static, Vec<u8>>,
    pieces: &Receiver<BackgroundTask>,
    made: &Sender<io::Result<Vec<u8>>>,
) {
    for piece in pieces {
        let compressed = match piece {
            BackgroundTask::Content(data) => encoder
                .write_all(&data)
                .map(|()| mem::take(encoder.get_mut())),
            BackgroundTask::End => {
                let _ = made.send(encoder.finish());
                return;
            }
        };
        let failed = compressed.is_err();
        if made.send(compressed).is_err() || failed {
            return;
        }
    }
}
