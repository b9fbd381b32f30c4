//! Checks PostgreSQL's custom format (`pg_dump -Fc`) while it passes.
//!
//! Source of the format: `pg_backup_archiver.c` and `pg_backup_custom.c` of PostgreSQL. An archive
//! consists of a head, a table of contents, and one block of data for each entry that says it has
//! data. The file has no end marker: an archive is whole if it has every block and each block has
//! its end. `pg_restore --list` does not check that.
//!
//! This module holds only the field that it is reading: a forged archive, which may be a thousand
//! times smaller compressed, can have a name of gigabytes.

use std::hash::{BuildHasher, RandomState};

const MAGIC: &[u8] = b"PGDMP";
const CUSTOM: u8 = 1;
const DATA: u8 = 1;
const LARGE_OBJECTS: u8 = 3;
const OLDEST: (u8, u8) = (1, 12);
/// The length in bytes of the front: magic, version, sizes of integers and offsets, kind.
const FRONT: usize = MAGIC.len() + 6;
/// The length in bytes of the longest value that PostgreSQL can have.
const LONGEST_TEXT: u64 = (1 << 30) - 1;

/// The check of an archive that passes in parts.
#[derive(Debug, Default)]
pub struct ArchiveCheck {
    /// The bytes of the next field that have passed so far.
    pending: Vec<u8>,
    /// The number of bytes to skip before that field: the rest of a text or of a chunk.
    skipped: u64,
    layout: ArchiveLayout,
    state: ArchivePart,
    /// The number of entries that have not passed yet.
    entries: i64,
    /// The number of the entry that is being read, and true if it has data.
    entry: (i64, bool),
    missing: MissingEntries,
    broken: Option<String>,
}

#[derive(Debug, Default, Clone, Copy)]
struct ArchiveLayout {
    version: (u8, u8),
    int: usize,
    offset: usize,
}

/// The part of the archive that comes next.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum ArchivePart {
    #[default]
    Front,
    /// A field of the head, by its number.
    Head(usize),
    /// A field of an entry, by its number.
    Entry(usize),
    /// A block of data, or the end of the archive.
    Block,
    LargeObject,
    /// A chunk of a table's data or of a large object.
    Chunk {
        large_object: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum ArchiveField {
    Byte,
    Int,
    /// A length in bytes, then that many bytes. A negative length stands for null.
    Text,
    Offset,
}

impl ArchiveLayout {
    /// Returns the fields after the front: the compression, the time of the dump, the database, the
    /// versions of server and client, and the number of entries.
    fn head_fields(self) -> [ArchiveField; 12] {
        let mut fields = [ArchiveField::Int; 12];
        if self.version >= (1, 15) {
            fields[0] = ArchiveField::Byte;
        }
        fields[8..11].fill(ArchiveField::Text);
        fields
    }

    /// Returns the fields of an entry. A field that this version of the format lacks is `None`.
    fn entry_fields(self) -> [Option<ArchiveField>; 18] {
        let mut fields = [Some(ArchiveField::Text); 18];
        // The entry's number, whether it has data, its section, its relation kind.
        for int in [0, 1, 6, 13] {
            fields[int] = Some(ArchiveField::Int);
        }
        if self.version < (1, 14) {
            fields[12] = None; // table access method
        }
        if self.version < (1, 16) {
            fields[13] = None;
        }
        fields[LAST] = Some(ArchiveField::Offset);
        fields
    }

    fn length(self, field: ArchiveField) -> usize {
        match field {
            ArchiveField::Byte => 1,
            ArchiveField::Int | ArchiveField::Text => 1 + self.int,
            ArchiveField::Offset => 1 + self.offset,
        }
    }

    /// Decodes an integer: a sign, then as many bytes as the head says, the lowest first.
    fn decode_int(bytes: &[u8]) -> i64 {
        let (sign, bytes) = bytes.split_first().unwrap_or((&0, &[]));
        let digits = bytes.iter().rev();
        let value = digits.fold(0_i64, |value, byte| (value << 8) | i64::from(*byte));
        if *sign == 0 {
            value
        } else {
            value.wrapping_neg()
        }
    }
}

/// The number of the field for the dependencies of an entry: several texts, the last of which is
/// null.
const DEPENDENCIES: usize = 16;
/// The number of the last field of an entry: the offset of its data, if known.
const LAST: usize = 17;

impl ArchiveCheck {
    /// Takes the next part of the archive.
    pub fn add(&mut self, mut data: &[u8]) {
        while !data.is_empty() && self.broken.is_none() {
            if self.skipped > 0 {
                let skipped = self.skipped.min(data.len() as u64);
                self.skipped -= skipped;
                data = &data[usize::try_from(skipped).unwrap_or(data.len())..];
                continue;
            }
            let length = self.length();
            let taken = (length - self.pending.len()).min(data.len());
            self.pending.extend_from_slice(&data[..taken]);
            data = &data[taken..];
            if self.pending.len() == length {
                match self.take() {
                    Ok(next) => self.state = next,
                    Err(why) => self.broken = Some(why),
                }
                self.pending.clear();
            }
        }
    }

    /// Checks that the archive is whole, after all of it has passed.
    ///
    /// # Errors
    /// One sentence that says how the archive is damaged or incomplete.
    pub fn check(&self) -> Result<(), String> {
        let is_between = self.state == ArchivePart::Block && self.pending.is_empty();
        match &self.broken {
            Some(why) => Err(why.clone()),
            None if self.state == ArchivePart::Front && !MAGIC.starts_with(self.magic()) => {
                Err("its content is not a pg_dump archive".to_owned())
            }
            None if !is_between || self.skipped > 0 => {
                Err("its content ends in the middle of a pg_dump archive".to_owned())
            }
            None => self.missing.check(),
        }
    }

    fn magic(&self) -> &[u8] {
        &self.pending[..self.pending.len().min(MAGIC.len())]
    }

    /// Returns the length in bytes of the next field.
    fn length(&self) -> usize {
        let layout = self.layout;
        match self.state {
            ArchivePart::Front => FRONT,
            ArchivePart::Head(field) => layout.length(layout.head_fields()[field]),
            ArchivePart::Entry(field) => {
                layout.entry_fields()[field].map_or(0, |field| layout.length(field))
            }
            ArchivePart::Block => 1 + layout.length(ArchiveField::Int),
            ArchivePart::LargeObject | ArchivePart::Chunk { .. } => {
                layout.length(ArchiveField::Int)
            }
        }
    }

    /// Evaluates the field that has passed. Returns the part that comes next.
    fn take(&mut self) -> Result<ArchivePart, String> {
        let (layout, state) = (self.layout, self.state);
        match state {
            ArchivePart::Front => self.take_front(),
            ArchivePart::Head(field) => {
                let value = ArchiveLayout::decode_int(&self.pending);
                if layout.head_fields()[field] == ArchiveField::Text {
                    self.skip_text(value)?;
                }
                if field + 1 < layout.head_fields().len() {
                    return Ok(ArchivePart::Head(field + 1));
                }
                self.entries = value;
                Ok(self.next_entry())
            }
            ArchivePart::Entry(field) => self.take_entry(field),
            ArchivePart::Block => {
                let (kind, id) = (
                    self.pending[0],
                    ArchiveLayout::decode_int(&self.pending[1..]),
                );
                self.missing.mark_passed(id);
                match kind {
                    DATA => Ok(ArchivePart::Chunk {
                        large_object: false,
                    }),
                    LARGE_OBJECTS => Ok(ArchivePart::LargeObject),
                    _ => Err(format!("its content has a block of kind {kind}")),
                }
            }
            ArchivePart::LargeObject => Ok(match ArchiveLayout::decode_int(&self.pending) {
                0 => ArchivePart::Block,
                _ => ArchivePart::Chunk { large_object: true },
            }),
            ArchivePart::Chunk { large_object } => {
                match (ArchiveLayout::decode_int(&self.pending), large_object) {
                    (0, true) => Ok(ArchivePart::LargeObject),
                    (0, false) => Ok(ArchivePart::Block),
                    (length, _) => {
                        self.skipped = u64::try_from(length)
                            .map_err(|_| "its content has a chunk of negative length")?;
                        Ok(state)
                    }
                }
            }
        }
    }

    fn take_front(&mut self) -> Result<ArchivePart, String> {
        let front = &self.pending;
        if self.magic() != MAGIC {
            return Err("its content is not a pg_dump archive".to_owned());
        }
        let (version, int, offset) = ((front[5], front[6]), front[8], front[9]);
        if version < OLDEST || front[10] != CUSTOM || int > 8 {
            return Err(format!(
                "its content is a pg_dump archive of an unknown kind ({}.{})",
                version.0, version.1
            ));
        }
        self.layout = ArchiveLayout {
            version,
            int: int.into(),
            offset: offset.into(),
        };
        Ok(ArchivePart::Head(0))
    }

    fn take_entry(&mut self, field: usize) -> Result<ArchivePart, String> {
        let layout = self.layout;
        let value = ArchiveLayout::decode_int(&self.pending);
        match field {
            0 => self.entry.0 = value,
            1 => self.entry.1 = value != 0,
            DEPENDENCIES if value >= 0 => {
                self.skip_text(value)?;
                return Ok(ArchivePart::Entry(DEPENDENCIES));
            }
            LAST => {
                let (id, has_data) = self.entry;
                if has_data {
                    self.missing.expect(id);
                }
                self.entries -= 1;
                return Ok(self.next_entry());
            }
            _ if layout.entry_fields()[field] == Some(ArchiveField::Text) => {
                self.skip_text(value)?;
            }
            _ => {}
        }
        let is_known = |field: &usize| layout.entry_fields()[*field].is_some();
        Ok(ArchivePart::Entry(
            (field + 1..LAST).find(is_known).unwrap_or(LAST),
        ))
    }

    fn next_entry(&self) -> ArchivePart {
        if self.entries > 0 {
            ArchivePart::Entry(0)
        } else {
            ArchivePart::Block
        }
    }

    /// Skips a text of this length in bytes. A negative length stands for null.
    fn skip_text(&mut self, length: i64) -> Result<(), String> {
        self.skipped = u64::try_from(length).unwrap_or(0);
        if self.skipped > LONGEST_TEXT {
            return Err("its content is not a valid pg_dump archive".to_owned());
        }
        Ok(())
    }
}

/// The entries whose data has not passed: the numbers of entries and of blocks, and a sum of hashes
/// of the entries' ids. Nobody can predict the hashes.
#[derive(Debug, Default)]
struct MissingEntries {
    entries: u64,
    blocks: u64,
    sum: u64,
    hash: RandomState,
}

impl MissingEntries {
    fn expect(&mut self, id: i64) {
        self.entries += 1;
        self.sum = self.sum.wrapping_add(self.hash.hash_one(id));
    }

    fn mark_passed(&mut self, id: i64) {
        self.blocks += 1;
        self.sum = self.sum.wrapping_sub(self.hash.hash_one(id));
    }

    fn check(&self) -> Result<(), String> {
        if self.sum == 0 && self.entries == self.blocks {
            return Ok(());
        }
        Err(match self.entries.checked_sub(self.blocks) {
            Some(missing @ 1..) => format!(
                "its content lacks the data of {} that its pg_dump archive lists",
                crate::human::format_count(missing, "table")
            ),
            _ => {
                "its content has a block of data that its pg_dump archive does not list".to_owned()
            }
        })
    }
}
