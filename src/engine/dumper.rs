//! [`Dumper`], the trait by which an engine dumps one database.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Map, Value};

use crate::header::{Facts, LeftOut};
use crate::identity::Identity;
use crate::name::Format;

/// A database that the engine found and can read. Nothing is written yet.
///
/// The caller calls [`Dumper::take_snapshot`], [`Dumper::stream`] and [`Dumper::check`] in this order,
/// each once. After [`SnapshotLost`] it begins again with [`Dumper::take_snapshot`].
pub trait Dumper {
    /// Returns the identity of the database.
    fn identity(&self) -> &Identity;

    /// Returns the other identities that earlier dumps of the same database may have.
    fn earlier_identities(&self) -> Vec<Identity> {
        Vec::new()
    }

    /// Returns the name, in bytes, of the file that results from decompressing the dump.
    fn file_name(&self) -> Vec<u8>;

    /// Returns the database's name in bytes, exactly as the engine has it.
    fn database(&self) -> Vec<u8> {
        let name = self.identity().database.as_ref();
        name.map_or(Vec::new(), |name| name.clone().into_bytes())
    }

    /// Returns the format of the decompressed dump.
    fn format(&self) -> Format;

    /// Returns the engine's version.
    fn engine_version(&self) -> String;

    /// Returns the size in bytes of the temporary file that the dumper needs beside the dump, or 0
    /// if it needs none.
    fn scratch_bytes(&self) -> u64;

    /// Takes the snapshot. If [`Dumper::scratch_bytes`] is not 0, `scratch` is the file for it.
    ///
    /// # Errors
    /// When the database does not give a snapshot in time.
    fn take_snapshot(&mut self, scratch: Option<ScratchFile<'_>>) -> Result<()>;

    /// Returns the ID of the user who owns the database, or `None` if it does not belong to a user
    /// of this machine.
    fn owner(&self) -> Option<u32> {
        None
    }

    /// Returns the settings of the database that are known before it is read. The dump's header
    /// reserves room for them, so that they are not lost.
    fn settings(&self) -> Map<String, Value> {
        Map::new()
    }

    /// Returns what the dump lacks because the user left it out.
    fn left_out(&self) -> LeftOut {
        LeftOut::default()
    }

    /// Returns the names of the tables whose rows [`Dumper::check`] will report.
    fn tables(&self) -> Vec<String> {
        Vec::new()
    }

    /// Writes the snapshot to `out`. When this returns, everything that proves that the source was
    /// read whole (an exit status, an end marker) has been checked.
    ///
    /// # Errors
    /// When a part of the snapshot cannot be read or written.
    fn stream(&mut self, out: &mut dyn Write) -> Result<()>;

    /// Checks the database itself within the snapshot. Returns the facts about the database. If
    /// `thorough`, also does the checks that take longer than reading the database once.
    ///
    /// # Errors
    /// When the database is damaged.
    fn check(&mut self, thorough: bool) -> Result<Facts>;
}

/// A temporary file of the run that an engine may write. It has a path, for a library that opens
/// files by path, and the open file, which shows whether another file has taken that path
/// meanwhile.
#[derive(Debug, Clone)]
pub struct ScratchFile<'a> {
    /// The path of the file.
    pub path: PathBuf,
    /// The open file.
    pub file: &'a File,
}

/// The error of a snapshot that was lost for this reason although nothing is faulty. Another
/// attempt may succeed.
#[derive(Debug)]
pub struct SnapshotLost(pub &'static str);

impl std::fmt::Display for SnapshotLost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}
