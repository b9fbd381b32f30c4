//! Finds the object that a line number in the client's errors belongs to.

use std::io::{self, Write};

use crate::engine::object_lines::ObjectLines;

/// The beginning of the client's errors about its input.
const ERROR: &str = "ERROR ";
const LINE: &str = " at line ";

/// Passes a dump on to `inner` and remembers in which line each object begins.
pub(in super::super) struct LocatingWriter<W> {
    inner: W,
    places: ObjectPositions,
}

/// The objects, each with the number of the line in which it begins.
#[derive(Debug, Default)]
pub(in super::super) struct ObjectPositions(ObjectLines);

impl<W: Write> LocatingWriter<W> {
    pub(in super::super) fn new(inner: W) -> Self {
        LocatingWriter {
            inner,
            places: ObjectPositions::default(),
        }
    }

    pub(in super::super) fn into_parts(self) -> (W, ObjectPositions) {
        (self.inner, self.places)
    }
}

/// A writer that is told which object the following data is about.
pub(in super::super) trait ObjectSink: Write {
    /// Declares that the following lines are about this object.
    fn begin(&mut self, object: String);
}

impl<W: Write> ObjectSink for LocatingWriter<W> {
    fn begin(&mut self, object: String) {
        self.places.0.begin(&object);
    }
}

impl<W: Write> Write for LocatingWriter<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(data)?;
        self.places.0.count(&data[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
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
