//! What `status` says of one database.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use super::forecast::Growth;
use crate::header::LeftOut;
use crate::human;
use crate::identity::Engine;
use crate::state::{Attempt, DrillRecord};

/// What `status` knows of one database. A field is absent when its value is not known.
#[derive(Debug, Clone, Serialize)]
pub struct DatabaseStatus {
    /// The database's whole name, or the directory's if nothing was dumped into it.
    pub database: String,
    /// Its engine.
    pub engine: Option<Engine>,
    /// The dump directory.
    #[serde(serialize_with = "human::serialize_path")]
    pub directory: PathBuf,
    /// The time of the newest dump.
    pub newest: Option<Timestamp>,
    /// When the database was last known to be what the newest dump holds: the time of that dump, or a
    /// later run that found the database unchanged.
    pub fresh: Option<Timestamp>,
    /// The newest dump's size in bytes, compressed.
    pub bytes: Option<u64>,
    /// The size of the dump before it in bytes, compressed.
    pub bytes_before: Option<u64>,
    /// The newest dump's decompressed size in bytes.
    pub bytes_inside: Option<u64>,
    /// The number of dumps that can be used and are not dated after now.
    pub kept: usize,
    /// How far back these dumps reach, in seconds.
    pub reach_seconds: Option<i64>,
    /// The last attempt to dump it.
    pub attempt: Option<Attempt>,
    /// The last drill.
    pub drill: Option<DrillRecord>,
    /// The sizes of the newest dumps in bytes, oldest first.
    #[serde(skip)]
    pub(super) sizes: Vec<u64>,
    /// When the last dump was made that is more than twice the newest one, while such a dump is there
    /// and no older than the policy keeps the one from before a shrink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shrunk_since: Option<Timestamp>,
    /// The free space of the directory's disk in bytes.
    pub disk_free_bytes: Option<u64>,
    /// The days until the dumps in these directories fill the disk at their present growth; absent if
    /// that is more than a year.
    pub disk_full_days: Option<f64>,
    /// The growth of its dumps.
    #[serde(skip)]
    pub(super) growth: Option<Growth>,
    /// What the user left out of the newest dump.
    #[serde(skip_serializing_if = "LeftOut::is_nothing")]
    pub left_out: LeftOut,
    /// The NAME of its dumps.
    #[cfg(feature = "copies")]
    #[serde(skip)]
    pub name: Option<String>,
    /// Its copies in each destination.
    #[cfg(feature = "copies")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<super::copies::CopyStatus>,
    /// What is wrong, in words.
    pub problem: Option<String>,
}
