//! Sends the keys of an RDB file to a server: one `RESTORE` a key, in the server's protocol, through
//! the client program.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write};

use super::count::SMALL;
use crate::child::Child;
use crate::content::rdb::{Key, Rdb, Visitor, checksum};

/// The number of bytes that are sent at once.
const BUFFER: usize = 256 << 10;
/// The length in bytes of what follows a serialized value: the version and the checksum.
const FOOTER: usize = 10;

/// Returns what follows serialized values: the version of the format and the checksum.
pub(super) fn footer(serialized: &[u8], version: u32) -> [u8; FOOTER] {
    let mut digest = checksum();
    digest.update(serialized);
    footer_of(digest, version)
}

fn footer_of(mut digest: crc::Digest<'static, u64, crc::Table<16>>, version: u32) -> [u8; FOOTER] {
    let version = u16::try_from(version).unwrap_or_default().to_le_bytes();
    digest.update(&version);
    let mut footer = [0; FOOTER];
    footer[..2].copy_from_slice(&version);
    footer[2..].copy_from_slice(&digest.finalize().to_le_bytes());
    footer
}

/// The reader of an RDB file whose keys go to a server.
pub(super) struct Feed<'a>(Rdb<Sender<'a>>);

impl<'a> Feed<'a> {
    /// Starts sending to the client `child`. `places` holds the database that gets the keys of each
    /// database of the file, and `large` the lengths of the values that are longer than [`SMALL`].
    pub(super) fn new(child: &'a mut Child, places: &'a BTreeMap<u64, u64>, large: &[u64]) -> Self {
        Feed(Rdb::new(Sender {
            child,
            places,
            large: large.iter().rev().copied().collect(),
            version: 0,
            buffer: Vec::new(),
            value: Vec::new(),
            options: Vec::new(),
            begun: None,
            is_key: false,
        }))
    }

    /// Sends the rest.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.0.check().map_err(io::Error::other)?;
        self.0.visitor.send()
    }
}

impl Write for Feed<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        // After an error of the server, nothing more needs to be sent.
        if !self.0.visitor.child.last_stderr().is_empty() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        self.0.read(data)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes one command for each key.
struct Sender<'a> {
    child: &'a mut Child,
    places: &'a BTreeMap<u64, u64>,
    /// The lengths of the large values that have not passed, in reverse order.
    large: Vec<u64>,
    version: u32,
    buffer: Vec<u8>,
    /// The value, up to [`SMALL`] bytes of it.
    value: Vec<u8>,
    /// The last arguments of the command.
    options: Vec<Vec<u8>>,
    /// The checksum of a large value, whose first part was sent.
    begun: Option<crc::Digest<'static, u64, crc::Table<16>>>,
    /// False while a library passes, which is not sent.
    is_key: bool,
}

impl Sender<'_> {
    fn argument(&mut self, argument: &[u8]) {
        self.length(argument.len() as u64);
        self.buffer.extend_from_slice(argument);
        self.buffer.extend_from_slice(b"\r\n");
    }

    fn length(&mut self, length: u64) {
        self.buffer.extend(format!("${length}\r\n").into_bytes());
    }

    fn send(&mut self) -> io::Result<()> {
        self.child.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl Visitor for Sender<'_> {
    const NAMES: bool = true;

    fn version(&mut self, version: u32) {
        self.version = version;
    }

    fn database(&mut self, number: u64) -> io::Result<()> {
        // A database without keys has no place.
        if let Some(place) = self.places.get(&number) {
            self.buffer.extend_from_slice(b"*2\r\n");
            self.argument(b"SELECT");
            self.argument(place.to_string().as_bytes());
        }
        Ok(())
    }

    fn key(&mut self, key: Key<'_>) -> io::Result<()> {
        self.is_key = true;
        self.options = vec![b"ABSTTL".to_vec()];
        if let Some(idle) = key.idle {
            self.options.push(b"IDLETIME".to_vec());
            self.options.push(idle.to_string().into_bytes());
        }
        if let Some(frequency) = key.frequency {
            self.options.push(b"FREQ".to_vec());
            self.options.push(frequency.to_string().into_bytes());
        }
        let arguments = 4 + self.options.len();
        self.buffer.extend(format!("*{arguments}\r\n").into_bytes());
        self.argument(b"RESTORE");
        self.argument(key.name);
        // 0 stands for a key that does not expire.
        let expires = key.expires.map_or(0, |expires| expires.max(1));
        self.argument(expires.to_string().as_bytes());
        self.value = vec![key.kind];
        Ok(())
    }

    fn library(&mut self) -> io::Result<()> {
        self.is_key = false;
        Ok(())
    }

    fn part(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.is_key {
            return Ok(());
        }
        if self.begun.is_none() && self.value.len() + bytes.len() <= SMALL + 1 {
            self.value.extend_from_slice(bytes);
            return Ok(());
        }
        let mut digest = if let Some(digest) = self.begun.take() {
            digest
        } else {
            let length = self.large.pop();
            let length = length.ok_or_else(|| io::Error::other("the dump has changed"))?;
            self.length(1 + length + FOOTER as u64);
            let value = std::mem::take(&mut self.value);
            self.buffer.extend_from_slice(&value);
            let mut digest = checksum();
            digest.update(&value);
            digest
        };
        digest.update(bytes);
        self.begun = Some(digest);
        self.buffer.extend_from_slice(bytes);
        self.send()
    }

    fn end(&mut self) -> io::Result<()> {
        if !self.is_key {
            return Ok(());
        }
        if let Some(digest) = self.begun.take() {
            let footer = footer_of(digest, self.version);
            self.buffer.extend_from_slice(&footer);
            self.buffer.extend_from_slice(b"\r\n");
        } else {
            let mut value = std::mem::take(&mut self.value);
            value.extend(footer(&value, self.version));
            self.argument(&value);
        }
        for option in std::mem::take(&mut self.options) {
            self.argument(&option);
        }
        if self.buffer.len() > BUFFER {
            self.send()?;
        }
        Ok(())
    }
}
