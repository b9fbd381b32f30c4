//! The values of an RDB file: which fields each type of value consists of.
//!
//! Source of the format: `rdb.h` and `rdb.c` of Redis 7.4 and Valkey 8.

/// A field of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueField {
    /// An integer in the format of lengths.
    Number,
    /// A string.
    Text,
    /// A floating-point number in decimal, after one byte that holds its length.
    Decimal,
    /// This number of bytes.
    Bytes(usize),
    /// A number, then as many times these fields.
    Times(&'static [ValueField]),
    /// The value of a module: fields of which each says its kind.
    Module,
}

use ValueField::{Bytes, Decimal, Module, Number, Text, Times};

/// A value that the server holds as one string.
const PACKED: &[ValueField] = &[Text];
/// The last consumer group fields of a stream: the entries that no consumer acknowledged, each with
/// its ID, time and number of deliveries.
const PENDING: ValueField = Times(&[Bytes(16), Bytes(8), Number]);
/// The IDs of the entries that a consumer did not acknowledge.
const OWN: ValueField = Times(&[Bytes(16)]);
const NODES: ValueField = Times(&[Text, Text]);

/// The fields of a stream in its first form. Later forms have more numbers, and a later time of each
/// consumer.
const STREAM_1: &[ValueField] = &[
    NODES,
    Number,
    Number,
    Number,
    Times(&[Text, Number, Number, PENDING, Times(CONSUMER_1)]),
];
const STREAM_2: &[ValueField] = &stream(GROUP_2);
const STREAM_3: &[ValueField] = &stream(GROUP_3);
const GROUP_2: &[ValueField] = &wrap_field(CONSUMER_1);
const GROUP_3: &[ValueField] = &wrap_field(CONSUMER_3);
/// A consumer: its name, the time of its last attempt, and the entries that it did not acknowledge.
const CONSUMER_1: &[ValueField] = &[Text, Bytes(8), OWN];
/// A consumer that also has the time of its last success.
const CONSUMER_3: &[ValueField] = &[Text, Bytes(8), Bytes(8), OWN];

/// Returns the fields of a stream in its second and third form.
const fn stream(group: &'static [ValueField]) -> [ValueField; 10] {
    [
        NODES,
        Number,
        Number,
        Number,
        Number,
        Number,
        Number,
        Number,
        Number,
        Times(group),
    ]
}

/// Returns the fields of a consumer group in its second and third form.
const fn wrap_field(consumer: &'static [ValueField]) -> [ValueField; 6] {
    [Text, Number, Number, Number, PENDING, Times(consumer)]
}

/// Returns the fields of a value of this type, or `None` for a type that is not known.
pub(super) fn find_fields(kind: u8, is_valkey: bool) -> Option<&'static [ValueField]> {
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
