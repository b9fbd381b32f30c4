//! What stands for encryption in a program that was built without it.

use std::io::{BufRead, Read, Write};
use std::path::Path;

use anyhow::{Result, bail};

use crate::exit::UsageError;

const WITHOUT: &str = "this program was built without encryption";

/// The public keys to which copies are encrypted: none.
#[derive(Debug, Default)]
pub(super) struct Recipients;

/// The private keys that decrypt copies: none.
#[derive(Debug)]
pub struct Identities;

/// A writer that does not encrypt.
#[derive(Debug)]
pub(super) struct Encrypted<W: Write>(W);

impl Recipients {
    /// Refuses recipients.
    ///
    /// # Errors
    /// [`UsageError`] when some are given.
    pub(super) fn read(recipients: &[String], file: Option<&Path>) -> Result<Self> {
        if recipients.is_empty() && file.is_none() {
            return Ok(Recipients);
        }
        Err(UsageError::new(WITHOUT).into())
    }

    /// Returns true, because copies are not encrypted.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        true
    }

    /// Returns a writer that does not encrypt.
    ///
    /// # Errors
    /// None.
    pub(super) fn encrypt<W: Write>(&self, out: W) -> Result<Encrypted<W>> {
        Ok(Encrypted(out))
    }
}

impl<W: Write> Encrypted<W> {
    /// Returns the writer below.
    ///
    /// # Errors
    /// None.
    pub(super) fn finish(self) -> std::io::Result<W> {
        Ok(self.0)
    }
}

impl<W: Write> Write for Encrypted<W> {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0.write(data)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl Identities {
    /// Refuses an identity file.
    ///
    /// # Errors
    /// [`UsageError`], always.
    pub fn read(_path: &Path) -> Result<Self> {
        Err(UsageError::new(WITHOUT).into())
    }

    /// Refuses to decrypt.
    ///
    /// # Errors
    /// Always.
    pub fn decrypt<'a>(&self, _from: impl BufRead + 'a) -> Result<Box<dyn Read + 'a>> {
        bail!(WITHOUT)
    }
}
