//! The sidecar of a copy: a file beside it, written last. It says which bytes the copy must have, and nothing
//! about the content of the database.

use std::io::Read;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::name::{CopyName, Folder};
use crate::header::DumpKind;
use crate::human;
use crate::stop::Stop;
use crate::store::{Store, UploadContent};

const LONGEST: u64 = 64 << 10;
/// The length of a SHA-256 in hexadecimal.
const HASH: usize = 64;
/// The greatest length of the name and the version of the program that made a copy.
const LONGEST_TOOL: usize = 100;

/// The bytes that a copy must have, and which dump it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sidecar {
    /// The program that made the copy, with its version.
    pub tool: String,
    /// The copy's name.
    pub copy: String,
    /// The copy's size in bytes, as it is stored.
    pub bytes: u64,
    /// The SHA-256 of the copy, as it is stored.
    pub sha256: String,
    /// The time of the snapshot.
    pub time: Timestamp,
    /// Why the dump was made.
    pub kind: DumpKind,
    /// The hash of the database's identity, with the key of the machine that copied it. `None` if another
    /// machine made the sidecar again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The hash, with the same key, of what the user left out of the dump. `None` if the dump is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

impl Sidecar {
    /// Returns the sidecar of a copy that holds `content`.
    #[must_use]
    pub(super) fn new(
        name: &CopyName,
        content: &UploadContent,
        kind: DumpKind,
        identity: Option<String>,
        left_out: Option<String>,
    ) -> Self {
        Sidecar {
            tool: concat!("dump-database ", env!("CARGO_PKG_VERSION")).to_owned(),
            copy: name.to_string(),
            bytes: content.bytes,
            sha256: content.sha256.clone(),
            time: name.dump.time,
            kind,
            identity,
            left_out,
        }
    }

    /// Reads the sidecar of a copy.
    ///
    /// # Errors
    /// When the sidecar cannot be read, or belongs to another copy.
    pub(super) fn read(
        store: &dyn Store,
        folder: &Folder,
        name: &CopyName,
        kind: DumpKind,
        stop: Stop,
    ) -> Result<Self> {
        let mut text = Vec::new();
        store
            .read_small(&folder.path_of(&name.sidecar(kind)), stop)
            .and_then(|file| Ok(file.take(LONGEST).read_to_end(&mut text)?))
            .context("its sidecar cannot be read")?;
        let sidecar: Sidecar = serde_json::from_slice(&text).context("its sidecar is damaged")?;
        ensure!(
            sidecar.copy == name.to_string() && sidecar.kind == kind,
            "its sidecar is another copy's"
        );
        // The sidecars of all copies of a database are in memory at a time.
        let hashes = [
            Some(&sidecar.sha256),
            sidecar.identity.as_ref(),
            sidecar.left_out.as_ref(),
        ];
        let is_hash = |hash: &String| {
            hash.len() == HASH && hash.bytes().all(|digit| digit.is_ascii_hexdigit())
        };
        ensure!(
            hashes.into_iter().flatten().all(is_hash) && sidecar.tool.len() <= LONGEST_TOOL,
            "its sidecar is damaged: it does not hold what this program writes"
        );
        Ok(sidecar)
    }

    /// Stores the sidecar beside its copy.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub(super) fn write(
        &self,
        store: &dyn Store,
        folder: &Folder,
        name: &CopyName,
        stop: Stop,
    ) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        let content = UploadContent {
            bytes: text.len() as u64,
            sha256: human::format_hexadecimal(&Sha256::digest(&text)),
        };
        let path = folder.path_of(&name.sidecar(self.kind));
        let mut upload = store.upload(&path, content.bytes, stop)?;
        upload.write_all(&text)?;
        upload
            .publish(&content, false)
            .context("its sidecar was not stored")?;
        Ok(())
    }

    /// Returns the size and SHA-256 that the copy must have.
    #[must_use]
    pub(super) fn content(&self) -> UploadContent {
        UploadContent {
            bytes: self.bytes,
            sha256: self.sha256.clone(),
        }
    }
}
