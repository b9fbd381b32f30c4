//! Finding an SQLite file, and refusing what is none before SQLite sees it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::image::MAGIC;

/// The canonical path of the database at `path`; creates nothing.
pub(super) fn find(path: &Path) -> Result<PathBuf> {
    let shown = path.display();
    let real = path.canonicalize().map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!("{shown} does not exist; nothing was created"),
        _ => anyhow::anyhow!("cannot reach {shown}: {error}"),
    })?;
    let meta = real
        .metadata()
        .with_context(|| format!("cannot read {shown}"))?;
    if meta.is_dir() {
        bail!("{shown} is a directory; name an SQLite file in it");
    }
    if !meta.is_file() {
        bail!("{shown} is not a regular file, so not an SQLite database");
    }
    if meta.len() == 0 {
        bail!("{shown} has zero bytes, so there is no database to dump");
    }
    let mut magic = [0; 16];
    // Closed before SQLite opens the file: closing any descriptor of it drops SQLite's locks.
    match File::open(&real).and_then(|mut file| file.read_exact(&mut magic)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!("{shown} may not be read by this user; run as the file's owner")
        }
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => {
            Err(error).with_context(|| format!("cannot read {shown}"))
        }
        _ if magic != *MAGIC => bail!(
            "{shown} is not an SQLite database (its first bytes say otherwise; an encrypted one cannot be read)"
        ),
        _ => Ok(real),
    }
}
