//! The errors of stores, each with a sentence without secrets.

use std::fmt;
use std::io;

use crate::stop::Stopped;

/// The kind of the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The file does not exist.
    Missing,
    /// The store does not allow it.
    Refused,
    /// Work had to end: a signal, or a deadline.
    Stopped(Stopped),
    /// Anything else.
    Other,
}

/// The failure of a store.
#[derive(Debug)]
pub struct StoreError {
    /// The kind of the failure.
    pub reason: Reason,
    text: String,
}

impl StoreError {
    /// Returns an error with its sentence.
    #[must_use]
    pub fn new(reason: Reason, text: &str) -> Self {
        let text = text.to_owned();
        StoreError { reason, text }
    }

    /// Returns the store error inside an I/O error, or makes one from the I/O error.
    #[must_use]
    pub fn from_io(error: io::Error) -> Self {
        match error.downcast::<StoreError>() {
            Ok(error) => error,
            Err(error) => StoreError::from(error),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for StoreError {}

impl From<Stopped> for StoreError {
    fn from(stopped: Stopped) -> Self {
        StoreError::new(Reason::Stopped(stopped), &stopped.to_string())
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => Reason::Missing,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Reason::Refused,
            _ => Reason::Other,
        };
        StoreError::new(reason, &error.to_string())
    }
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        io::Error::other(error)
    }
}

impl From<opendal::Error> for StoreError {
    fn from(error: opendal::Error) -> Self {
        use opendal::ErrorKind;
        let reason = match error.kind() {
            ErrorKind::NotFound => Reason::Missing,
            ErrorKind::PermissionDenied => Reason::Refused,
            _ => Reason::Other,
        };
        StoreError::new(reason, &describe(&error))
    }
}

/// Returns what a store said: the code and message of an S3 answer, else the message with its
/// causes. `OpenDAL`'s own form has the request with its headers.
pub(super) fn describe(error: &opendal::Error) -> String {
    let message = error.message();
    let field = |name: &str| {
        let (_, rest) = message.split_once(&format!("{name}: \""))?;
        Some(rest.split('"').next()?.to_owned()).filter(|text| !text.is_empty())
    };
    let mut text = match (field("code"), field("message")) {
        (Some(code), Some(said)) => format!("the store says {code}: {said}"),
        (Some(code), None) => format!("the store says {code}"),
        _ => message.to_owned(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    if text.trim().is_empty() {
        text = find_status(error).unwrap_or_else(|| format!("the store fails: {}", error.kind()));
    }
    remove_queries(&text)
}

/// Returns the status of an answer without a body, as the context of an error has it.
fn find_status(error: &opendal::Error) -> Option<String> {
    let shown = error.to_string();
    let (_, rest) = shown.split_once("status: ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(format!("the store answers with status {digits}")).filter(|_| digits.len() == 3)
}

/// Returns text in which no URL has its query, where signatures are, and every line is joined.
fn remove_queries(text: &str) -> String {
    let words = text
        .split_whitespace()
        .map(|word| match word.split_once('?') {
            Some((start, _)) if start.contains("://") => start,
            _ => word,
        });
    let text = words.collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
