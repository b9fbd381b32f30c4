//! The dump directory of a command line that names none.

use std::path::PathBuf;

use anyhow::Result;

use crate::exit::UsageError;

/// Returns the given directory, else systemd's `$STATE_DIRECTORY`, else `./dump`.
///
/// # Errors
/// [`UsageError`] when `$STATE_DIRECTORY` lists several directories.
pub(super) fn find_directory(given: Option<PathBuf>) -> Result<PathBuf> {
    if let Some(path) = given {
        return Ok(path);
    }
    match std::env::var_os("STATE_DIRECTORY").filter(|value| !value.is_empty()) {
        Some(value) if value.as_encoded_bytes().contains(&b':') => Err(UsageError::new(
            "$STATE_DIRECTORY lists several directories; name one of them as DIR, or with --to",
        )
        .into()),
        Some(value) => Ok(PathBuf::from(value)),
        None => Ok(PathBuf::from("dump")),
    }
}

/// Returns the given paths, or [`find_directory`]'s default if there are none.
///
/// # Errors
/// As [`find_directory`].
pub(super) fn find_directories(given: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    if given.is_empty() {
        return Ok(vec![find_directory(None)?]);
    }
    Ok(given)
}
