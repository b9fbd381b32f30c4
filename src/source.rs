//! Where a database is reached: what the command line names.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::engine::Dumper;
use crate::engine::command::{Printing, Program};
use crate::engine::sqlite::{self, Sqlite};
use crate::stop::Stop;

/// A database to dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `sqlite:PATH`, or a plain path.
    Sqlite(PathBuf),
    /// A program that prints a dump.
    Command(Program),
}

impl Source {
    /// Reads `sqlite:PATH` or a plain path.
    ///
    /// # Errors
    /// One sentence, when it is neither.
    pub fn parse(text: &OsStr) -> Result<Self, String> {
        let bytes = text.as_bytes();
        let path = bytes.strip_prefix(b"sqlite:").unwrap_or(bytes);
        if path.is_empty() {
            return Err("an SQLite file's path is wanted".to_owned());
        }
        let scheme = path.split(|byte| *byte == b':').next().unwrap_or_default();
        if path.len() == bytes.len() && path[scheme.len()..].starts_with(b"://") {
            let scheme = String::from_utf8_lossy(scheme);
            return Err(format!(
                "{scheme}:// is no known kind of source; sqlite:PATH is"
            ));
        }
        Ok(Source::Sqlite(PathBuf::from(OsStr::from_bytes(path))))
    }

    /// The database's name in bytes, as the engine has it.
    #[must_use]
    pub fn database(&self) -> Vec<u8> {
        match self {
            Source::Sqlite(path) => sqlite::database_of(path),
            Source::Command(program) => program.name.clone().into_bytes(),
        }
    }

    /// Finds the database; writes nothing.
    ///
    /// # Errors
    /// One sentence for whatever keeps it from being dumped.
    pub fn open(&self, busy_timeout: Duration, stop: Stop) -> Result<Box<dyn Dumper>> {
        match self {
            Source::Sqlite(path) => Ok(Box::new(Sqlite::open(path, busy_timeout, stop)?)),
            Source::Command(program) => Ok(Box::new(Printing::new(program, stop))),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Sqlite(path) => write!(f, "{}", path.display()),
            Source::Command(program) => f.write_str(&program.shown()),
        }
    }
}
