//! Finds the object that a line number in the client's errors belongs to.

use std::io::Write;

use crate::engine::object_lines::{LocatingWriter, ObjectLines};

/// The beginning of the client's errors about its input.
const ERROR: &str = "ERROR ";
const LINE: &str = " at line ";

/// The objects, each with the number of the line in which it begins.
#[derive(Debug)]
pub(in super::super) struct ObjectPositions(pub(in super::super) ObjectLines);

/// A writer that is told which object the following data is about.
pub(in super::super) trait ObjectSink: Write {
    /// Declares that the following lines are about this object.
    fn begin(&mut self, object: String);
}

impl<W: Write> ObjectSink for LocatingWriter<W> {
    fn begin(&mut self, object: String) {
        LocatingWriter::begin(self, &object);
    }
}

impl ObjectPositions {
    /// Splits `ERROR 1146 (42S02) at line 12: text` into the object and the error without the line
    /// number. Returns `None` for any other text.
    pub(in super::super) fn locate(&self, said: &str) -> Option<(String, String)> {
        let (before, rest) = said.strip_prefix(ERROR)?.split_once(LINE)?;
        let (line, text) = rest.split_once(": ")?;
        let line: usize = line.parse().ok()?;
        let object = self.0.object_at(line).unwrap_or("an earlier object");
        Some((object.to_owned(), format!("{ERROR}{before}: {text}")))
    }

    /// Returns the text with the object in front of the first error, instead of the line number.
    pub(in super::super) fn explain(&self, said: &str) -> String {
        let Some(at) = said.find(ERROR) else {
            return said.to_owned();
        };
        match self.locate(&said[at..]) {
            Some((object, error)) => format!("{}{object}: {error}", &said[..at]),
            None => said.to_owned(),
        }
    }
}
