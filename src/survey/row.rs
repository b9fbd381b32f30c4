//! What a survey says of one database.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

/// A database of the machine.
#[derive(Debug, Serialize)]
pub struct SurveyedDatabase {
    /// The engine, such as `SQLite` or `MongoDB`.
    pub(super) engine: String,
    /// True if this program has an engine for it.
    pub(super) supported: bool,
    /// The path of the file, or where the server listens.
    pub(super) locations: Vec<String>,
    /// The server's process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) process: Option<u32>,
    /// True if it is dumped, or an enabled unit names it.
    pub(super) covered: bool,
    /// The dump directories.
    pub(super) directories: Vec<PathBuf>,
    /// The databases of a server that are dumped; absent where every database is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) databases: Option<Vec<String>>,
    /// The units that name it.
    pub(super) units: Vec<String>,
    /// When the newest dump was made.
    pub(super) newest: Option<Timestamp>,
    /// A remark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remark: Option<String>,
}

/// What a survey could not look at.
#[derive(Debug, Serialize)]
pub(super) struct Unseen {
    #[serde(serialize_with = "crate::human::serialize_path")]
    pub(super) path: PathBuf,
    pub(super) reason: String,
}

/// The result of a survey.
#[derive(Debug, Serialize)]
pub(super) struct SurveyReport {
    /// When the survey ended.
    pub(super) time: Timestamp,
    pub(super) databases: Vec<SurveyedDatabase>,
    pub(super) unseen: Vec<Unseen>,
    /// False if the survey reached its deadline.
    pub(super) complete: bool,
}
