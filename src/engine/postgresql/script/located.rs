//! Finds the object that a line number in psql's errors belongs to.

use std::io::{self, Write};

use super::entries::{Entry, EntrySink};
use crate::engine::object_lines::{LocatingWriter, ObjectLines};

/// The beginning of psql's errors about its input.
const PLACE: &str = "psql:<stdin>:";

/// The objects, each with the number of the line in which its entry begins.
#[derive(Debug)]
pub(in super::super) struct ObjectPositions(pub(in super::super) ObjectLines);

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
    fn take_entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.begin(&entry.object());
        Ok(())
    }

    fn take_sql(&mut self, lines: &[u8], _between: bool) -> io::Result<()> {
        self.write_all(lines)
    }

    fn take_copy(&mut self, statement: &[u8]) -> io::Result<()> {
        self.write_all(statement)
    }

    fn take_rows(&mut self, rows: &[u8]) -> io::Result<()> {
        self.write_all(rows)
    }

    fn end_rows(&mut self, line: &[u8]) -> io::Result<()> {
        self.write_all(line)
    }
}
