//! Downloads a copy from a destination into a scratch file without a name, decrypts it, and verifies it
//! whole.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::catalogue::StoredCopy;
use super::encryption::Identities;
use super::name::{CopyName, Folder};
use super::sums::SummingReader;
use crate::exit::UsageError;
use crate::header::Header;
use crate::human;
use crate::read::read_whole;
use crate::stop::Stop;
use crate::store::{Store, StoreError, UploadContent};

const BLOCK: usize = 256 << 10;

/// The error of a copy that is damaged. An older copy may be whole.
#[derive(Debug)]
pub(super) struct DamagedCopy(String);

impl fmt::Display for DamagedCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DamagedCopy {}

/// Returns the error of a copy that is damaged as `how` says.
pub(super) fn make_damage_error(how: impl fmt::Display) -> anyhow::Error {
    DamagedCopy(how.to_string()).into()
}

/// Downloads a copy and verifies it whole: the stored bytes against the size and SHA-256 in its sidecar
/// (`content`), if there are any, and the dump inside. No more is downloaded than the sidecar says, or,
/// without a sidecar, than the listing of the store says. Returns the dump, the size and SHA-256 of the
/// stored bytes, and the dump's header.
///
/// # Errors
/// [`DamagedCopy`] when the copy is damaged; [`UsageError`] when a private key is missing; when the store or
/// the scratch file fails.
pub(super) fn fetch(
    store: &dyn Store,
    folder: &Folder,
    copy: &StoredCopy,
    content: Option<&UploadContent>,
    identities: Option<&Identities>,
    stop: Stop,
) -> Result<(File, UploadContent, Header)> {
    let name = &copy.name;
    if name.is_encrypted && identities.is_none() {
        return Err(UsageError::new(
            "it is encrypted; name the file of the private key with --identity",
        )
        .into());
    }
    let bytes = content.map_or(copy.bytes, |content| content.bytes);
    let mut scratch = create_scratch(bytes)?;
    let mut summed = SummingReader::new(open(store, folder, name, bytes, stop)?);
    let taken = take(
        &mut summed,
        &mut scratch,
        identities.filter(|_| name.is_encrypted),
    );
    let taken = match taken {
        Err(error) if !error.is::<DamagedCopy>() => return Err(error),
        taken => taken,
    };
    // A difference from the sidecar says more than a failure to decrypt.
    let stored = summed.finish().map_err(StoreError::from_io)?;
    match content {
        Some(content) => compare(&stored, content)?,
        None if stored.bytes > bytes => {
            return Err(make_damage_error(format!(
                "it has more than the {} that the store lists",
                crate::human::format_count(bytes, "byte")
            )));
        }
        None => {}
    }
    taken?;
    scratch.rewind()?;
    let header = match read_whole(&scratch, stop, &mut io::sink()) {
        Ok(header) => header,
        Err(error) => {
            stop.check()?;
            return Err(make_damage_error(error));
        }
    };
    if header.time != name.dump.time {
        return Err(make_damage_error(
            "its header has another time than its name",
        ));
    }
    Ok((scratch, stored, header))
}

/// Reads a copy and compares the stored bytes with its sidecar, without decrypting them.
///
/// # Errors
/// [`DamagedCopy`] when they differ; when the store does not give them.
pub(super) fn check(
    store: &dyn Store,
    folder: &Folder,
    name: &CopyName,
    content: &UploadContent,
    stop: Stop,
) -> Result<()> {
    let summed = SummingReader::new(open(store, folder, name, content.bytes, stop)?);
    compare(&summed.finish().map_err(StoreError::from_io)?, content)
}

/// Opens a copy. A store could send bytes without end, so at most one byte more than `bytes` is read.
fn open<'a>(
    store: &'a dyn Store,
    folder: &Folder,
    name: &CopyName,
    bytes: u64,
    stop: Stop,
) -> Result<impl Read + 'a> {
    let most = bytes.saturating_add(1);
    let copy = store.read(&folder.path_of(&name.to_string()), stop)?;
    Ok(copy.take(most))
}

/// Writes the dump inside the copy to `into`.
///
/// # Errors
/// [`DamagedCopy`] when the copy cannot be decrypted because it is damaged; when the store or `into` fails.
fn take(from: &mut impl Read, out: &mut File, identities: Option<&Identities>) -> Result<()> {
    let mut from = BufReader::with_capacity(BLOCK, from);
    match identities {
        None => pass(&mut from, out),
        Some(identities) => {
            let inside = identities.decrypt(&mut from);
            let mut inside = inside.map_err(|error| match error.downcast::<io::Error>() {
                Ok(error) => explain_unreadable(error),
                Err(error) => error,
            })?;
            pass(&mut *inside, out)
        }
    }
}

fn pass(from: &mut dyn Read, out: &mut File) -> Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        match from.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(read) => out
                .write_all(&block[..read])
                .context("cannot write into the scratch directory (set $TMPDIR to use another)")?,
            Err(error) => return Err(explain_unreadable(error)),
        }
    }
}

/// Distinguishes a failure of the store from a failure to decrypt.
fn explain_unreadable(error: io::Error) -> anyhow::Error {
    let is_of_age = matches!(
        error.kind(),
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof
    );
    if is_of_age {
        return make_damage_error("its encryption is damaged");
    }
    StoreError::from_io(error).into()
}

fn compare(stored: &UploadContent, said: &UploadContent) -> Result<()> {
    if stored.bytes > said.bytes {
        return Err(make_damage_error(format!(
            "it has more than the {} that its sidecar says",
            crate::human::format_count(said.bytes, "byte")
        )));
    }
    if stored.bytes != said.bytes {
        return Err(make_damage_error(format!(
            "it has {} and its sidecar says {}",
            crate::human::format_count(stored.bytes, "byte"),
            said.bytes
        )));
    }
    if stored.sha256 != said.sha256 {
        return Err(make_damage_error(
            "its SHA-256 differs from that in its sidecar",
        ));
    }
    Ok(())
}

/// Returns a file without a name, in `$TMPDIR`, else in `/var/tmp`, which is on a disk. It has room for
/// `bytes` bytes.
fn create_scratch(bytes: u64) -> Result<File> {
    let directory = std::env::var_os("TMPDIR").filter(|value| !value.is_empty());
    let directory = directory.map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from);
    match tempfile::tempfile_in(&directory) {
        Ok(file) => {
            let stat = rustix::fs::fstatvfs(&file)?;
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            ensure!(
                free >= bytes,
                "the scratch directory {} has {} free and the copy needs {} (set $TMPDIR to use another)",
                directory.display(),
                human::format_bytes(free),
                human::format_bytes(bytes)
            );
            Ok(file)
        }
        Err(error) => bail!(
            "cannot create a file in the scratch directory {}: {error} (set $TMPDIR to use another)",
            directory.display()
        ),
    }
}
