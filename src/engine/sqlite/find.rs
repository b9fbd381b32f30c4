//! Finds an SQLite file, and refuses a file that cannot be a database before SQLite sees it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::{Access, AtFlags, CWD, FileType, Stat, accessat};
use rustix::io::Errno;

use super::guard;
use crate::follow::follow;

/// Finds the database at `path` and lets SQLite open it. Returns its path without symlinks, and its
/// metadata. Creates nothing.
pub(super) fn find(path: &Path) -> Result<(PathBuf, Stat)> {
    let shown = path.display();
    let missing = || anyhow::anyhow!("{shown} does not exist; nothing was created");
    let followed = follow(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => missing(),
        _ => anyhow::anyhow!("cannot reach {shown}: {error}"),
    })?;
    let found = followed.found.ok_or_else(missing)?;
    followed.trust_links()?;
    let kind = FileType::from_raw_mode(found.st_mode);
    if kind.is_dir() {
        bail!("{shown} is a directory; name an SQLite file in it");
    }
    if !kind.is_file() {
        bail!("{shown} is not a regular file, so not an SQLite database");
    }
    if found.st_size == 0 {
        bail!("{shown} has zero bytes, so there is no database to dump");
    }
    // Ask for permission instead of opening the file: closing any descriptor of a file drops every
    // lock that this process has on it, and another thread may be dumping the same file under
    // another name.
    match accessat(CWD, &followed.path, Access::READ_OK, AtFlags::EACCESS) {
        Ok(()) => {}
        Err(Errno::ACCESS | Errno::PERM) => {
            bail!("{shown} may not be read by this user; run as the file's owner")
        }
        Err(error) => return Err(error).with_context(|| format!("cannot reach {shown}")),
    }
    guard::admit(&followed.path, &found);
    Ok((followed.path, found))
}

/// Returns the database's name: the file's name without its extension.
#[must_use]
pub(super) fn name_database(path: &Path) -> Vec<u8> {
    let stem = path.file_stem().unwrap_or_default();
    stem.as_encoded_bytes().to_vec()
}
