//! Says what the errors of a server and of its client mean, and what to do.

use std::fmt::Display;

use anyhow::{Error, anyhow};

/// Words of a server or a client, and what they mean.
const MEANINGS: [(&str, &str); 17] = [
    ("WRONGPASS", "the server refuses the user or the password"),
    ("invalid password", "the server refuses the password"),
    (
        "without any password configured",
        "a password is given and the server has none",
    ),
    (
        "NOAUTH",
        "the server asks for a password; name a file that holds it with --password-file",
    ),
    (
        "NOPERM",
        "the user lacks a permission; docs/sources.md lists what the user needs (ACL SETUSER)",
    ),
    (
        "no permissions to run",
        "the user lacks a permission; docs/sources.md lists what the user needs (ACL SETUSER)",
    ),
    (
        "unknown command",
        "the server does not know a command that is needed; its configuration renamed it (rename-command), or a hosted service forbids it",
    ),
    (
        "LOADING",
        "the server is loading its data after a start; try again when it is done",
    ),
    (
        "NOMASTERLINK",
        "the server is a replica that has no connection to its primary; name the primary",
    ),
    (
        "MASTERDOWN",
        "the server is a replica that has no connection to its primary; name the primary",
    ),
    (
        "READONLY",
        "the server is a replica, which accepts no writes; name its primary",
    ),
    (
        "OOM command not allowed",
        "the server has no memory left (maxmemory); a restore needs room for the old data and the new",
    ),
    (
        "MISCONF",
        "the server refuses writes because it could not save its data to its disk; its log says why",
    ),
    (
        "DUMP payload version",
        "the server does not know the format of the dump; restore into a server of the same maker, in the same or a newer version",
    ),
    (
        "Bad data format",
        "the server does not know a type of value in the dump; load the modules that the dumped server had",
    ),
    (
        "BUSYKEY",
        "another client wrote to a database that was empty when the restore began",
    ),
    (
        "DB index is out of range",
        "the server has too few databases; raise `databases` in its configuration",
    ),
];

/// The client's words for a connection that the server closed while it sent its data.
const CLOSED: [&str; 2] = [
    "I/O Error reading",
    "Error reading bulk length while SYNCing",
];

/// Returns the error with what it means in front, if that is known.
pub(super) fn explain(error: &(impl Display + ?Sized)) -> Error {
    let said = format!("{error:#}");
    if CLOSED.iter().any(|words| said.contains(words)) {
        return anyhow!(
            "the server ended the connection while it sent its data; its log says why (a full disk, no memory for a second process, or client-output-buffer-limit replica): {said}"
        );
    }
    let mut meanings = MEANINGS.iter();
    match meanings.find(|(words, _)| said.contains(words)) {
        Some((_, meaning)) => anyhow!("{meaning}: {said}"),
        None => anyhow!(said),
    }
}
