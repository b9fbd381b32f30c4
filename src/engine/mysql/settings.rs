//! The settings of a database, and what restoring it requires.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::sql::quote_identifier;

/// With this SQL mode, a backslash means the same everywhere.
pub(super) const PLAIN_STRINGS: &str = "SET SESSION sql_mode = ''";

/// The settings of a database, such as its default character set, and what restoring it requires.
/// The dump's header holds them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DatabaseSettings {
    pub(super) charset: String,
    pub(super) collation: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) comment: String,
    /// The definers of objects: `user@host`, or a role.
    pub(super) definers: BTreeSet<String>,
    pub(super) engines: BTreeSet<String>,
    pub(super) collations: BTreeSet<String>,
    /// How the server compares the names of tables; `None` if an earlier version made the dump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lower_case_table_names: Option<String>,
    /// Columns whose values in the dump differ, or may differ, from those in the database.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) inexact: Vec<String>,
    /// Tables and views that could not be read and are not in the dump.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) lacking: Vec<String>,
}

impl DatabaseSettings {
    pub(super) fn create(&self, name: &str) -> String {
        format!(
            "{PLAIN_STRINGS}; CREATE DATABASE {} {}",
            quote_identifier(name),
            self.options()
        )
    }

    /// Returns the options as `CREATE DATABASE` and `ALTER DATABASE` accept them.
    pub(super) fn options(&self) -> String {
        // A dump's header may name anything. The server accepts quoted names here.
        let (charset, collation) = (
            quote_identifier(&self.charset),
            quote_identifier(&self.collation),
        );
        let mut sql = format!("CHARACTER SET {charset} COLLATE {collation}");
        if !self.comment.is_empty() {
            // Only a plain string is allowed here.
            let comment = self.comment.replace('\\', "\\\\").replace('\'', "''");
            sql.extend([" COMMENT '", &comment, "'"]);
        }
        sql
    }
}
