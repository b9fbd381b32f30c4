//! The first writer of the chain: every byte of the source passes through it.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

use crate::content::Fingerprint;
use crate::human::format_hexadecimal;
use crate::progress::Progress;
use crate::stop::Stop;

/// Hashes the bytes that pass, shows the progress, and fails when work must end.
#[allow(missing_debug_implementations)]
pub struct Meter<'a, W> {
    inner: W,
    hash: Sha256,
    fingerprint: Option<Fingerprint>,
    bytes: u64,
    failed: Option<io::Error>,
    progress: &'a mut Progress,
    stop: Stop,
}

impl<'a, W: Write> Meter<'a, W> {
    /// Returns a meter that writes to `inner`. The bytes also go to `fingerprint`.
    pub fn new(
        inner: W,
        fingerprint: Option<Fingerprint>,
        progress: &'a mut Progress,
        stop: Stop,
    ) -> Self {
        Meter {
            inner,
            hash: Sha256::new(),
            fingerprint,
            bytes: 0,
            failed: None,
            progress,
            stop,
        }
    }

    /// Returns the error of `inner` if a write failed because of it, else `None`: then the source
    /// failed.
    pub fn take_failure(&mut self) -> Option<io::Error> {
        self.failed.take()
    }

    /// Returns `inner`, the hexadecimal SHA-256 of all bytes, and their fingerprint.
    pub fn finish(self) -> (W, String, Option<String>) {
        let sha256 = format_hexadecimal(&self.hash.finalize());
        (
            self.inner,
            sha256,
            self.fingerprint.map(Fingerprint::finish),
        )
    }
}

impl<W: Write> Write for Meter<'_, W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.stop.check().map_err(io::Error::other)?;
        match self.inner.write(data) {
            Ok(written) => {
                self.hash.update(&data[..written]);
                if let Some(fingerprint) = &mut self.fingerprint {
                    fingerprint.add(&data[..written]);
                }
                self.bytes += written as u64;
                self.progress.show_bytes(self.bytes);
                Ok(written)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failed = Some(error);
                Err(kind.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
