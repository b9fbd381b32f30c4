//! The state that a machine keeps about its copies: a random key, one lock for each destination, and a record
//! for `status` of what was copied when. Losing this state loses no copy.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use hmac::{Hmac, KeyInit, Mac};
use rustix::fs::FlockOperation;
use sha2::Sha256;

use crate::header::LeftOut;
use crate::human;
use crate::identity::Identity;
use crate::secret::Secret;
use crate::status::CopyRecord;
use crate::store::Destination;

const RECORDS: &str = "copies.json";
const LONGEST: u64 = 64 << 20;

/// The records by destination, directory and database.
pub type Records = BTreeMap<String, BTreeMap<PathBuf, BTreeMap<String, CopyRecord>>>;

/// The error when another run copies to the same destination.
#[derive(Debug)]
pub struct DestinationInUse(String);

impl fmt::Display for DestinationInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "another run copies to {}; nothing was done", self.0)
    }
}

impl std::error::Error for DestinationInUse {}

/// The machine's directory for copies.
#[derive(Debug)]
pub struct CopyStateDirectory(PathBuf);

impl CopyStateDirectory {
    /// Returns the given directory, else the default directory of the user.
    ///
    /// # Errors
    /// When no directory is given and the user has no home directory.
    pub fn find(given: Option<&Path>) -> Result<Self> {
        if let Some(given) = given {
            return Ok(CopyStateDirectory(given.to_owned()));
        }
        if rustix::process::geteuid().is_root() {
            return Ok(CopyStateDirectory(PathBuf::from(
                "/var/lib/dump-database-copies",
            )));
        }
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let state = variable("XDG_STATE_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from(variable("HOME")?).join(".local/state"));
        let state = state
            .or_else(home)
            .context("no directory for the record of copies is known; name one with --state")?;
        Ok(CopyStateDirectory(state.join("dump-database-copies")))
    }

    /// Creates the directory if it is missing.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(&self) -> Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        let shown = self.0.display();
        builder.create(&self.0).with_context(|| {
            format!(
                "cannot create {shown} for the record of copies (--state names another directory)"
            )
        })
    }

    /// Returns the machine's key, and makes it if there is none.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub fn read_or_create_key(&self) -> Result<MachineKey> {
        let path = self.0.join("key");
        let context = || format!("cannot read the key of copies, {}", path.display());
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let secret = Secret::generate()?.expose().to_string_lossy().into_owned();
                let mut file = tempfile::NamedTempFile::new_in(&self.0).with_context(context)?;
                file.write_all(secret.as_bytes()).with_context(context)?;
                file.as_file().sync_all().with_context(context)?;
                // If another run made a key first, that key counts.
                let _ = file.persist_noclobber(&path);
                fs::read_to_string(&path)
            }
            text => text,
        }
        .with_context(context)?;
        ensure!(
            !text.trim().is_empty(),
            "{} is empty; remove it",
            path.display()
        );
        Ok(MachineKey(text.trim().to_owned()))
    }

    /// Returns the machine's key, if it has one.
    #[must_use]
    pub fn read_key(&self) -> Option<MachineKey> {
        let text = fs::read_to_string(self.0.join("key")).ok()?;
        Some(text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .map(MachineKey)
    }

    /// Locks a destination for this run, until the returned file is dropped.
    ///
    /// # Errors
    /// [`DestinationInUse`] when another run of this machine copies to it.
    pub fn lock(&self, destination: &Destination, key: &MachineKey) -> Result<File> {
        let name = key.hash(destination.to_string().as_bytes());
        let file = self.open(&format!("{}.lock", &name[..16]))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                Err(DestinationInUse(destination.to_string()).into())
            }
            Err(error) => Err(error).with_context(|| format!("cannot lock {}", self.0.display())),
        }
    }

    /// Returns the records, or empty records if there is no file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read_records(&self) -> Result<Records> {
        let path = self.0.join(RECORDS);
        let context = || format!("cannot read the record of copies, {}", path.display());
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Records::new()),
            file => file.with_context(context)?,
        };
        let mut text = Vec::new();
        file.take(LONGEST)
            .read_to_end(&mut text)
            .with_context(context)?;
        serde_json::from_slice(&text).with_context(context)
    }

    /// Changes the records: writes a new file and renames it over the old one.
    ///
    /// # Errors
    /// When they cannot be written; they are then as they were.
    pub fn change(&self, change: impl FnOnce(&mut Records)) -> Result<()> {
        let lock = self.open("records.lock")?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive)
            .with_context(|| format!("cannot lock {}", self.0.display()))?;
        let mut records = self.read_records().unwrap_or_else(|error| {
            log::warn!("{error:#}; a new record begins");
            Records::new()
        });
        change(&mut records);
        let context = || format!("cannot write the record of copies in {}", self.0.display());
        let mut file = tempfile::NamedTempFile::new_in(&self.0).with_context(context)?;
        file.write_all(&serde_json::to_vec_pretty(&records)?)
            .with_context(context)?;
        file.as_file().sync_all().with_context(context)?;
        file.persist(self.0.join(RECORDS)).with_context(context)?;
        Ok(())
    }

    fn open(&self, name: &str) -> Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let path = self.0.join(name);
        options
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))
    }
}

/// The machine's random key. Without this key, a hash says nothing about what was hashed.
pub struct MachineKey(String);

impl MachineKey {
    /// Returns the hash of a database's identity.
    ///
    /// # Errors
    /// When the identity cannot be written as JSON.
    pub fn hash_identity(&self, identity: &Identity) -> Result<String> {
        Ok(self.hash(&serde_json::to_vec(identity)?))
    }

    /// Returns the hash of what the user left out of a dump, or `None` if the dump is whole.
    ///
    /// # Errors
    /// When the patterns cannot be written as JSON.
    pub fn hash_left_out(&self, left_out: &LeftOut) -> Result<Option<String>> {
        if left_out.is_nothing() {
            return Ok(None);
        }
        Ok(Some(self.hash(&serde_json::to_vec(left_out)?)))
    }

    /// Returns the machine's name in the names of unfinished uploads.
    #[must_use]
    pub fn owner(&self) -> String {
        self.hash(b"owner")[..8].to_owned()
    }

    fn hash(&self, data: &[u8]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).expect("any length will do");
        mac.update(data);
        human::format_hexadecimal(&mac.finalize().into_bytes())
    }
}

impl fmt::Debug for MachineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
