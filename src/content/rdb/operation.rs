//! The operations of an RDB file: what begins after each first byte, and what each number means.

use std::io;

use super::Rdb;
use super::damage::make_damage_error;
use super::grammar::{ValueField, find_fields};
use super::step::{NumberUse, ReadStep};
use super::text::{read_number, refuse_long};
use super::visitor::Visitor;

/// The oldest version of the format whose types are all known.
const OLDEST: u32 = 5;
/// The newest version that is read. Types that this program does not know are refused.
const NEWEST: u32 = 99;

impl<V: Visitor> Rdb<V> {
    /// Reads the magic bytes and the version.
    pub(super) fn read_front(&mut self, front: &[u8]) -> io::Result<()> {
        let foreign = || make_damage_error("it is not an RDB file");
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
            return Err(make_damage_error(&format!(
                "it is an RDB file of version {version}, and versions {OLDEST} to {NEWEST} are known"
            )));
        }
        self.version = version;
        self.visitor.visit_version(version);
        self.is_valkey = is_valkey;
        self.steps.push(ReadStep::Operation);
        Ok(())
    }

    /// Begins an operation, by its first byte.
    pub(super) fn begin_operation(&mut self, operation: u8, data: &[u8]) -> io::Result<()> {
        const NAMED: &[ValueField] = &[ValueField::Text, ValueField::Text];
        const MODULE: &[ValueField] = &[
            ValueField::Number,
            ValueField::Number,
            ValueField::Number,
            ValueField::Module,
        ];
        const IMPORT: &[ValueField] = &[
            ValueField::Text,
            ValueField::Times(&[ValueField::Number, ValueField::Number]),
        ];
        if operation != 255 {
            self.steps.push(ReadStep::Operation);
        }
        let next = match operation {
            243 if self.is_valkey => ReadStep::Fields(IMPORT),
            244 => ReadStep::Fields(&[ValueField::Number, ValueField::Number, ValueField::Number]),
            245 => {
                self.visitor.visit_library()?;
                self.passes = true;
                self.steps.push(ReadStep::End);
                ReadStep::Text(false)
            }
            247 => {
                self.visitor.visit_module_data()?;
                ReadStep::Fields(MODULE)
            }
            248 => ReadStep::Number(NumberUse::Idle),
            249 => ReadStep::Bytes(1, NumberUse::Frequency),
            250 => ReadStep::Fields(NAMED),
            251 => ReadStep::Fields(&[ValueField::Number, ValueField::Number]),
            252 => ReadStep::Bytes(8, NumberUse::Milliseconds),
            253 => ReadStep::Bytes(4, NumberUse::Seconds),
            254 => ReadStep::Number(NumberUse::Database),
            255 => {
                if let Some(mut digest) = self.digest.take() {
                    digest.update(data);
                    self.computed = digest.finalize();
                }
                ReadStep::Bytes(8, NumberUse::Checksum)
            }
            kind => {
                let Some(fields) = find_fields(kind, self.is_valkey) else {
                    return Err(make_damage_error(&format!(
                        "the RDB file has an entry of type {kind}, which this program does not know"
                    )));
                };
                self.steps.push(ReadStep::End);
                self.steps.push(ReadStep::Fields(fields));
                self.steps.push(ReadStep::Named(kind));
                ReadStep::Text(true)
            }
        };
        self.steps.push(next);
        Ok(())
    }

    /// Uses a number that has passed.
    pub(super) fn use_number(&mut self, of: NumberUse, number: u64) -> io::Result<()> {
        match of {
            NumberUse::Nothing | NumberUse::Module => {}
            NumberUse::Times(fields) => self.steps.push(ReadStep::Times(number, fields)),
            NumberUse::Database => self.visitor.visit_database(number)?,
            NumberUse::Seconds => self.expires = Some(number.saturating_mul(1000)),
            NumberUse::Milliseconds => self.expires = Some(number),
            NumberUse::Idle => self.idle = Some(number),
            NumberUse::Frequency => self.frequency = u8::try_from(number).ok(),
            // The greatest three stand for what is not a number, and for the infinities.
            NumberUse::Decimal => self.skipped = if number < 253 { number } else { 0 },
            NumberUse::Packed(is_name) => self
                .steps
                .push(ReadStep::Number(NumberUse::Unpacked(number, is_name))),
            NumberUse::Unpacked(packed, is_name) => {
                if is_name && V::NAMES {
                    self.unpacked = Some(number);
                    refuse_long(number)?;
                }
                self.skip_string(packed, is_name)?;
            }
            NumberUse::Checksum => {
                if number != 0 && number != self.computed {
                    return Err(make_damage_error(
                        "its CRC-64 is not the one at the end of the RDB file",
                    ));
                }
                self.stored = Some(number);
            }
        }
        Ok(())
    }

    /// Lets the bytes of a string of this length pass.
    pub(super) fn skip_string(&mut self, length: u64, is_name: bool) -> io::Result<()> {
        self.named = is_name && V::NAMES;
        if self.named {
            refuse_long(length)?;
        }
        self.skipped = length;
        Ok(())
    }

    /// Begins a field of a module's value, by its kind.
    pub(super) fn begin_module_field(&mut self, kind: &[u8]) -> io::Result<()> {
        let next = match read_number(kind) {
            Some(0) => return Ok(()),
            Some(1 | 2) => ReadStep::Number(NumberUse::Module),
            Some(3) => ReadStep::Bytes(4, NumberUse::Module),
            Some(4) => ReadStep::Bytes(8, NumberUse::Module),
            Some(5) => ReadStep::Text(false),
            _ => {
                return Err(make_damage_error(
                    "a module's value has a field that is not known",
                ));
            }
        };
        self.steps.push(ReadStep::Module);
        self.steps.push(next);
        Ok(())
    }
}
