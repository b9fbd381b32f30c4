//! How the program ends.

use std::process::ExitCode;

/// The exit status of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All was done.
    Success,
    /// Something was not.
    Failure,
    /// The command line makes no sense.
    Usage,
    /// Another run holds the directory (`EX_TEMPFAIL` of sysexits.h).
    Held,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::Held => 75,
        })
    }
}

/// What was asked for makes no sense; the text says why.
#[derive(Debug)]
pub struct UsageError(String);

impl UsageError {
    /// With one sentence.
    #[must_use]
    pub fn new(sentence: &str) -> Self {
        UsageError(sentence.to_owned())
    }
}

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}
