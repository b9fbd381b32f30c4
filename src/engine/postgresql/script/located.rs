//! Finds the object that a line number in psql's errors belongs to.

use std::io::{self, Write};

use super::entries::{Entry, EntrySink};
use crate::engine::object_lines::ObjectLines;

/// The beginning of psql's errors about its input.
const PLACE: &str = "psql:<stdin>:";

/// Passes a dump on to `inner` and remembers in which line each object's entry begins.
pub(in super::super) struct LocatingWriter<W> {
    inner: W,
    places: ObjectPositions,
}

/// The objects, each with the number of the line in which its entry begins.
#[derive(Debug, Default)]
pub(in super::super) struct ObjectPositions(ObjectLines);

impl<W: Write> LocatingWriter<W> {
    pub(in super::super) fn new(inner: W) -> Self {
        LocatingWriter {
            inner,
            places: ObjectPositions::default(),
        }
    }

    /// Declares that the following lines are about this object.
    pub(in super::super) fn begin(&mut self, object: &str) {
        self.places.0.begin(object);
    }

    pub(in super::super) fn pass(&mut self, text: &[u8]) -> io::Result<()> {
        self.inner.write_all(text)?;
        self.places.0.count(text);
        Ok(())
    }

    pub(in super::super) fn inner(&self) -> &W {
        &self.inner
    }

    pub(in super::super) fn inner_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    pub(in super::super) fn into_parts(self) -> (W, ObjectPositions) {
        (self.inner, self.places)
    }
}

impl ObjectPositions {
    /// Splits psql's `psql:<stdin>:12: ERROR:  text` into the object, if it is known, and
    /// `ERROR:  text`.
    pub(in super::super) fn locate<'a>(&self, said: &'a str) -> Option<(Option<&str>, &'a str)> {
        let (line, text) = said.strip_prefix(PLACE)?.split_once(": ")?;
        Some((self.0.object_at(line.parse().ok()?), text))
    }

    /// Returns the text with the object in place of the first line number.
    pub(in super::super) fn explain(&self, said: &str) -> String {
        let Some(at) = said.find(PLACE) else {
            return said.to_owned();
        };
        let (before, error) = said.split_at(at);
        match self.locate(error) {
            Some((Some(object), text)) => format!("{before}{object}: {text}"),
            _ => said.to_owned(),
        }
    }
}

impl<W: Write> EntrySink for LocatingWriter<W> {
    fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.begin(&entry.object());
        Ok(())
    }

    fn sql(&mut self, lines: &[u8], _between: bool) -> io::Result<()> {
        self.pass(lines)
    }

    fn copy(&mut self, statement: &[u8]) -> io::Result<()> {
        self.pass(statement)
    }

    fn rows(&mut self, rows: &[u8]) -> io::Result<()> {
        self.pass(rows)
    }

    fn end_rows(&mut self, line: &[u8]) -> io::Result<()> {
        self.pass(line)
    }
}
