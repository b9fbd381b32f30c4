//! The names of dump files: `NAME-20261122T193000Z.sqlite.gz`, and
//! `NAME-20261122T193000Z_02.sqlite.gz` for a second dump in the same second.
//!
//! A file name is parsed from the right, so a database may be called `x-20260101T000000Z` or
//! `a.sqlite.gz`. A file is a dump only if its parsed name prints as the same file name. Every
//! other file is foreign.

mod encoding;
#[cfg(test)]
mod tests;

use std::fmt;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};

pub use encoding::{GLOBALS, Name};

const TIME_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// The parts of a dump's file name. [`fmt::Display`] prints the file name, which has at most 239
/// bytes.
///
/// `Ord` compares the [`Name`] first, then time, then sequence. It compares format and compression
/// last, only to distinguish dumps that no single run makes. The file names of one database's dumps
/// sort in the same order as long as no second has more than 99 dumps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DumpName {
    /// The encoded name of the database.
    pub name: Name,
    /// The time of the snapshot, in whole seconds, in the years 0 to 9999.
    pub time: Timestamp,
    /// The number of the dump among the dumps of the same second, starting at 1.
    pub sequence: u32,
    /// The format of the decompressed content.
    pub format: Format,
    /// The format of the compression.
    pub compression: Compression,
}

impl DumpName {
    /// Parses a file name without a directory. Returns `None` if this program could not have made
    /// it.
    #[must_use]
    pub fn parse(file_name: &str) -> Option<Self> {
        let (stem, compression) = file_name.rsplit_once('.')?;
        let (stem, format) = stem.rsplit_once('.')?;
        let (name, moment) = stem.rsplit_once('-')?;
        let (time, sequence) = match moment.split_once('_') {
            Some((time, sequence)) => (time, sequence.parse().ok()?),
            None => (moment, 1),
        };
        let time = DateTime::strptime(TIME_FORMAT, time).ok()?;
        let dump = Self {
            name: Name::parse(name)?,
            time: TimeZone::UTC.to_timestamp(time).ok()?,
            sequence,
            format: Format::from_extension(format)?,
            compression: Compression::from_extension(compression)?,
        };
        (dump.to_string() == file_name).then_some(dump)
    }

    /// Returns the key that orders the dumps of one database: time, then sequence.
    #[must_use]
    pub fn key(&self) -> (Timestamp, u32) {
        (self.time, self.sequence)
    }
}

impl fmt::Display for DumpName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.name, self.time.strftime(TIME_FORMAT))?;
        if self.sequence > 1 {
            write!(f, "_{:02}", self.sequence)?;
        }
        let (format, compression) = (self.format.extension(), self.compression.extension());
        write!(f, ".{format}.{compression}")
    }
}

/// The format of a dump's decompressed content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The image of an `SQLite` database.
    Sqlite,
    /// SQL text.
    Sql,
    /// `PostgreSQL`'s custom format (`pg_dump -Fc`).
    Pgdump,
    /// An RDB file of Redis or Valkey.
    Rdb,
    /// The output of a command.
    Other,
}

impl Format {
    const ALL: [Self; 5] = [
        Self::Sqlite,
        Self::Sql,
        Self::Pgdump,
        Self::Rdb,
        Self::Other,
    ];

    /// Returns the format's extension, the second to last of a file name, without its dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Sql => "sql",
            Self::Pgdump => "pgdump",
            Self::Rdb => "rdb",
            Self::Other => "dump",
        }
    }

    fn from_extension(extension: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|format| format.extension() == extension)
    }
}

/// The format of a dump's compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// gzip, RFC 1952.
    Gzip,
    /// Zstandard, RFC 8878.
    Zstd,
}

impl Compression {
    const ALL: [Self; 2] = [Self::Gzip, Self::Zstd];

    /// Returns the compression's extension, the last of a file name, without its dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Zstd => "zst",
        }
    }

    fn from_extension(extension: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|compression| compression.extension() == extension)
    }
}
