//! What `status` says of the copies of one database in one destination.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::human;

/// The folder of a directory's copies of one NAME, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderClaim {
    /// The folder in the destination.
    pub folder: String,
    /// The hash of the database's identity.
    pub identity: String,
    /// The number of the user who owned the dump directory.
    pub owner: u32,
}

/// What a machine recorded of a database's copies in a destination.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CopyRecord {
    /// The time of the newest dump that was copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
    /// When a run last copied all that was to be copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied: Option<Timestamp>,
    /// The size of the last copy in bytes.
    #[serde(default)]
    pub bytes: u64,
    /// How long the last copy took.
    #[serde(default)]
    pub seconds: f64,
    /// The number of dumps that are newer than the newest that was copied.
    #[serde(default)]
    pub lag: usize,
    /// Why the last run failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The folder of the copies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<FolderClaim>,
}

impl CopyRecord {
    /// Returns true if a run ended that copied the database, or failed to. A run records the folder before.
    #[must_use]
    pub fn is_of_ended_run(&self) -> bool {
        self.copied.is_some() || self.newest.is_some() || self.error.is_some()
    }
}

/// The record of a database's copies in one destination.
#[derive(Debug, Clone, Serialize)]
pub struct CopyStatus {
    /// The destination.
    pub destination: String,
    /// The record.
    #[serde(flatten)]
    pub record: CopyRecord,
}

impl CopyStatus {
    /// Returns true where the size and the time of the last copy are known.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.record.bytes > 0
    }

    /// Returns when the copies were last known to hold what the dumps hold.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        let record = &self.record;
        record.copied.filter(|_| record.lag == 0).or(record.newest)
    }
}

/// Returns a remark on a database's copies, for people.
pub(super) fn write_remark(copies: &[CopyStatus], now: Timestamp) -> Option<String> {
    let all = copies.iter().map(|copy| {
        let age = copy.time().map_or("never".to_owned(), |time| {
            format!("{} ago", human::format_age(now.duration_since(time)))
        });
        format!("copied to {} {age}", copy.destination)
    });
    let all = all.collect::<Vec<_>>().join(", ");
    Some(all).filter(|all| !all.is_empty())
}
