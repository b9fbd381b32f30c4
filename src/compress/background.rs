//! zstd in a thread of its own.
//!
//! At high levels libzstd compresses tens of megabytes in one call, and freeing its encoder waits
//! for that too. Here neither keeps a run from stopping: the caller waits for the thread in short
//! steps and leaves it behind when the work must end. The caller's own thread does all the writing.

use std::io::{self, Write};
use std::mem;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::stop::Stop;

/// Pieces of content that may wait for the thread.
const AHEAD: usize = 8;
/// How long to wait before looking whether the work must stop.
const STEP: Duration = Duration::from_millis(50);

enum Piece {
    Content(Vec<u8>),
    /// The content ends here. Where the channel ends without it, the dump was given up.
    End,
}

/// Writes into `W` the zstd frame of what is written to it.
#[allow(missing_debug_implementations)]
pub struct Background<W> {
    inner: W,
    pieces: SyncSender<Piece>,
    compressed: Receiver<io::Result<Vec<u8>>>,
    thread: JoinHandle<()>,
    stop: Stop,
}

impl<W: Write> Background<W> {
    /// Starts the thread. Work ends early when `stop` says so.
    ///
    /// # Errors
    /// When the system refuses a thread.
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

    /// Ends the frame and returns the writer behind it.
    ///
    /// # Errors
    /// Any of compressing or of `W`; that the work must stop.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.send(Piece::End)?;
        while self.wait()? {}
        // A thread that panicked closed its channel too.
        let joined = self.thread.join();
        joined.map_err(|_| io::Error::other("the compressor panicked"))?;
        Ok(self.inner)
    }

    fn send(&mut self, mut piece: Piece) -> io::Result<()> {
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

    /// Waits a little for what the thread made, and writes it. Returns false when the thread ended.
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
        self.send(Piece::Content(data.to_owned()))?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The thread's work: compresses pieces until their end, an error, or until nobody sends more.
fn compress(
    mut encoder: zstd::Encoder<'static, Vec<u8>>,
    pieces: &Receiver<Piece>,
    made: &Sender<io::Result<Vec<u8>>>,
) {
    for piece in pieces {
        let compressed = match piece {
            Piece::Content(data) => encoder
                .write_all(&data)
                .map(|()| mem::take(encoder.get_mut())),
            Piece::End => {
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
