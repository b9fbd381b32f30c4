//! The identity of a dump: which database of which source it is of.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::human::escape;

/// The engine of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// SQLite: a file, which this process reads itself.
    Sqlite,
    /// PostgreSQL: a server, which `pg_dump` reads.
    Postgresql,
    /// MySQL or MariaDB: a server, which its own dump client reads.
    Mysql,
    /// Redis or Valkey: a server, which sends its own RDB file.
    Redis,
    /// A program that writes a dump to its stdout.
    Command,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Sqlite => "SQLite",
            Engine::Postgresql => "PostgreSQL",
            Engine::Mysql => "MySQL/MariaDB",
            Engine::Redis => "Redis/Valkey",
            Engine::Command => "command",
        })
    }
}

/// The identity of a database of a source. Dumps with the same identity rotate together: a newer
/// dump can cause the removal of an older one. An identity holds no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The engine of the database.
    pub engine: Engine,
    /// The canonical path of a file, a host and port, a socket, or the program of a command.
    pub location: String,
    /// The name of the database, if the location can have several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
}

impl Identity {
    /// Returns the identity of an SQLite file with this canonical path.
    #[must_use]
    pub fn from_path(path: &Path) -> Self {
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
        let location = escape(&self.location);
        match &self.database {
            None => write!(f, "{} {location}", self.engine),
            Some(database) => write!(f, "{} {} at {location}", self.engine, escape(database)),
        }
    }
}
