//! Reads an RDB file of Redis or Valkey while it passes: checks its structure and its checksum, and
//! hands its parts to a [`Visitor`].
//!
//! An RDB file begins with its version. Operations follow: fields about the file, the number of a
//! database, and each key with its time of expiry and its value. It ends with a mark and a CRC-64 of
//! all bytes before. The server can leave the checksum out (`rdbchecksum no`); it is then 0.
//!
//! This module holds only the field that it is reading and, for a visitor that wants it, the name of
//! a key. Values pass in parts.

mod grammar;
mod text;

use std::fmt;
use std::io;

use crc::{CRC_64_REDIS, Crc, Digest, Table};

use grammar::{Field, fields};
use text::{Encoding, LONGEST_NAME, encoding, number};

static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// The oldest and the newest version of the format of Redis whose types are all known.
const OLDEST: u32 = 5;
/// The versions that neither Redis nor Valkey uses yet begin here.
const NEWEST: u32 = 99;

/// Starts the checksum of an RDB file, or of one serialized value.
#[must_use]
pub fn checksum() -> Digest<'static, u64, Table<16>> {
    CRC64.digest()
}

/// A key of an RDB file, before its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// The name; empty if [`Visitor::NAMES`] is false.
    pub name: &'a [u8],
    /// The number of the type of the value, by which its serialization begins.
    pub kind: u8,
    /// The time at which the key expires, in milliseconds since 1970.
    pub expires: Option<u64>,
    /// The time in seconds since the key was last used, if the server counts that.
    pub idle: Option<u64>,
    /// The logarithmic counter of the key's use, if the server counts that.
    pub frequency: Option<u8>,
}

/// What gets the parts of an RDB file.
pub trait Visitor {
    /// Whether [`Visitor::key`] needs the names.
    const NAMES: bool;

    /// The version of the format.
    fn version(&mut self, _version: u32) {}

    /// The keys that follow are of the database with this number.
    ///
    /// # Errors
    /// Any error; it ends the reading.
    fn database(&mut self, _number: u64) -> io::Result<()> {
        Ok(())
    }

    /// A key. Its serialized value follows in parts, then [`Visitor::end`].
    ///
    /// # Errors
    /// Any error; it ends the reading.
    fn key(&mut self, _key: Key<'_>) -> io::Result<()> {
        Ok(())
    }

    /// A library of functions. Its serialized code follows in parts, then [`Visitor::end`].
    ///
    /// # Errors
    /// Any error; it ends the reading.
    fn library(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The next part of what a module keeps outside of keys begins.
    ///
    /// # Errors
    /// Any error; it ends the reading.
    fn module_data(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// A part of a serialized value or library.
    ///
    /// # Errors
    /// Any error; it ends the reading.
    fn part(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    /// The end of a value or library.
    ///
    /// # Errors
    /// Any error; it ends the reading.
    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The visitor that needs nothing: the file is only checked.
impl Visitor for () {
    const NAMES: bool = false;
}

/// A step that remains to be done.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The magic bytes and the version.
    Front,
    Operation,
    Fields(&'static [Field]),
    Times(u64, &'static [Field]),
    Number(Use),
    /// A string; the flag says whether it is a key's name.
    Text(bool),
    Integer(usize, bool),
    Bytes(usize, Use),
    /// The next field of a module's value.
    Module,
    /// The name of the key has passed.
    Named(u8),
    /// The value has passed.
    End,
}

/// What a number or some bytes are for.
#[derive(Debug, Clone, Copy)]
enum Use {
    Nothing,
    Times(&'static [Field]),
    Database,
    Seconds,
    Milliseconds,
    Idle,
    Frequency,
    Decimal,
    Module,
    /// The compressed length of a string; the flag says whether it is a key's name.
    Packed(bool),
    /// The whole length of a string that has this compressed length.
    Unpacked(u64, bool),
    Checksum,
}

/// The reading of an RDB file that passes in parts.
pub struct Rdb<V> {
    /// What gets the parts.
    pub visitor: V,
    version: u32,
    is_valkey: bool,
    steps: Vec<Step>,
    /// The bytes of the next field that have passed so far.
    pending: Vec<u8>,
    /// The number of bytes to pass before that field: the rest of a string.
    skipped: u64,
    /// Whether the passing string is kept as the name of a key.
    named: bool,
    name: Vec<u8>,
    /// The length of the name before LZF compressed it.
    unpacked: Option<u64>,
    expires: Option<u64>,
    idle: Option<u64>,
    frequency: Option<u8>,
    /// Whether a value or a library is passing.
    passes: bool,
    digest: Option<Digest<'static, u64, Table<16>>>,
    computed: u64,
    /// The checksum at the end of the file, once it has passed.
    stored: Option<u64>,
    total: u64,
}

impl<V> fmt::Debug for Rdb<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rdb")
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl<V: Visitor + Default> Default for Rdb<V> {
    fn default() -> Self {
        Rdb::new(V::default())
    }
}

impl<V: Visitor> Rdb<V> {
    /// Starts reading a file.
    pub fn new(visitor: V) -> Self {
        Rdb {
            visitor,
            version: 0,
            is_valkey: false,
            steps: vec![Step::Front],
            pending: Vec::new(),
            skipped: 0,
            named: false,
            name: Vec::new(),
            unpacked: None,
            expires: None,
            idle: None,
            frequency: None,
            passes: false,
            digest: Some(checksum()),
            computed: 0,
            stored: None,
            total: 0,
        }
    }

    /// Returns the version of the format.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Returns true if the file has a checksum. It was compared.
    #[must_use]
    pub fn has_checksum(&self) -> bool {
        self.stored.is_some_and(|stored| stored != 0)
    }

    /// Takes the next part of the file. Returns how many bytes of it belong to the file: all of
    /// them, unless the file ends within the part.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] when the file is damaged; the error says how. An error of the
    /// visitor.
    pub fn read(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut at = 0;
        // Where the part begins that the visitor has not got yet.
        let mut from = 0;
        while self.stored.is_none() {
            if self.skipped > 0 {
                let left = data.len() - at;
                let passed =
                    usize::try_from(self.skipped).map_or(left, |skipped| skipped.min(left));
                if passed == 0 {
                    break;
                }
                if self.named {
                    self.name.extend_from_slice(&data[at..at + passed]);
                }
                self.skipped -= passed as u64;
                at += passed;
                continue;
            }
            let Some(step) = self.steps.pop() else { break };
            let Some(wanted) = self.wanted(step) else {
                let passed = self.passes;
                if matches!(step, Step::End) && passed {
                    self.visitor.part(&data[from..at])?;
                    self.passes = false;
                    self.visitor.end()?;
                } else {
                    self.proceed(step)?;
                }
                if self.passes && !passed {
                    from = at;
                }
                continue;
            };
            let taken = (wanted - self.pending.len()).min(data.len() - at);
            self.pending.extend_from_slice(&data[at..at + taken]);
            at += taken;
            if self
                .wanted(step)
                .is_some_and(|now| self.pending.len() < now)
            {
                self.steps.push(step);
                if at == data.len() {
                    break;
                }
                continue;
            }
            let field = std::mem::take(&mut self.pending);
            let passed = self.passes;
            self.evaluate(step, &field, &data[..at])
                .map_err(|error| self.locate(error, at))?;
            if self.passes && !passed {
                from = at;
            }
            self.pending = field;
            self.pending.clear();
        }
        if self.passes && from < at {
            self.visitor.part(&data[from..at])?;
        }
        if let Some(digest) = &mut self.digest {
            digest.update(&data[..at]);
        }
        self.total += at as u64;
        Ok(at)
    }

    /// Checks that the file is whole, after all of it has passed.
    ///
    /// # Errors
    /// One sentence that says what is missing.
    pub fn check(&self) -> Result<(), String> {
        match self.stored.is_some() {
            true => Ok(()),
            false if self.version == 0 => Err("its content is not an RDB file".to_owned()),
            false => Err("its content ends before the end of the RDB file".to_owned()),
        }
    }

    /// Adds where the damage is.
    fn locate(&self, error: io::Error, at: usize) -> io::Error {
        if error.kind() != io::ErrorKind::InvalidData {
            return error;
        }
        let place = self.total + at as u64;
        damage(&format!("{error} (before byte {place} of the RDB file)"))
    }

    /// Returns the number of bytes that the step needs, as far as the pending ones tell; `None` for
    /// a step that needs none.
    fn wanted(&self, step: Step) -> Option<usize> {
        match step {
            Step::Front => Some(9),
            Step::Operation => Some(1),
            Step::Number(_) | Step::Text(_) => Some(match self.pending.first() {
                Some(first) if first >> 6 == 1 => 2,
                Some(0x80) => 5,
                Some(0x81) => 9,
                _ => 1,
            }),
            Step::Module => Some(match self.pending.first() {
                Some(first) if first >> 6 == 1 => 2,
                _ => 1,
            }),
            Step::Integer(length, _) | Step::Bytes(length, _) => Some(length),
            Step::Fields(_) | Step::Times(..) | Step::Named(_) | Step::End => None,
        }
    }

    /// Does a step that needs no bytes.
    fn proceed(&mut self, step: Step) -> io::Result<()> {
        match step {
            Step::Fields([first, rest @ ..]) => {
                if !rest.is_empty() {
                    self.steps.push(Step::Fields(rest));
                }
                self.steps.push(match *first {
                    Field::Number => Step::Number(Use::Nothing),
                    Field::Text => Step::Text(false),
                    Field::Decimal => Step::Bytes(1, Use::Decimal),
                    Field::Bytes(length) => Step::Bytes(length, Use::Nothing),
                    Field::Times(fields) => Step::Number(Use::Times(fields)),
                    Field::Module => Step::Module,
                });
            }
            Step::Times(number @ 1.., fields) => {
                if number > 1 {
                    self.steps.push(Step::Times(number - 1, fields));
                }
                self.steps.push(Step::Fields(fields));
            }
            Step::Named(kind) => {
                self.named = false;
                if let Some(length) = self.unpacked.take() {
                    self.name = text::decompress(&self.name, length)
                        .ok_or_else(|| damage("the name of a key is not what LZF writes"))?;
                }
                self.visitor.key(Key {
                    name: &self.name,
                    kind,
                    expires: self.expires.take(),
                    idle: self.idle.take(),
                    frequency: self.frequency.take(),
                })?;
                self.name.clear();
                self.passes = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// Evaluates a field that has passed. `data` is the part of the file up to the field's end.
    fn evaluate(&mut self, step: Step, field: &[u8], data: &[u8]) -> io::Result<()> {
        match step {
            Step::Front => self.front(field),
            Step::Operation => self.operation(field[0], data),
            Step::Number(of) => {
                let number = number(field).ok_or_else(|| damage("a length is not a number"))?;
                self.numbered(of, number)
            }
            Step::Bytes(_, of) => {
                let mut wide = [0; 8];
                let length = field.len().min(8);
                wide[..length].copy_from_slice(&field[..length]);
                self.numbered(of, u64::from_le_bytes(wide))
            }
            Step::Text(is_name) => {
                let encoding = encoding(field)
                    .ok_or_else(|| damage("a string has an encoding that is not known"))?;
                match encoding {
                    Encoding::Plain(length) => self.pass(length, is_name),
                    Encoding::Integer(length) => {
                        self.steps.push(Step::Integer(length, is_name));
                        Ok(())
                    }
                    Encoding::Compressed => {
                        self.steps.push(Step::Number(Use::Packed(is_name)));
                        Ok(())
                    }
                }
            }
            Step::Integer(_, is_name) => {
                if is_name && V::NAMES {
                    self.name = text::integer(field);
                }
                Ok(())
            }
            Step::Module => self.module(field),
            Step::Fields(_) | Step::Times(..) | Step::Named(_) | Step::End => Ok(()),
        }
    }

    fn front(&mut self, front: &[u8]) -> io::Result<()> {
        let foreign = || damage("it is not an RDB file");
        let front = std::str::from_utf8(front).map_err(|_| foreign())?;
        let (is_valkey, version) = match (front.strip_prefix("REDIS"), front.strip_prefix("VALKEY"))
        {
            (Some(version), _) => (false, version),
            (None, Some(version)) => (true, version),
            (None, None) => return Err(foreign()),
        };
        if !version.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(foreign());
        }
        let version = version.parse().map_err(|_| foreign())?;
        if !(OLDEST..=NEWEST).contains(&version) {
            return Err(damage(&format!(
                "it is an RDB file of version {version}, and versions {OLDEST} to {NEWEST} are known"
            )));
        }
        self.version = version;
        self.visitor.version(version);
        self.is_valkey = is_valkey;
        self.steps.push(Step::Operation);
        Ok(())
    }

    /// Begins an operation, by its first byte.
    fn operation(&mut self, operation: u8, data: &[u8]) -> io::Result<()> {
        const NAMED: &[Field] = &[Field::Text, Field::Text];
        const MODULE: &[Field] = &[Field::Number, Field::Number, Field::Number, Field::Module];
        const IMPORT: &[Field] = &[Field::Text, Field::Times(&[Field::Number, Field::Number])];
        if operation != 255 {
            self.steps.push(Step::Operation);
        }
        let next = match operation {
            243 if self.is_valkey => Step::Fields(IMPORT),
            244 => Step::Fields(&[Field::Number, Field::Number, Field::Number]),
            245 => {
                self.visitor.library()?;
                self.passes = true;
                self.steps.push(Step::End);
                Step::Text(false)
            }
            247 => {
                self.visitor.module_data()?;
                Step::Fields(MODULE)
            }
            248 => Step::Number(Use::Idle),
            249 => Step::Bytes(1, Use::Frequency),
            250 => Step::Fields(NAMED),
            251 => Step::Fields(&[Field::Number, Field::Number]),
            252 => Step::Bytes(8, Use::Milliseconds),
            253 => Step::Bytes(4, Use::Seconds),
            254 => Step::Number(Use::Database),
            255 => {
                if let Some(mut digest) = self.digest.take() {
                    digest.update(data);
                    self.computed = digest.finalize();
                }
                Step::Bytes(8, Use::Checksum)
            }
            kind => {
                let Some(fields) = fields(kind, self.is_valkey) else {
                    return Err(damage(&format!(
                        "the RDB file has an entry of type {kind}, which this program does not know"
                    )));
                };
                self.steps.push(Step::End);
                self.steps.push(Step::Fields(fields));
                self.steps.push(Step::Named(kind));
                Step::Text(true)
            }
        };
        self.steps.push(next);
        Ok(())
    }

    fn numbered(&mut self, of: Use, number: u64) -> io::Result<()> {
        match of {
            Use::Nothing | Use::Module => {}
            Use::Times(fields) => self.steps.push(Step::Times(number, fields)),
            Use::Database => self.visitor.database(number)?,
            Use::Seconds => self.expires = Some(number.saturating_mul(1000)),
            Use::Milliseconds => self.expires = Some(number),
            Use::Idle => self.idle = Some(number),
            Use::Frequency => self.frequency = u8::try_from(number).ok(),
            // The greatest three stand for what is not a number, and for the infinities.
            Use::Decimal => self.skipped = if number < 253 { number } else { 0 },
            Use::Packed(is_name) => self
                .steps
                .push(Step::Number(Use::Unpacked(number, is_name))),
            Use::Unpacked(packed, is_name) => {
                if is_name && V::NAMES {
                    self.unpacked = Some(number);
                    refuse_long(number)?;
                }
                self.pass(packed, is_name)?;
            }
            Use::Checksum => {
                if number != 0 && number != self.computed {
                    return Err(damage(
                        "its CRC-64 is not the one at the end of the RDB file",
                    ));
                }
                self.stored = Some(number);
            }
        }
        Ok(())
    }

    /// Lets a string of this length pass.
    fn pass(&mut self, length: u64, is_name: bool) -> io::Result<()> {
        self.named = is_name && V::NAMES;
        if self.named {
            refuse_long(length)?;
        }
        self.skipped = length;
        Ok(())
    }

    /// Begins a field of a module's value, by its kind.
    fn module(&mut self, kind: &[u8]) -> io::Result<()> {
        let next = match number(kind) {
            Some(0) => return Ok(()),
            Some(1 | 2) => Step::Number(Use::Module),
            Some(3) => Step::Bytes(4, Use::Module),
            Some(4) => Step::Bytes(8, Use::Module),
            Some(5) => Step::Text(false),
            _ => return Err(damage("a module's value has a field that is not known")),
        };
        self.steps.push(Step::Module);
        self.steps.push(next);
        Ok(())
    }
}

fn refuse_long(length: u64) -> io::Result<()> {
    if length > LONGEST_NAME {
        return Err(io::Error::other(format!(
            "the name of a key has {length} bytes; names of up to {LONGEST_NAME} bytes can be restored"
        )));
    }
    Ok(())
}

fn damage(how: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, how.to_owned())
}
