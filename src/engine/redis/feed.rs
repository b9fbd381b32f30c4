//! Sends the keys of an RDB file to a server: one `RESTORE` a key, in the server's protocol, through
//! the client program.
//!
//! The file is read twice: first to count, then to send. Its owner may change it in between, so
//! nothing is sent that differs from what was counted: the rest of a value that is longer than the
//! length that was sent would be a command to the server.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write};

use super::count::SMALL;
use crate::child::Child;
use crate::content::rdb::{Key, Rdb, Visitor, start_checksum};

/// The number of bytes that are sent at once.
const BUFFER: usize = 256 << 10;
/// The length in bytes of what follows a serialized value: the version and the checksum.
const FOOTER: usize = 10;

/// Returns what follows serialized values: the version of the format and the checksum.
pub(super) fn write_footer(serialized: &[u8], version: u32) -> [u8; FOOTER] {
    let mut digest = start_checksum();
    digest.update(serialized);
    finish_footer(digest, version)
}

fn finish_footer(
    mut digest: crc::Digest<'static, u64, crc::Table<16>>,
    version: u32,
) -> [u8; FOOTER] {
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
            database: 0,
            is_selected: false,
            version: 0,
            buffer: Vec::new(),
            value: Vec::new(),
            options: Vec::new(),
            begun: None,
            is_key: false,
            keys: 0,
        }))
    }

    /// Returns the number of keys that were sent, the last of them perhaps in part.
    pub(super) fn keys(&self) -> u64 {
        self.0.visitor.keys
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
    /// The database of the file that the keys are of.
    database: u64,
    /// True if the place of this database was selected.
    is_selected: bool,
    version: u32,
    buffer: Vec<u8>,
    /// The value, up to [`SMALL`] bytes of it.
    value: Vec<u8>,
    /// The last arguments of the command.
    options: Vec<Vec<u8>>,
    /// The large value whose first part was sent.
    begun: Option<LargeValue>,
    /// False while a library passes, which is not sent.
    is_key: bool,
    keys: u64,
}

/// A value that is sent in parts.
struct LargeValue {
    digest: crc::Digest<'static, u64, crc::Table<16>>,
    /// The number of bytes that must follow.
    left: u64,
}

impl LargeValue {
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(make_changed_error)?;
        self.digest.update(bytes);
        Ok(())
    }
}

fn make_changed_error() -> io::Error {
    io::Error::other("the dump has changed while it was restored")
}

impl Sender<'_> {
    fn write_argument(&mut self, argument: &[u8]) {
        self.write_length(argument.len() as u64);
        self.buffer.extend_from_slice(argument);
        self.buffer.extend_from_slice(b"\r\n");
    }

    fn write_length(&mut self, length: u64) {
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

    fn visit_version(&mut self, version: u32) {
        self.version = version;
    }

    fn visit_database(&mut self, number: u64) -> io::Result<()> {
        self.database = number;
        self.is_selected = false;
        Ok(())
    }

    fn visit_key(&mut self, key: Key<'_>) -> io::Result<()> {
        // Keys of database 0 may come without a number. A database without keys has no place.
        if !self.is_selected {
            let place = self
                .places
                .get(&self.database)
                .ok_or_else(make_changed_error)?;
            self.buffer.extend_from_slice(b"*2\r\n");
            self.write_argument(b"SELECT");
            self.write_argument(place.to_string().as_bytes());
            self.is_selected = true;
        }
        self.is_key = true;
        self.keys += 1;
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
        self.write_argument(b"RESTORE");
        self.write_argument(key.name);
        // 0 stands for a key that does not expire.
        let expires = key.expires.map_or(0, |expires| expires.max(1));
        self.write_argument(expires.to_string().as_bytes());
        self.value = vec![key.kind];
        Ok(())
    }

    fn visit_library(&mut self) -> io::Result<()> {
        self.is_key = false;
        Ok(())
    }

    fn visit_part(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.is_key {
            return Ok(());
        }
        if self.begun.is_none() && self.value.len() + bytes.len() <= SMALL + 1 {
            self.value.extend_from_slice(bytes);
            return Ok(());
        }
        let mut value = if let Some(value) = self.begun.take() {
            value
        } else {
            let length = 1 + self.large.pop().ok_or_else(make_changed_error)?;
            self.write_length(length + FOOTER as u64);
            let first = std::mem::take(&mut self.value);
            self.buffer.extend_from_slice(&first);
            let mut value = LargeValue {
                digest: start_checksum(),
                left: length,
            };
            value.add(&first)?;
            value
        };
        value.add(bytes)?;
        self.begun = Some(value);
        self.buffer.extend_from_slice(bytes);
        self.send()
    }

    fn end_value(&mut self) -> io::Result<()> {
        if !self.is_key {
            return Ok(());
        }
        if let Some(value) = self.begun.take() {
            if value.left > 0 {
                return Err(make_changed_error());
            }
            let footer = finish_footer(value.digest, self.version);
            self.buffer.extend_from_slice(&footer);
            self.buffer.extend_from_slice(b"\r\n");
        } else {
            let mut value = std::mem::take(&mut self.value);
            value.extend(write_footer(&value, self.version));
            self.write_argument(&value);
        }
        for option in std::mem::take(&mut self.options) {
            self.write_argument(&option);
        }
        if self.buffer.len() > BUFFER {
            self.send()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write;
    use std::process::Command;

    use super::super::count::SMALL;
    use super::Feed;
    use crate::child::Child;
    use crate::stop::Stop;

    /// Returns an RDB file with a key for each value, and without a checksum. The file names no
    /// database if `database` is `None`.
    fn rdb(database: Option<u8>, values: &[Vec<u8>]) -> Vec<u8> {
        let mut file = b"REDIS0009".to_vec();
        file.extend(database.into_iter().flat_map(|number| [254, number]));
        for value in values {
            file.extend(b"\0\x01k\x80");
            file.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
            file.extend(value);
        }
        file.push(255);
        file.extend([0; 8]);
        file
    }

    /// Sends a file, of which `large` was counted, to a program in place of the client. Returns what
    /// the program got, and the error.
    fn send(file: &[u8], large: &[u64]) -> (Vec<u8>, Option<String>) {
        let got = tempfile::NamedTempFile::new().unwrap();
        let mut tee = Command::new("tee");
        let mut child = Child::write_to(tee.arg(got.path()), "tee", Stop::until_signal()).unwrap();
        let places = BTreeMap::from([(0, 5)]);
        let mut feed = Feed::new(&mut child, &places, large);
        let sent = file.chunks(4096).try_for_each(|part| feed.write_all(part));
        let error = sent.and_then(|()| feed.finish()).err();
        let _ = child.finish();
        (
            std::fs::read(got.path()).unwrap(),
            error.map(|error| error.to_string()),
        )
    }

    /// The serialized length of a value: five bytes of its length precede it.
    fn counted(value: &[u8]) -> u64 {
        value.len() as u64 + 5
    }

    #[test]
    fn a_value_that_changed_after_it_was_counted_becomes_no_command() {
        let value = vec![b'v'; SMALL + 9];
        let mut longer = value.clone();
        longer.extend(b"\r\n*1\r\n$8\r\nFLUSHALL\r\n");
        let (got, error) = send(&rdb(Some(0), &[longer]), &[counted(&value)]);
        assert!(error.unwrap().contains("the dump has changed"));
        assert!(!got.windows(8).any(|bytes| bytes == b"FLUSHALL"));
        // One value that was cut by as many bytes as the next one is longer.
        let shorter = vec![b'v'; SMALL + 5];
        let (_, error) = send(&rdb(Some(0), &[shorter]), &[counted(&value)]);
        assert!(error.unwrap().contains("the dump has changed"));
        let (got, error) = send(&rdb(Some(0), std::slice::from_ref(&value)), &[]);
        assert!(error.unwrap().contains("the dump has changed"));
        assert!(got.len() < SMALL);
        let (got, error) = send(
            &rdb(Some(0), std::slice::from_ref(&value)),
            &[counted(&value)],
        );
        assert_eq!(error, None);
        assert!(got.windows(value.len()).any(|bytes| bytes == value));
    }

    #[test]
    fn no_key_goes_into_a_database_without_a_place() {
        let value = vec![b"v".to_vec()];
        for named in [None, Some(0)] {
            let (got, error) = send(&rdb(named, &value), &[]);
            assert_eq!(error, None);
            assert!(
                got.starts_with(b"*2\r\n$6\r\nSELECT\r\n$1\r\n5\r\n"),
                "{named:?}"
            );
        }
        let (got, error) = send(&rdb(Some(7), &value), &[]);
        assert!(error.unwrap().contains("the dump has changed"));
        assert_eq!(got, b"");
    }
}
