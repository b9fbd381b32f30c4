//! Joins the two parts of a dump whose large tables are read by several sessions.
//!
//! One `pg_dump` writes the sections `pre-data` and `data` without the rows of large tables, another
//! one the section `post-data`. The result has the bytes of a dump by one `pg_dump`: one beginning,
//! the rows of each table where `pg_dump` would have written them, and one end.
//!
//! `pg_dump` writes privileges, event triggers and the refreshing of materialized views after
//! everything else, because they could prevent what comes before. So the order is: the first part up
//! to its privileges, the last part up to its privileges or event triggers, the rest of the first
//! part (all of it privileges), the rest of the last part.

use std::cell::RefCell;
use std::io::{self, Write};

use super::large::{AFTER_ROWS, LargeTable};
use super::script::entries::{Entry, EntrySink};

/// The line before a heading, and before the last comment.
const DASHES: &[u8] = b"--\n";
const COMPLETE: &[u8] = b"-- PostgreSQL database dump complete\n";
const RESTRICT: &[u8] = b"\\restrict ";
const UNRESTRICT: &[u8] = b"\\unrestrict ";
const TABLESPACE: &[u8] = b"SET default_tablespace = ";
/// The longest beginning of a dump, in bytes. No beginning is that long.
const LONGEST_BEGINNING: usize = 64 << 10;
/// The kinds of entries that `pg_dump` writes after all others, privileges first
/// (`_tocEntryRestorePass` in its `pg_backup_archiver.c`).
const LATE: [&str; 5] = [
    "ACL",
    "ACL LANGUAGE",
    "DEFAULT ACL",
    "EVENT TRIGGER",
    "MATERIALIZED VIEW DATA",
];
/// The kinds of entries that are about the object that their name begins with.
const ABOUT: [&str; 2] = ["COMMENT", "SECURITY LABEL"];

/// Writes all rows of the table with this place in the list.
pub(super) type WriteRows<'a> = dyn FnMut(usize, &mut dyn Write) -> io::Result<()> + 'a;

/// A part of the dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DumpHalf {
    /// The sections `pre-data` and `data`.
    First,
    /// The section `post-data`.
    Last,
}

/// The state of a part.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate fact")]
struct HalfState {
    /// True before the first entry.
    in_beginning: bool,
    /// True if [`DASHES`] was received and is not yet written.
    has_dashes: bool,
    /// True after [`COMPLETE`].
    is_complete: bool,
    /// True from the first entry that belongs after the other part's.
    is_late: bool,
    /// What belongs after the other part, unless its turn has come.
    held: Option<Vec<u8>>,
}

/// Receives the two parts and writes the whole dump.
pub(super) struct Joined<'a> {
    out: &'a mut dyn Write,
    tables: &'a [LargeTable],
    write_rows: &'a mut WriteRows<'a>,
    /// The number of large tables that are written.
    written: usize,
    half: DumpHalf,
    states: [HalfState; 2],
    /// The lines of the first part's beginning, which the last part repeats.
    beginning: Vec<Vec<u8>>,
    beginning_length: usize,
    /// The key of the first part's `\restrict`.
    key: Vec<u8>,
    /// The first part's last line that sets the tablespace of what follows.
    tablespace: Vec<u8>,
    /// True if an empty line belongs to a line that was left out.
    skips_empty: bool,
}

impl<'a> Joined<'a> {
    pub(super) fn new(
        out: &'a mut dyn Write,
        tables: &'a [LargeTable],
        write_rows: &'a mut WriteRows<'a>,
    ) -> Self {
        let state = || HalfState {
            in_beginning: true,
            held: Some(Vec::new()),
            ..HalfState::default()
        };
        Joined {
            out,
            tables,
            write_rows,
            written: 0,
            half: DumpHalf::First,
            states: [state(), state()],
            beginning: Vec::new(),
            beginning_length: 0,
            key: Vec::new(),
            tablespace: Vec::new(),
            skips_empty: false,
        }
    }

    /// Declares that what follows is of this part. Writes what was held of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn turn_to(&mut self, half: DumpHalf) -> io::Result<()> {
        self.half = half;
        if !self.state().is_late {
            return Ok(());
        }
        match self.state().held.take() {
            Some(held) => self.out.write_all(&held),
            None => Ok(()),
        }
    }

    /// Returns true if the rest of the part that passes belongs after the other part.
    pub(super) fn is_late(&self) -> bool {
        self.states[self.half as usize].is_late
    }

    /// Checks that the part that passed is whole.
    ///
    /// # Errors
    /// When its last line is missing.
    pub(super) fn check_complete(&self) -> io::Result<()> {
        if self.states[self.half as usize].is_complete {
            return Ok(());
        }
        Err(io::Error::other(
            "pg_dump exited with 0 and did not print its last line; the dump is not whole",
        ))
    }

    fn state(&mut self) -> &mut HalfState {
        &mut self.states[self.half as usize]
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let state = &mut self.states[self.half as usize];
        match state.held.as_mut().filter(|_| state.is_late) {
            Some(held) => {
                held.extend_from_slice(bytes);
                Ok(())
            }
            None => self.out.write_all(bytes),
        }
    }

    /// Writes the large tables that are not yet written, up to the first that does not belong here.
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
        if std::mem::take(&mut self.state().has_dashes) {
            return self.write(DASHES);
        }
        Ok(())
    }

    /// Begins what belongs after the other part. All large tables come before it.
    fn become_late(&mut self) -> io::Result<()> {
        if self.half == DumpHalf::First {
            self.write_tables(|_| true)?;
        }
        self.state().is_late = true;
        Ok(())
    }

    fn begin_end(&mut self) -> io::Result<()> {
        self.become_late()?;
        let half = self.half;
        let state = self.state();
        state.is_complete = true;
        if half == DumpHalf::First {
            // The dump ends with the last part.
            state.has_dashes = false;
        }
        Ok(())
    }

    /// Passes a line of the end on.
    fn end_line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.half == DumpHalf::First {
            return Ok(());
        }
        self.write_dashes()?;
        if line.starts_with(UNRESTRICT) {
            return self.write(&[UNRESTRICT, &self.key].concat());
        }
        self.write(line)
    }

    /// Remembers a line of the first part that the last part may repeat.
    fn remember(&mut self, line: &[u8]) -> io::Result<()> {
        if line.starts_with(TABLESPACE) {
            self.tablespace = line.to_vec();
        }
        if !self.state().in_beginning {
            return Ok(());
        }
        if let Some(key) = line.strip_prefix(RESTRICT) {
            self.key = key.to_vec();
        }
        self.beginning_length += line.len();
        if self.beginning_length > LONGEST_BEGINNING {
            let error = "pg_dump sets more than 64 KiB of variables";
            return Err(io::Error::other(error));
        }
        self.beginning.push(line.to_vec());
        Ok(())
    }

    /// Returns true if a line before the first entry of the last part is left out.
    fn is_repeated(&mut self, line: &[u8]) -> bool {
        if line.starts_with(TABLESPACE) {
            self.state().in_beginning = false;
            self.skips_empty = line == self.tablespace;
            return self.skips_empty;
        }
        line.starts_with(RESTRICT) || self.beginning.iter().any(|known| known == line)
    }
}

impl EntrySink for &RefCell<Joined<'_>> {
    fn take_entry(&mut self, entry: &Entry) -> io::Result<()> {
        let mut joined = self.borrow_mut();
        let joined = &mut *joined;
        let half = joined.half;
        let state = joined.state();
        if state.is_complete {
            let error = "pg_dump wrote more after its last line";
            return Err(io::Error::other(error));
        }
        state.in_beginning = false;
        if !state.is_late {
            if is_late(entry) {
                joined.become_late()?;
            } else if half == DumpHalf::First {
                joined.write_tables(|table| table.comes_before(entry))?;
            }
        }
        joined.write_dashes()
    }

    fn take_sql(&mut self, lines: &[u8], between: bool) -> io::Result<()> {
        let mut joined = self.borrow_mut();
        let joined = &mut *joined;
        if between && lines == COMPLETE {
            joined.begin_end()?;
        }
        let half = joined.half;
        let state = joined.state();
        if state.is_complete {
            return joined.end_line(lines);
        }
        if between && lines == DASHES {
            // The line after a heading has the same form.
            let had_dashes = std::mem::replace(&mut state.has_dashes, true);
            return if had_dashes {
                joined.write(DASHES)
            } else {
                Ok(())
            };
        }
        match half {
            DumpHalf::First if between => joined.remember(lines)?,
            DumpHalf::Last if state.in_beginning => {
                let had_dashes = std::mem::take(&mut state.has_dashes);
                if joined.is_repeated(lines) {
                    return Ok(());
                }
                joined.state().has_dashes = had_dashes;
            }
            _ => {}
        }
        joined.write_dashes()?;
        if std::mem::take(&mut joined.skips_empty) && lines == b"\n" {
            return Ok(());
        }
        joined.write(lines)
    }

    fn take_copy(&mut self, statement: &[u8]) -> io::Result<()> {
        let mut joined = self.borrow_mut();
        joined.write_dashes()?;
        joined.write(statement)
    }

    fn take_rows(&mut self, rows: &[u8]) -> io::Result<()> {
        self.borrow_mut().write(rows)
    }

    fn end_rows(&mut self, line: &[u8]) -> io::Result<()> {
        self.borrow_mut().write(line)
    }
}

/// Returns true if `pg_dump` writes the entry after all sections' other entries.
fn is_late(entry: &Entry) -> bool {
    let kind = entry.kind.as_str();
    let is_about_late = || ABOUT.contains(&kind) && entry.name.starts_with("EVENT TRIGGER ");
    LATE.contains(&kind) || is_about_late()
}
