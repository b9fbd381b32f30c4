//! The error of a server that lacks what a dump needs, and the server messages that say so.

use std::fmt;

/// The words for what a table needs if its rows are on another server.
pub(super) const REMOTE: &str = "another server, which a drill does not reach";

/// The beginning of a server's message, and what the server lacks if its message begins so.
pub(super) type Sign = (&'static str, &'static str);

/// The error of a restore that was not begun, because the server lacks something that the dump
/// needs.
#[derive(Debug)]
pub struct MissingRequirements {
    /// The server's URL.
    pub(super) server: String,
    /// What the server lacks; each entry has its kind, such as `the roles anna, bert`.
    pub(super) needs: Vec<String>,
}

impl MissingRequirements {
    /// Returns everything that is missing, separated by semicolons.
    #[must_use]
    pub fn needs(&self) -> String {
        self.needs.join("; ")
    }
}

impl fmt::Display for MissingRequirements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (server, needs) = (&self.server, self.needs());
        write!(
            f,
            "the server {server} lacks what this dump needs: {needs}; restore @globals first, or install and create them"
        )
    }
}

impl std::error::Error for MissingRequirements {}

/// Returns the first message of a server in `error`: one line, which follows `label`, without
/// details. Returns `None` if `label` does not begin a part of `error`.
pub(super) fn find_message<'a>(error: &'a str, label: &str) -> Option<&'a str> {
    let (before, message) = error.split_once(label)?;
    let begins = before.is_empty() || before.ends_with(": ") || before.ends_with("; ");
    let line = message.split_once("; ").map_or(message, |(line, _)| line);
    begins.then_some(line)
}

/// Returns what the server lacks, according to the first sign that `message` begins with.
pub(super) fn find_needed(signs: &[Sign], message: &str) -> Option<&'static str> {
    let sign = signs.iter().find(|(sign, _)| message.starts_with(sign));
    sign.map(|(_, needed)| *needed)
}
