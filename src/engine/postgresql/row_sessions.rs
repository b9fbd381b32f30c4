//! Loads the rows of large tables by several sessions: the server copies rows into a table on one
//! processor a session.
//!
//! The first session runs the whole script. Of a large table, it gets only the first rows. The
//! further sessions get the rest of them, whole lines at a time, each session through a `COPY` of
//! its own. Before the script goes on, every session has confirmed the end of its `COPY`. So an
//! index or a foreign key, which comes after all rows, sees all of them.
//!
//! The rows that one session commits are not a part of another one's transaction. Therefore only a
//! new database is loaded in this way, which is dropped after a failure.

use std::io;
use std::num::NonZeroUsize;
use std::process::Command;

use anyhow::Result;

use super::entry_session::unwrap_io_error;
use super::further_session::FurtherSession;
use super::script::entries::{Entry, EntrySink, is_setting};
use crate::stop::Stop;

/// The number of bytes of a table's rows that the first session loads alone.
const LOADED_ALONE: usize = 16 << 20;
/// The length of what every session begins with, in bytes. `pg_dump` writes some lines.
const LONGEST_PREAMBLE: usize = 32 << 10;
/// The settings that `pg_dump` changes between entries and that do not change how rows are read. Every
/// session gets them.
const HARMLESS: [&[u8]; 3] = [
    b"SET default_tablespace ",
    b"SET default_table_access_method ",
    b"SET default_with_oids ",
];

/// How many further sessions load rows, and how to start one.
pub(super) struct FurtherSessions<'a> {
    /// Returns a psql for the database.
    pub(super) psql: &'a dyn Fn() -> Command,
    pub(super) number: NonZeroUsize,
    pub(super) stop: Stop,
}

/// Passes a dump on to the first session, and the rows of large tables to further sessions.
pub(super) struct RowSessions<'a, P> {
    pub(super) parts: P,
    /// `None` if the first session loads everything.
    further: Option<FurtherSessions<'a>>,
    sessions: Vec<FurtherSession>,
    /// Everything before the first entry.
    preamble: Vec<u8>,
    in_preamble: bool,
    /// The newest of each of the [`HARMLESS`] settings.
    settings: [Vec<u8>; HARMLESS.len()],
    /// The number of bytes of all rows so far.
    loaded: u64,
    object: String,
    statement: Vec<u8>,
    /// The number of bytes of rows that the first session got of the current table.
    passed: usize,
    /// True while the further sessions get the rows of the current table.
    is_sharing: bool,
    /// The session that got the beginning of a line, and not its end.
    in_line: Option<usize>,
}

impl<'a, P> RowSessions<'a, P> {
    pub(super) fn new(parts: P, further: Option<FurtherSessions<'a>>) -> Self {
        RowSessions {
            parts,
            further,
            sessions: Vec::new(),
            preamble: Vec::new(),
            in_preamble: true,
            settings: Default::default(),
            loaded: 0,
            object: String::new(),
            statement: Vec::new(),
            passed: 0,
            is_sharing: false,
            in_line: None,
        }
    }

    /// Ends the further sessions.
    ///
    /// # Errors
    /// When a session ends with an error.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.sessions.drain(..).try_for_each(FurtherSession::finish)
    }

    /// Returns the further sessions. There are none if the rows so far are few.
    pub(super) fn start_for_indexes(&mut self) -> &mut [FurtherSession] {
        if self.loaded >= LOADED_ALONE as u64 {
            self.has_sessions();
        }
        &mut self.sessions
    }

    pub(super) fn sessions(&mut self) -> &mut [FurtherSession] {
        &mut self.sessions
    }

    /// Starts the further sessions if there are none, as many as the server accepts. Returns true if
    /// there are some.
    fn has_sessions(&mut self) -> bool {
        let Some(further) = &self.further else {
            return false;
        };
        if self.sessions.is_empty() {
            for _ in 0..further.number.get() {
                let begin = [&*self.preamble, &self.settings.concat()].concat();
                match FurtherSession::start((further.psql)(), &begin, further.stop) {
                    Ok(session) => self.sessions.push(session),
                    Err(error) => {
                        log::info!(
                            "the rows are loaded by fewer sessions than {}: {error:#}",
                            further.number
                        );
                        break;
                    }
                }
            }
            match self.sessions.len() {
                1 => log::debug!("1 further session loads rows and creates indexes"),
                number => log::debug!("{number} further sessions load rows and create indexes"),
            }
        }
        if self.sessions.is_empty() {
            self.further = None;
        }
        !self.sessions.is_empty()
    }

    /// Returns true for a setting that does not change how rows are read.
    pub(super) fn is_harmless(line: &[u8]) -> bool {
        HARMLESS.iter().any(|start| line.starts_with(start))
    }

    /// Passes a setting on to the further sessions. Ends them if the setting may change how they read rows.
    fn take_setting(&mut self, line: &[u8]) -> io::Result<()> {
        let number = HARMLESS.iter().position(|start| line.starts_with(start));
        let Some(number) = number else {
            self.further = None;
            return self.finish().map_err(unwrap_io_error);
        };
        self.settings[number] = line.to_vec();
        let mut sessions = self.sessions.iter_mut();
        sessions.try_for_each(|session| session.pass(line))
    }

    /// Passes rows to the session that has the least to do. A line goes to one session as a whole.
    fn share(&mut self, mut rows: &[u8]) -> io::Result<()> {
        if let Some(session) = self.in_line {
            let end = memchr::memchr(b'\n', rows).map(|at| at + 1);
            let (line, rest) = rows.split_at(end.unwrap_or(rows.len()));
            self.sessions[session].pass(line)?;
            rows = rest;
            if end.is_some() {
                self.in_line = None;
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let sessions = self.sessions.iter().enumerate();
        let idlest = sessions.min_by_key(|(_, session)| session.unread_bytes());
        let idlest = idlest.map_or(0, |(number, _)| number);
        self.sessions[idlest].pass(rows)?;
        if !rows.ends_with(b"\n") {
            self.in_line = Some(idlest);
        }
        Ok(())
    }
}

impl<P: EntrySink> RowSessions<'_, P> {
    /// Ends the `COPY` of the first session, and begins one in each of the others.
    fn begin_sharing(&mut self) -> io::Result<()> {
        self.parts.end_rows(b"\\.\n")?;
        for session in &mut self.sessions {
            session.begin(&self.object, &self.statement)?;
        }
        self.is_sharing = true;
        Ok(())
    }

    fn pass_alone(&mut self, rows: &[u8]) -> io::Result<()> {
        self.passed += rows.len();
        self.parts.take_rows(rows)
    }
}

impl<P: EntrySink> EntrySink for RowSessions<'_, P> {
    fn take_entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.in_preamble = false;
        self.object = entry.object();
        self.parts.take_entry(entry)
    }

    fn take_sql(&mut self, lines: &[u8], between: bool) -> io::Result<()> {
        if self.in_preamble {
            if self.preamble.len() + lines.len() > LONGEST_PREAMBLE {
                self.further = None;
            }
            if self.further.is_some() {
                self.preamble.extend_from_slice(lines);
            }
        } else if between && is_setting(lines) {
            self.take_setting(lines)?;
        }
        self.parts.take_sql(lines, between)
    }

    fn take_copy(&mut self, statement: &[u8]) -> io::Result<()> {
        self.statement = statement.to_vec();
        self.passed = 0;
        self.parts.take_copy(statement)
    }

    fn take_rows(&mut self, rows: &[u8]) -> io::Result<()> {
        self.loaded += rows.len() as u64;
        if self.is_sharing {
            return self.share(rows);
        }
        if self.further.is_none() || self.passed < LOADED_ALONE {
            return self.pass_alone(rows);
        }
        // The first session's COPY ends after a whole line.
        let Some(end) = memchr::memchr(b'\n', rows) else {
            return self.pass_alone(rows);
        };
        let (line, rest) = rows.split_at(end + 1);
        self.pass_alone(line)?;
        if !self.has_sessions() {
            return self.pass_alone(rest);
        }
        self.begin_sharing()?;
        self.share(rest)
    }

    fn end_rows(&mut self, line: &[u8]) -> io::Result<()> {
        if !self.is_sharing {
            return self.parts.end_rows(line);
        }
        self.is_sharing = false;
        self.in_line = None;
        for session in &mut self.sessions {
            session.end(line)?;
        }
        self.sessions.iter_mut().try_for_each(FurtherSession::wait)
    }
}
