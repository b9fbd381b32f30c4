//! Reads an RDB file of Redis or Valkey while it passes: checks its structure and its checksum, and
//! hands its parts to a [`Visitor`].
//!
//! An RDB file begins with its version. Operations follow: fields about the file, the number of a
//! database, and each key with its time of expiry and its value. It ends with a mark and a CRC-64 of
//! all bytes before. The server can leave the checksum out (`rdbchecksum no`); it is then 0.
//!
//! This module holds only the field that it is reading and, for a visitor that wants it, the name of
//! a key. Values pass in parts.

mod damage;
mod grammar;
mod operation;
mod step;
mod text;
mod visitor;

use std::fmt;
use std::io;

use crc::{CRC_64_REDIS, Crc, Digest, Table};

use damage::make_damage_error;
use step::{NumberUse, ReadStep};
use text::{StringEncoding, read_encoding, read_number};
pub use visitor::{Key, Visitor};

static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// Starts the checksum of an RDB file, or of one serialized value.
#[must_use]
pub fn start_checksum() -> Digest<'static, u64, Table<16>> {
    CRC64.digest()
}

/// The reading of an RDB file that passes in parts.
pub struct Rdb<V> {
    /// What gets the parts.
    pub visitor: V,
    version: u32,
    is_valkey: bool,
    steps: Vec<ReadStep>,
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
            steps: vec![ReadStep::Front],
            pending: Vec::new(),
            skipped: 0,
            named: false,
            name: Vec::new(),
            unpacked: None,
            expires: None,
            idle: None,
            frequency: None,
            passes: false,
            digest: Some(start_checksum()),
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
            let Some(wanted) = step.wanted_bytes(self.pending.first().copied()) else {
                let passed = self.passes;
                if matches!(step, ReadStep::End) && passed {
                    self.visitor.visit_part(&data[from..at])?;
                    self.passes = false;
                    self.visitor.end_value()?;
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
            // The first byte may say that more bytes are needed.
            let wanted = step.wanted_bytes(self.pending.first().copied());
            if wanted.is_some_and(|wanted| self.pending.len() < wanted) {
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
            self.visitor.visit_part(&data[from..at])?;
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
        make_damage_error(&format!("{error} (before byte {place} of the RDB file)"))
    }

    /// Does a step that needs no bytes.
    fn proceed(&mut self, step: ReadStep) -> io::Result<()> {
        match step {
            ReadStep::Fields([first, rest @ ..]) => {
                if !rest.is_empty() {
                    self.steps.push(ReadStep::Fields(rest));
                }
                self.steps.push(ReadStep::from_field(*first));
            }
            ReadStep::Times(number @ 1.., fields) => {
                if number > 1 {
                    self.steps.push(ReadStep::Times(number - 1, fields));
                }
                self.steps.push(ReadStep::Fields(fields));
            }
            ReadStep::Named(kind) => {
                self.named = false;
                if let Some(length) = self.unpacked.take() {
                    self.name = text::decompress(&self.name, length).ok_or_else(|| {
                        make_damage_error("the name of a key is not what LZF writes")
                    })?;
                }
                self.visitor.visit_key(Key {
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
    fn evaluate(&mut self, step: ReadStep, field: &[u8], data: &[u8]) -> io::Result<()> {
        match step {
            ReadStep::Front => self.read_front(field),
            ReadStep::Operation => self.begin_operation(field[0], data),
            ReadStep::Number(of) => {
                let number = read_number(field)
                    .ok_or_else(|| make_damage_error("a length is not a number"))?;
                self.use_number(of, number)
            }
            ReadStep::Bytes(_, of) => {
                let mut wide = [0; 8];
                let length = field.len().min(8);
                wide[..length].copy_from_slice(&field[..length]);
                self.use_number(of, u64::from_le_bytes(wide))
            }
            ReadStep::Text(is_name) => {
                let encoding = read_encoding(field).ok_or_else(|| {
                    make_damage_error("a string has an encoding that is not known")
                })?;
                match encoding {
                    StringEncoding::Plain(length) => self.skip_string(length, is_name),
                    StringEncoding::Integer(length) => {
                        self.steps.push(ReadStep::Integer(length, is_name));
                        Ok(())
                    }
                    StringEncoding::Compressed => {
                        self.steps
                            .push(ReadStep::Number(NumberUse::Packed(is_name)));
                        Ok(())
                    }
                }
            }
            ReadStep::Integer(_, is_name) => {
                if is_name && V::NAMES {
                    self.name = text::format_integer(field);
                }
                Ok(())
            }
            ReadStep::Module => self.begin_module_field(field),
            ReadStep::Fields(_) | ReadStep::Times(..) | ReadStep::Named(_) | ReadStep::End => {
                Ok(())
            }
        }
    }
}
