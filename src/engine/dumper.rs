//! What writes a dump of one database.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Map, Value};

use crate::header::Facts;
use crate::identity::Identity;
use crate::name::Format;

/// A source that was found and may be read; nothing was written yet.
///
/// The calls come in the order of the methods, each once.
pub trait Dumper {
    /// Which database it is.
    fn identity(&self) -> &Identity;

    /// Returns the other identities that earlier dumps of this very database may bear.
    fn earlier_identities(&self) -> Vec<Identity> {
        Vec::new()
    }

    /// The file that decompressing the dump gives back, in bytes.
    fn file_name(&self) -> Vec<u8>;

    /// Returns the database's name in bytes, as the engine has it.
    fn database(&self) -> Vec<u8> {
        let name = self.identity().database.as_ref();
        name.map_or(Vec::new(), |name| name.clone().into_bytes())
    }

    /// What the dump's bytes will be.
    fn format(&self) -> Format;

    /// The engine's version.
    fn engine_version(&self) -> String;

    /// Bytes of a temporary file it needs beside the dump; 0 for none.
    fn scratch_bytes(&self) -> u64;

    /// Takes the snapshot, into `scratch` where one was asked for.
    ///
    /// # Errors
    /// When the database does not give one in time.
    fn snapshot(&mut self, scratch: Option<ScratchFile<'_>>) -> Result<()>;

    /// Returns the user that the database belongs to, where it belongs to one of this machine.
    fn owner(&self) -> Option<u32> {
        None
    }

    /// What is known of the database before it is read, and must not be lost.
    fn settings(&self) -> Map<String, Value> {
        Map::new()
    }

    /// The tables whose rows [`Dumper::check`] will tell.
    fn tables(&self) -> Vec<String> {
        Vec::new()
    }

    /// Writes the snapshot. All that says the source was read whole (an exit status, an end
    /// marker) was checked when this returns.
    ///
    /// # Errors
    /// When any of it cannot be read or written.
    fn stream(&mut self, out: &mut dyn Write) -> Result<()>;

    /// Checks the database itself within the snapshot; what is known of it. `thorough` asks for
    /// what takes longer than reading it once.
    ///
    /// # Errors
    /// When the database is damaged.
    fn check(&mut self, thorough: bool) -> Result<Facts>;
}

/// A file of the run's own that an engine may write: its path, for a library that opens files by
/// path, and the file, by which to tell whether another bears that path meanwhile.
#[derive(Debug, Clone)]
pub struct ScratchFile<'a> {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub file: &'a File,
}

/// The snapshot came to an end that was nobody's fault, for this reason; another attempt may go well.
#[derive(Debug)]
pub struct SnapshotLost(pub &'static str);

impl std::fmt::Display for SnapshotLost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}
