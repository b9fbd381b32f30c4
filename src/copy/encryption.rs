//! Encryption in age's format: to recipients, whose private keys the copying machine does not have.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use age::{Decryptor, Encryptor, IdentityFile, x25519};
use anyhow::{Context, Result, bail, ensure};
use zeroize::Zeroizing;

use crate::exit::UsageError;

/// The greatest length in bytes of what precedes the encrypted content. One recipient takes 100 to 800
/// bytes.
const LONGEST_HEADER: u64 = 64 << 10;
/// How the last line of a header begins.
const LAST_LINE: &[u8] = b"---";

/// The public keys to which copies are encrypted.
#[derive(Default)]
pub(super) struct Recipients(Vec<Box<dyn age::Recipient + Send + Sync>>);

/// The private keys that decrypt copies.
pub struct Identities(Vec<Box<dyn age::Identity + Send + Sync>>);

/// A writer that encrypts. [`Encrypted::finish`] writes the end.
pub(super) struct Encrypted<W: Write>(age::stream::StreamWriter<W>);

impl Recipients {
    /// Reads recipients, and a file with one recipient on each line.
    ///
    /// # Errors
    /// [`UsageError`] for a text that is no recipient; when the file cannot be read or has no recipient.
    pub(super) fn read(recipients: &[String], file: Option<&Path>) -> Result<Self> {
        let mut all = Recipients::default();
        for recipient in recipients {
            all.0
                .push(parse(recipient).ok_or_else(|| refuse_recipient(recipient))?);
        }
        if let Some(path) = file {
            let shown = path.display();
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the recipients in {shown}"))?;
            let lines = text.lines().map(str::trim);
            let before = all.0.len();
            for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
                all.0
                    .push(parse(line).ok_or_else(|| refuse_recipient(line))?);
            }
            if all.0.len() == before {
                return Err(UsageError::new(&format!("{shown} has no recipient")).into());
            }
        }
        Ok(all)
    }

    /// Returns true if copies are not encrypted.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a writer that encrypts to all recipients.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub(super) fn encrypt<W: Write>(&self, out: W) -> Result<Encrypted<W>> {
        let recipients = self
            .0
            .iter()
            .map(|recipient| recipient.as_ref() as &dyn age::Recipient);
        let encryptor = Encryptor::with_recipients(recipients).context("cannot encrypt")?;
        Ok(Encrypted(encryptor.wrap_output(out)?))
    }
}

impl<W: Write> Encrypted<W> {
    /// Writes the end of the encrypted file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(self) -> std::io::Result<W> {
        self.0.finish()
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
    /// Reads a file of private keys: age's own, or an SSH key without a passphrase.
    ///
    /// # Errors
    /// When it cannot be read or has no key.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let context = || format!("cannot read the identity file {shown}");
        let file = File::open(path).with_context(context)?;
        if file.metadata().with_context(context)?.permissions().mode() & 0o004 != 0 {
            log::warn!(
                "every user of this machine can read the identity file {shown}; chmod 600 it"
            );
        }
        let mut text = Zeroizing::new(Vec::new());
        file.take(1 << 20)
            .read_to_end(&mut text)
            .with_context(context)?;
        if text.starts_with(b"-----BEGIN") {
            let identity = age::ssh::Identity::from_buffer(BufReader::new(&text[..]), None)
                .with_context(context)?;
            return match identity {
                age::ssh::Identity::Unencrypted(_) => Ok(Identities(vec![Box::new(identity)])),
                age::ssh::Identity::Encrypted(_) => {
                    bail!("the SSH key {shown} has a passphrase; name a key file without one")
                }
                age::ssh::Identity::Unsupported(_) => {
                    bail!(
                        "the SSH key {shown} is of a type that age does not know; expected ssh-ed25519 or ssh-rsa"
                    )
                }
            };
        }
        // The error is not shown, because it could repeat a key.
        let keys = IdentityFile::from_buffer(BufReader::new(&text[..]))
            .ok()
            .and_then(|file| file.into_identities().ok())
            .with_context(|| {
                format!("{shown} is not an identity file; make one with age-keygen")
            })?;
        ensure!(!keys.is_empty(), "the identity file {shown} has no key");
        Ok(Identities(keys))
    }

    /// Returns a reader that decrypts `from`.
    ///
    /// # Errors
    /// One sentence when `from` is not encrypted to any of these keys; `InvalidData` when it is damaged;
    /// when `from` cannot be read.
    pub fn decrypt<'a>(&self, mut from: impl BufRead + 'a) -> Result<Box<dyn Read + 'a>> {
        let header = Cursor::new(read_header(&mut from)?);
        let decryptor = Decryptor::new_buffered(header.chain(from)).map_err(explain)?;
        let identities = self
            .0
            .iter()
            .map(|identity| identity.as_ref() as &dyn age::Identity);
        Ok(Box::new(decryptor.decrypt(identities).map_err(explain)?))
    }
}

/// Reads a header. The decryptor itself would hold a header of any length, and parse it once for each
/// of its lines.
///
/// # Errors
/// `InvalidData` when the header is too long; any of `from`.
fn read_header(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut header = Vec::new();
    let mut from = from.take(LONGEST_HEADER);
    loop {
        let line = header.len();
        if from.read_until(b'\n', &mut header)? == 0 && from.limit() == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // The decryptor says what is wrong with a header that ends too early.
        if header.len() == line || header[line..].starts_with(LAST_LINE) {
            return Ok(header);
        }
    }
}

fn explain(error: age::DecryptError) -> anyhow::Error {
    match error {
        age::DecryptError::NoMatchingKeys => {
            anyhow::anyhow!("it is not encrypted to any key of the identity file")
        }
        age::DecryptError::Io(error) => error.into(),
        _ => std::io::Error::from(std::io::ErrorKind::InvalidData).into(),
    }
}

fn parse(text: &str) -> Option<Box<dyn age::Recipient + Send + Sync>> {
    if let Ok(recipient) = text.parse::<x25519::Recipient>() {
        return Some(Box::new(recipient));
    }
    let recipient = text.parse::<age::ssh::Recipient>().ok()?;
    Some(Box::new(recipient))
}

/// Returns the error for a text that is no recipient. It repeats only the beginning, because the text may
/// be a private key, given by mistake.
fn refuse_recipient(text: &str) -> UsageError {
    if text.starts_with("AGE-SECRET-KEY") {
        return UsageError::new(
            "a private key is given as a recipient; give its public key, age1...",
        );
    }
    let start: String = text.chars().take(12).collect();
    UsageError::new(&format!(
        "{start}... is not a recipient; expected age1..., ssh-ed25519 ... or ssh-rsa ..."
    ))
}
