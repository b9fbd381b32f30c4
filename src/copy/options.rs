//! The options of `copy`.

use std::path::PathBuf;
use std::time::Duration;

use crate::retention::Policy;

/// The options of a run of `copy`.
#[derive(Debug, Clone)]
pub struct CopyOptions {
    /// The destination, as the user wrote it.
    pub to: String,
    /// The public keys to which the copies are encrypted.
    pub recipients: Vec<String>,
    /// A file with more public keys.
    pub recipients_file: Option<PathBuf>,
    /// The file with the settings of the store.
    pub store_config: Option<PathBuf>,
    /// The machine's name in the destination; `None` means the name of the system.
    pub host: Option<String>,
    /// The most bytes to upload in a second.
    pub rate: Option<u64>,
    /// True to download and compare every copy.
    pub reads_back: bool,
    /// True to copy also the dumps that restores saved.
    pub includes_replaced: bool,
    /// Which copies stay in the destination.
    pub policy: Policy,
    /// False to remove nothing in the destination.
    pub rotates: bool,
    /// The longest time that one copy may take, and that listing the copies of one database may take.
    pub timeout: Duration,
    /// The directory in which the machine keeps its record of copies.
    pub state: Option<PathBuf>,
}
