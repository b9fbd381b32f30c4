//! Joins the parts of a dump whose large tables are read by several sessions.
//!
//! One `pg_dump` writes the sections `pre-data` and `data` without the rows of large tables, another
//! one the section `post-data`. The result has the bytes of a dump by one `pg_dump`: one beginning,
//! the rows of each table where `pg_dump` would have written them, and one end.

use std::io::{self, Write};

use super::large::{AFTER_ROWS, LargeTable};
use super::script::entries::{Entry, Parts};

/// The line before a heading, and before the last comment.
const DASHES: &[u8] = b"--\n";
const COMPLETE: &[u8] = b"-- PostgreSQL database dump complete\n";
const RESTRICT: &[u8] = b"\\restrict ";
const UNRESTRICT: &[u8] = b"\\unrestrict ";
const TABLESPACE: &[u8] = b"SET default_tablespace = ";
/// The longest beginning of a dump, in bytes. No beginning is that long.
const LONGEST_BEGINNING: usize = 64 << 10;

/// Writes all rows of the table with this place in the list.
pub(super) type WriteRows<'a> = dyn FnMut(usize, &mut dyn Write) -> io::Result<()> + 'a;

/// Which part passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The sections `pre-data` and `data`.
    First,
    /// The section `post-data`, before its first entry.
    Beginning,
    /// The rest of the section `post-data`.
    Last,
}

/// Receives the two parts, one after the other, and writes the whole dump.
pub(super) struct Joined<'a> {
    out: &'a mut dyn Write,
    tables: &'a [LargeTable],
    write_rows: &'a mut WriteRows<'a>,
    /// The number of large tables that are written.
    written: usize,
    part: Part,
    /// The lines of the beginning, which both parts have.
    beginning: Vec<Vec<u8>>,
    beginning_length: usize,
    in_beginning: bool,
    /// The key of the first part's `\restrict`.
    key: Vec<u8>,
    /// The last line that set the tablespace of what follows.
    tablespace: Vec<u8>,
    /// True if an empty line belongs to a line that was left out.
    skips_empty: bool,
    /// True if [`DASHES`] was received and is not yet written.
    has_dashes: bool,
    /// True after [`COMPLETE`] of the part that passes.
    is_complete: bool,
}

impl<'a> Joined<'a> {
    pub(super) fn new(
        out: &'a mut dyn Write,
        tables: &'a [LargeTable],
        write_rows: &'a mut WriteRows<'a>,
    ) -> Self {
        Joined {
            out,
            tables,
            write_rows,
            written: 0,
            part: Part::First,
            beginning: Vec::new(),
            beginning_length: 0,
            in_beginning: true,
            key: Vec::new(),
            tablespace: Vec::new(),
            skips_empty: false,
            has_dashes: false,
            is_complete: false,
        }
    }

    /// Ends the first part, and begins the second one.
    ///
    /// # Errors
    /// When the first part is not whole, or the rows that are left cannot be written.
    pub(super) fn end_first(&mut self) -> io::Result<()> {
        self.check_complete()?;
        self.write_tables(|_| true)?;
        (self.part, self.is_complete) = (Part::Beginning, false);
        Ok(())
    }

    /// Ends the second part.
    ///
    /// # Errors
    /// When the second part is not whole.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.check_complete()
    }

    fn check_complete(&self) -> io::Result<()> {
        if self.is_complete {
            return Ok(());
        }
        Err(io::Error::other(
            "pg_dump exited with 0 and did not print its last line; the dump is not whole",
        ))
    }

    /// Writes the tables that are not yet written, up to the first that does not belong here.
    fn write_tables(&mut self, belongs: impl Fn(&LargeTable) -> bool) -> io::Result<()> {
        while let Some(table) = self.tables.get(self.written).filter(|table| belongs(table)) {
            self.out.write_all(table.heading().as_bytes())?;
            (self.write_rows)(self.written, self.out)?;
            self.out.write_all(AFTER_ROWS)?;
            self.written += 1;
        }
        Ok(())
    }

    fn write_dashes(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.has_dashes) {
            self.out.write_all(DASHES)?;
        }
        Ok(())
    }

    /// Remembers a line of the first part's beginning.
    fn remember(&mut self, line: &[u8]) -> io::Result<()> {
        self.beginning_length += line.len();
        if self.beginning_length > LONGEST_BEGINNING {
            return Err(io::Error::other(
                "pg_dump sets more than 64 KiB of variables",
            ));
        }
        self.beginning.push(line.to_vec());
        Ok(())
    }

    /// Returns true if a line before the first entry of the second part is left out.
    fn is_repeated(&mut self, line: &[u8]) -> bool {
        if line.starts_with(TABLESPACE) {
            self.part = Part::Last;
            self.skips_empty = line == self.tablespace;
            return self.skips_empty;
        }
        line.starts_with(RESTRICT) || self.beginning.iter().any(|known| known == line)
    }
}

impl Parts for Joined<'_> {
    fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        if self.is_complete {
            return Err(io::Error::other("the dump goes on after its last line"));
        }
        self.in_beginning = false;
        match self.part {
            Part::First => self.write_tables(|table| table.comes_before(entry))?,
            Part::Beginning | Part::Last => self.part = Part::Last,
        }
        self.write_dashes()
    }

    fn sql(&mut self, lines: &[u8], between: bool) -> io::Result<()> {
        if between && lines == COMPLETE {
            self.is_complete = true;
        }
        if self.is_complete {
            if self.part == Part::First {
                // The end of the dump comes after the second part.
                self.has_dashes = false;
                return Ok(());
            }
            self.write_dashes()?;
            if between && lines.starts_with(UNRESTRICT) {
                let key = [UNRESTRICT, &self.key].concat();
                return self.out.write_all(&key);
            }
            return self.out.write_all(lines);
        }
        if between && lines == DASHES {
            // The line after a heading has the same form.
            self.write_dashes()?;
            self.has_dashes = true;
            return Ok(());
        }
        let was_dashes = self.has_dashes;
        if self.part == Part::Beginning {
            // The first comment, which is repeated.
            self.has_dashes = false;
            if self.is_repeated(lines) {
                return Ok(());
            }
            self.has_dashes = was_dashes;
        }
        self.write_dashes()?;
        if between {
            if std::mem::take(&mut self.skips_empty) && lines == b"\n" {
                return Ok(());
            }
            if self.part == Part::First {
                if self.in_beginning {
                    self.remember(lines)?;
                }
                if let Some(key) = lines.strip_prefix(RESTRICT).filter(|_| self.in_beginning) {
                    self.key = key.to_vec();
                }
                if lines.starts_with(TABLESPACE) {
                    self.tablespace = lines.to_vec();
                }
            }
        }
        self.out.write_all(lines)
    }

    fn copy(&mut self, statement: &[u8]) -> io::Result<()> {
        self.write_dashes()?;
        self.out.write_all(statement)
    }

    fn rows(&mut self, rows: &[u8]) -> io::Result<()> {
        self.out.write_all(rows)
    }

    fn end_rows(&mut self, line: &[u8]) -> io::Result<()> {
        self.out.write_all(line)
    }
}
