//! The steps in which an RDB file is read.

use super::grammar::ValueField;

/// A step of reading that remains to be done.
#[derive(Debug, Clone, Copy)]
pub(super) enum ReadStep {
    /// The magic bytes and the version.
    Front,
    Operation,
    Fields(&'static [ValueField]),
    Times(u64, &'static [ValueField]),
    Number(NumberUse),
    /// A string; the flag says whether it is a key's name.
    Text(bool),
    Integer(usize, bool),
    Bytes(usize, NumberUse),
    /// The next field of a module's value.
    Module,
    /// The name of the key has passed.
    Named(u8),
    /// The value has passed.
    End,
}

impl ReadStep {
    /// Returns the step that reads a field.
    pub(super) fn from_field(field: ValueField) -> Self {
        match field {
            ValueField::Number => ReadStep::Number(NumberUse::Nothing),
            ValueField::Text => ReadStep::Text(false),
            ValueField::Decimal => ReadStep::Bytes(1, NumberUse::Decimal),
            ValueField::Bytes(length) => ReadStep::Bytes(length, NumberUse::Nothing),
            ValueField::Times(fields) => ReadStep::Number(NumberUse::Times(fields)),
            ValueField::Module => ReadStep::Module,
        }
    }

    /// Returns the number of bytes that the step needs, as far as its first byte tells; `None` for a step
    /// that needs no bytes. `first` is the first byte, if it has passed.
    pub(super) fn wanted_bytes(self, first: Option<u8>) -> Option<usize> {
        match self {
            ReadStep::Front => Some(9),
            ReadStep::Operation => Some(1),
            ReadStep::Number(_) | ReadStep::Text(_) => Some(match first {
                Some(byte) if byte >> 6 == 1 => 2,
                Some(0x80) => 5,
                Some(0x81) => 9,
                _ => 1,
            }),
            ReadStep::Module => Some(match first {
                Some(byte) if byte >> 6 == 1 => 2,
                _ => 1,
            }),
            ReadStep::Integer(length, _) | ReadStep::Bytes(length, _) => Some(length),
            ReadStep::Fields(_) | ReadStep::Times(..) | ReadStep::Named(_) | ReadStep::End => None,
        }
    }
}

/// What a number or some bytes are for.
#[derive(Debug, Clone, Copy)]
pub(super) enum NumberUse {
    Nothing,
    Times(&'static [ValueField]),
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
