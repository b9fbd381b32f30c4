//! Which database a dump is of.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::human::printable;

/// The kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// A file, read in process.
    Sqlite,
    /// A server, read by `pg_dump`.
    Postgresql,
    /// A MySQL or MariaDB server, read by its own dump client.
    Mysql,
    /// Whatever a program prints.
    Command,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Sqlite => "SQLite",
            Engine::Postgresql => "PostgreSQL",
            Engine::Mysql => "MySQL/MariaDB",
            Engine::Command => "command",
        })
    }
}

/// A database of a source: dumps with the same identity may rotate one another out. Without
/// secrets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Its engine.
    pub engine: Engine,
    /// A canonical path, a host and port, or a socket.
    pub location: String,
    /// The database at that location, where there can be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
}

impl Identity {
    /// An SQLite file's, by its canonical path.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        Identity {
            engine: Engine::Sqlite,
            location: match path.to_str() {
                Some(text) => text.to_owned(),
                None => path
                    .as_os_str()
                    .as_encoded_bytes()
                    .escape_ascii()
                    .to_string(),
            },
            database: None,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = printable(&self.location);
        match &self.database {
            None => write!(f, "{} {location}", self.engine),
            Some(database) => write!(f, "{} {} at {location}", self.engine, printable(database)),
        }
    }
}
