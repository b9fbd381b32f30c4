//! The options of `copy`.

use std::path::PathBuf;
use std::time::Duration;

use crate::retention::Policy;

/// What is copied, and how.
#[derive(Debug, Clone)]
pub struct CopyOptions {
    /// Where to.
    pub to: String,
    /// Whom the copies are encrypted to.
    pub recipients: Vec<String>,
    /// A file with more of them.
    pub recipients_file: Option<PathBuf>,
    /// The settings of the store.
    pub store_config: Option<PathBuf>,
    /// The machine's name in the destination; the system's own by default.
    pub host: Option<String>,
    /// Bytes a second.
    pub rate: Option<u64>,
    /// Read every copy back.
    pub reads_back: bool,
    /// Copy what restores replaced as well.
    pub includes_replaced: bool,
    /// What stays in the destination; without it nothing is removed there.
    pub policy: Policy,
    /// Whether anything is removed in the destination.
    pub rotates: bool,
    /// How long one copy may take, and so may listing the copies of a database.
    pub timeout: Duration,
    /// Where the machine keeps its record of copies.
    pub state: Option<PathBuf>,
}
