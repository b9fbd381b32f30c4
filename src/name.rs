//! The names of dump files: `NAME-20261122T193000Z.sqlite.gz`, and for a second dump in the same
//! second `NAME-20261122T193000Z_02.sqlite.gz`.
//!
//! Names are read from the right, so a database may be called `x-20260101T000000Z` or `a.sqlite.gz`.
//! A file is a dump only if the name read from it prints back identically; anything else is foreign.

mod encoding;
#[cfg(test)]
mod tests;

use std::fmt;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};

pub use encoding::{GLOBALS, Name};

const TIME_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// What the file name of a dump says. [`fmt::Display`] gives the file name, at most 239 bytes.
///
/// The dumps of one database are ordered by time, then by sequence; `Ord` groups by [`Name`] first
/// and uses format and compression only to tell apart what no single run makes. Up to 99 dumps in
/// a second, the file names sort the same way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DumpName {
    /// Which database.
    pub name: Name,
    /// When its snapshot was taken, in whole seconds, in the years 0 to 9999.
    pub time: Timestamp,
    /// Its place among the dumps of that second; the first is 1.
    pub sequence: u32,
    /// What is inside.
    pub format: Format,
    /// How it is compressed.
    pub compression: Compression,
}

impl DumpName {
    /// Reads a file name (without a directory); `None` if this program could not have made it.
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

    /// What orders the dumps of one database: time, then sequence.
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

/// What a dump holds once decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The image of an `SQLite` database.
    Sqlite,
    /// SQL text.
    Sql,
    /// `PostgreSQL`'s custom format (`pg_dump -Fc`).
    Pgdump,
    /// Whatever a command wrote.
    Other,
}

impl Format {
    const ALL: [Self; 4] = [Self::Sqlite, Self::Sql, Self::Pgdump, Self::Other];

    /// The file name's last extension but one, without its dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Sql => "sql",
            Self::Pgdump => "pgdump",
            Self::Other => "dump",
        }
    }

    fn from_extension(extension: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|format| format.extension() == extension)
    }
}

/// How a dump is compressed.
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

    /// The file name's last extension, without its dot.
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
