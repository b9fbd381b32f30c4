//! What `status` says of one database.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use crate::human;
use crate::identity::Engine;
use crate::state::{Attempt, DrillRecord};

/// One database; what is not known of it is absent.
#[derive(Debug, Clone, Serialize)]
pub struct DatabaseStatus {
    /// Its whole name; a directory's where nothing was dumped into it.
    pub database: String,
    /// Its engine.
    pub engine: Option<Engine>,
    /// Where its dumps are.
    #[serde(serialize_with = "human::path")]
    pub directory: PathBuf,
    /// When the newest dump was made.
    pub newest: Option<Timestamp>,
    /// When the database was last known to be what the newest dump holds: then, or later where a
    /// run found it unchanged.
    pub fresh: Option<Timestamp>,
    /// The newest dump's size in bytes, compressed.
    pub bytes: Option<u64>,
    /// Of the dump before it, in bytes.
    pub bytes_before: Option<u64>,
    /// What the newest dump holds, in bytes.
    pub bytes_inside: Option<u64>,
    /// How many dumps there are that can be used and are not dated after now.
    pub kept: usize,
    /// How far back they go.
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
    /// What is wrong, in words; absent when nothing is.
    pub problem: Option<String>,
}
