//! The values of an RDB file: which fields each type of value consists of.
//!
//! Source of the format: `rdb.h` and `rdb.c` of Redis 7.4 and Valkey 8.

/// A field of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// An integer in the format of lengths.
    Number,
    /// A string.
    Text,
    /// A floating-point number in decimal, after one byte that holds its length.
    Decimal,
    /// This number of bytes.
    Bytes(usize),
    /// A number, then as many times these fields.
    Times(&'static [Field]),
    /// The value of a module: fields of which each says its kind.
    Module,
}

use Field::{Bytes, Decimal, Module, Number, Text, Times};

/// A value that the server holds as one string.
const PACKED: &[Field] = &[Text];
/// The last consumer group fields of a stream: the entries that no consumer acknowledged, each with
/// its ID, time and number of deliveries.
const PENDING: Field = Times(&[Bytes(16), Bytes(8), Number]);
/// The IDs of the entries that a consumer did not acknowledge.
const OWN: Field = Times(&[Bytes(16)]);
const NODES: Field = Times(&[Text, Text]);

const STREAM_1: &[Field] = &[
    NODES,
    Number,
    Number,
    Number,
    Times(&[Text, Number, Number, PENDING, Times(&[Text, Bytes(8), OWN])]),
];
const STREAM_2: &[Field] = &[
    NODES,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Times(&[
        Text,
        Number,
        Number,
        Number,
        PENDING,
        Times(&[Text, Bytes(8), OWN]),
    ]),
];
const STREAM_3: &[Field] = &[
    NODES,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Times(&[
        Text,
        Number,
        Number,
        Number,
        PENDING,
        Times(&[Text, Bytes(8), Bytes(8), OWN]),
    ]),
];

/// Returns the fields of a value of this type, or `None` for a type that is not known.
pub(super) fn fields(kind: u8, is_valkey: bool) -> Option<&'static [Field]> {
    Some(match kind {
        0 | 9..=13 | 16 | 17 | 20 => PACKED,
        1 | 2 | 14 => &[Times(&[Text])],
        3 => &[Times(&[Text, Decimal])],
        4 => &[Times(&[Text, Text])],
        5 => &[Times(&[Text, Bytes(8)])],
        7 => &[Number, Module],
        15 => STREAM_1,
        18 => &[Times(&[Number, Text])],
        19 => STREAM_2,
        21 => STREAM_3,
        // Valkey 9 and a preview of Redis 7.4 gave this number to different types.
        22 if is_valkey => &[Times(&[Text, Text, Bytes(8)])],
        22 => &[Times(&[Number, Text, Text])],
        23 if !is_valkey => PACKED,
        24 if !is_valkey => &[Bytes(8), Times(&[Number, Text, Text])],
        25 if !is_valkey => &[Bytes(8), Text],
        _ => return None,
    })
}
