//! Keeps a dump from ending the transaction that it is loaded in.

use std::io;

use super::entries::{Entry, EntrySink};

/// The lines that `pg_dump` writes around large objects.
const AROUND_LARGE_OBJECTS: [&[u8]; 2] = [b"BEGIN;\n", b"COMMIT;\n"];

/// Passes a dump on. If `is_one` is true, it leaves out the dump's own `BEGIN` and `COMMIT`.
pub(in super::super) struct Transaction<P> {
    pub(in super::super) parts: P,
    is_one: bool,
}

impl<P> Transaction<P> {
    pub(in super::super) fn new(parts: P, is_one: bool) -> Self {
        Transaction { parts, is_one }
    }
}

impl<P: EntrySink> EntrySink for Transaction<P> {
    fn take_entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.parts.take_entry(entry)
    }

    fn take_sql(&mut self, lines: &[u8], between: bool) -> io::Result<()> {
        if self.is_one && between && AROUND_LARGE_OBJECTS.contains(&lines) {
            return self.parts.take_sql(b"\n", between);
        }
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
