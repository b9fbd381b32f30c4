//! The metadata of a dump.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::left_out::LeftOut;
use crate::identity::Identity;
use crate::name::Format;

/// A dump's metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The program that made the dump, with its version.
    pub tool: String,
    /// The database that was dumped, and its source.
    pub identity: Identity,
    /// Why the dump was made.
    #[serde(default, skip_serializing_if = "DumpKind::is_regular")]
    pub kind: DumpKind,
    /// What the dump lacks because the user left it out.
    #[serde(default, skip_serializing_if = "LeftOut::is_nothing")]
    pub left_out: LeftOut,
    /// Identities that the database had before `--adopt`, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formerly: Vec<Identity>,
    /// The database's whole name.
    pub database: String,
    /// The time of the snapshot, to the second.
    pub time: Timestamp,
    /// The format of the decompressed bytes.
    pub format: Format,
    /// The engine's version.
    pub engine_version: String,
    /// The time of the last thorough check that passed (see `Dumper::check`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<Timestamp>,
    /// Facts of the snapshot.
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
    /// Decompressed length in bytes; zero, like the sums, until the dump is complete.
    pub bytes: u64,
    /// Length of the whole file in bytes; absent in dumps that were made before this field existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// The last four bytes of a zstd file, in hexadecimal; absent in dumps that were made before this
    /// field existed, and in gzip files, whose end follows from `bytes` and `crc32`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// CRC-32 of the decompressed bytes.
    pub crc32: String,
    /// SHA-256 of the decompressed bytes, as `gzip -dc DUMP | sha256sum` prints it.
    pub sha256: String,
    /// The fingerprint of the content (see `crate::content`). Only where unchanged databases are skipped.
    #[serde(default, rename = "content", skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Length of the JSON object with its padding, in bytes; see `Header::reserve`.
    #[serde(skip)]
    pub room: usize,
}

/// Why a dump was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DumpKind {
    /// To restore the database from. Every dump made before this field existed is read as one.
    #[default]
    Regular,
    /// To undo a restore: it holds the database that `restore --replace` replaced. Only a restore
    /// that names the dump itself takes it.
    Replaced,
}

impl DumpKind {
    /// Returns true for a dump that a restore of the database may take.
    #[allow(clippy::trivially_copy_pass_by_ref)] // what serde calls
    fn is_regular(&self) -> bool {
        *self == DumpKind::Regular
    }
}

/// Facts of the snapshot a dump was made from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The tables that fit into the header, with their rows where these are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<(String, Option<Rows>)>,
    /// The number of tables. It exceeds that of `tables` where those did not fit, and is 0 where it is not
    /// known because tables were created or dropped during the dump.
    #[serde(default)]
    pub table_count: usize,
    /// What the engine records: page size, encoding, owner and the like.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// The number of rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Rows {
    /// Counted within the snapshot.
    Exact(u64),
    /// The engine's own estimate.
    About {
        /// The estimate.
        about: u64,
    },
}

impl Rows {
    /// Returns the number if it was counted.
    #[must_use]
    pub fn exact(self) -> Option<u64> {
        match self {
            Rows::Exact(rows) => Some(rows),
            Rows::About { .. } => None,
        }
    }
}

impl Facts {
    fn is_empty(&self) -> bool {
        *self == Facts::default()
    }
}
