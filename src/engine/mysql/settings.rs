//! The settings of a database, and what restoring it takes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::sql::identifier;

/// A backslash then means the same everywhere.
pub(super) const PLAIN_STRINGS: &str = "SET SESSION sql_mode = ''";

/// A database's default character set and the like, and what restoring it takes; kept in the
/// dump's header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) charset: String,
    pub(super) collation: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) comment: String,
    /// `user@host`, or a role.
    pub(super) definers: BTreeSet<String>,
    pub(super) engines: BTreeSet<String>,
    pub(super) collations: BTreeSet<String>,
    /// How the server compares the names of tables; none where an earlier version made the dump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lower_case_table_names: Option<String>,
    /// Columns that the dump has, or may have, with other values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) inexact: Vec<String>,
}

impl Settings {
    pub(super) fn create(&self, name: &str) -> String {
        format!(
            "{PLAIN_STRINGS}; CREATE DATABASE {} {}",
            identifier(name),
            self.options()
        )
    }

    /// As `CREATE DATABASE` and `ALTER DATABASE` have them.
    pub(super) fn options(&self) -> String {
        let mut sql = format!("CHARACTER SET {} COLLATE {}", self.charset, self.collation);
        if !self.comment.is_empty() {
            // Nothing but a plain string may stand here.
            let comment = self.comment.replace('\\', "\\\\").replace('\'', "''");
            sql.extend([" COMMENT '", &comment, "'"]);
        }
        sql
    }
}
