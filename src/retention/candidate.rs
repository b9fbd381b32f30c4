//! A dump as retention sees it.

use jiff::Timestamp;

use crate::header::{DumpKind, Header};
use crate::name::DumpName;

/// The size of a dump, by each measure that may show that a database was emptied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// The size of the compressed content in bytes.
    pub compressed: u64,
    /// The size of the content in bytes.
    pub inside: u64,
    /// The rows of all tables, where the tables are known and all were counted.
    pub rows: Option<u64>,
}

impl Size {
    /// Returns the size of a dump whose file has so many bytes, its header not counted.
    fn measure(file: u64, header: &Header) -> Self {
        let rows = header
            .facts
            .tables
            .iter()
            .map(|(_, rows)| rows.as_ref()?.exact());
        let number = header.facts.table_count;
        let are_all_listed = number > 0 && header.facts.tables.len() == number;
        Size {
            compressed: file.saturating_sub(header.room as u64),
            inside: header.bytes,
            rows: rows.sum::<Option<u64>>().filter(|_| are_all_listed),
        }
    }

    /// Returns true if `self` is more than twice `other` by any measure.
    pub(super) fn is_more_than_twice(self, other: Size) -> bool {
        let twice = |this: u64, other: u64| this > other.saturating_mul(2);
        twice(self.compressed, other.compressed)
            || twice(self.inside, other.inside)
            || self
                .rows
                .zip(other.rows)
                .is_some_and(|(this, other)| twice(this, other))
    }
}

/// What retention knows of a published dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The time of its snapshot, in whole seconds.
    pub time: Timestamp,
    /// Its number among the dumps of that second.
    pub sequence: u32,
    /// Its size.
    pub size: Size,
    /// True if it holds a database that a restore replaced.
    pub is_replaced: bool,
    /// What the user left out of it (`LeftOut::group`); 0 if it is whole.
    pub left_out: u64,
}

impl Candidate {
    /// Returns the candidate for a dump whose file has so many bytes.
    #[must_use]
    pub fn new(dump: &DumpName, file: u64, header: &Header) -> Self {
        let (time, sequence) = dump.key();
        Self {
            time,
            sequence,
            size: Size::measure(file, header),
            is_replaced: header.kind == DumpKind::Replaced,
            left_out: header.left_out.group(),
        }
    }

    pub(super) fn key(&self) -> (Timestamp, u32) {
        (self.time, self.sequence)
    }
}
