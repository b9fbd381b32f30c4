//! How the sessions of a restore that continues after errors begin and end.

use std::io;

use anyhow::{Error, Result};

/// The number of error lines of one psql that are kept at most.
pub(super) const MOST_LINES: usize = 100_000;
/// The exit status of psql after the connection was lost.
const LOST: &str = "exit status: 2";
/// The statement that hides warnings, because warnings are no failures.
pub(super) const ERRORS_ONLY: &[u8] = b"SET client_min_messages = error;\n";

/// Returns the server's words of the error with which a psql ended.
///
/// # Errors
/// When the connection was lost.
pub(super) fn explain_end(error: Error) -> Result<String> {
    let said = format!("{error:#}");
    if said.contains(LOST) {
        return Err(error);
    }
    let said = said.split_once(": ").map_or(&*said, |(_, said)| said);
    Ok(remove_severity(said))
}

/// Removes the severity from `ERROR:  text`, in any language.
pub(super) fn remove_severity(text: &str) -> String {
    text.split_once(":  ")
        .map_or(text, |(_, text)| text)
        .to_owned()
}

/// Returns the `io::Error` that `error` wraps, or one that wraps `error`.
pub(super) fn unwrap_io_error(error: Error) -> io::Error {
    error.downcast().unwrap_or_else(io::Error::other)
}
