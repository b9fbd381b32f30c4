//! Shows what the server does while a dump is loaded.

use std::io;

use super::entries::{Entry, EntrySink};
use crate::progress;

/// The kinds of entries that `pg_dump` writes after all rows and that take the server long.
const AFTER_ROWS: [&str; 3] = ["CONSTRAINT", "FK CONSTRAINT", "INDEX"];

/// Passes a dump on. Shows when its rows have passed.
pub(in super::super) struct ShownEntries<P> {
    pub(in super::super) parts: P,
    is_after_rows: bool,
}

impl<P> ShownEntries<P> {
    pub(in super::super) fn new(parts: P) -> Self {
        ShownEntries {
            parts,
            is_after_rows: false,
        }
    }
}

impl<P: EntrySink> EntrySink for ShownEntries<P> {
    fn take_entry(&mut self, entry: &Entry) -> io::Result<()> {
        if !self.is_after_rows && AFTER_ROWS.contains(&entry.kind.as_str()) {
            self.is_after_rows = true;
            progress::begin_phase("creating indexes and constraints");
        }
        self.parts.take_entry(entry)
    }

    fn take_sql(&mut self, lines: &[u8], between: bool) -> io::Result<()> {
        self.parts.take_sql(lines, between)
    }

    fn take_copy(&mut self, statement: &[u8]) -> io::Result<()> {
        self.parts.take_copy(statement)
    }

    fn take_rows(&mut self, rows: &[u8]) -> io::Result<()> {
        self.parts.take_rows(rows)
    }

    fn end_rows(&mut self, line: &[u8]) -> io::Result<()> {
        self.parts.end_rows(line)
    }
}
