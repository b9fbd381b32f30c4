//! Leaves out owners and privileges.

use std::io;

use super::entries::{Entry, Parts};

/// Passes a dump on. If `leaves_out` is true, it leaves out owners, privileges, and statements that
/// only an extension's owner may run.
pub(in super::super) struct Owners<P> {
    pub(in super::super) parts: P,
    leaves_out: bool,
    /// True if all SQL of the current entry is left out.
    in_left_out: bool,
}

impl<P> Owners<P> {
    pub(in super::super) fn new(parts: P, leaves_out: bool) -> Self {
        Owners {
            parts,
            leaves_out,
            in_left_out: false,
        }
    }
}

impl<P: Parts> Parts for Owners<P> {
    fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.in_left_out = self.leaves_out
            && match entry.kind.as_str() {
                "ACL" | "DEFAULT ACL" => true,
                "COMMENT" => entry.name.starts_with("EXTENSION "),
                _ => false,
            };
        self.parts.entry(entry)
    }

    fn sql(&mut self, lines: &[u8], between: bool) -> io::Result<()> {
        if self.in_left_out || (self.leaves_out && between && gives_away(lines)) {
            return Ok(());
        }
        self.parts.sql(lines, between)
    }

    fn copy(&mut self, statement: &[u8]) -> io::Result<()> {
        self.parts.copy(statement)
    }

    fn rows(&mut self, rows: &[u8]) -> io::Result<()> {
        self.parts.rows(rows)
    }

    fn end_rows(&mut self, line: &[u8]) -> io::Result<()> {
        self.parts.end_rows(line)
    }
}

/// Returns true for a line such as `ALTER TABLE s.t OWNER TO r;`. `pg_dump` writes such a statement
/// on a separate line.
fn gives_away(line: &[u8]) -> bool {
    line.starts_with(b"ALTER ")
        && line.ends_with(b";\n")
        && memchr::memmem::find(line, b" OWNER TO ").is_some()
}
