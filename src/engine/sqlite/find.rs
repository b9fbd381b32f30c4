//! Finding an SQLite file, and refusing what cannot be one before SQLite sees it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

/// The canonical path of the database at `path`; creates nothing.
pub(crate) fn find(path: &Path) -> Result<PathBuf> {
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
    // Asked, not tried: closing any descriptor of a file drops every lock this process has on it,
    // and another thread may be dumping the same file under another name.
    match accessat(CWD, &real, Access::READ_OK, AtFlags::EACCESS) {
        Ok(()) => {}
        Err(Errno::ACCESS | Errno::PERM) => {
            bail!("{shown} may not be read by this user; run as the file's owner")
        }
        Err(error) => return Err(error).with_context(|| format!("cannot reach {shown}")),
    }
    Ok(real)
}
