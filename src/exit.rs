//! The exit statuses of the program, and the error of a request that cannot be carried out as given.

use std::process::ExitCode;

/// The exit status of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done.
    Success,
    /// Something was not done.
    Failure,
    /// The command line is wrong.
    Usage,
    /// Another run holds the dump directory (`EX_TEMPFAIL` of sysexits.h).
    Held,
}

impl Exit {
    /// Returns the exit status of a run in which this number of databases, dumps or objects failed.
    #[must_use]
    pub fn from_failures(failed: usize) -> Self {
        match failed {
            0 => Exit::Success,
            _ => Exit::Failure,
        }
    }
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

/// The error of a request that cannot be carried out as given. Its text says why.
#[derive(Debug)]
pub struct UsageError(String);

impl UsageError {
    /// Returns the error with this sentence as its text.
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
