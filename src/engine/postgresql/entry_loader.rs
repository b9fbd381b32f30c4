//! Loads a dump object by object. An object that fails does not prevent others from being loaded.
//!
//! psql would take the rows of a failed `COPY` for SQL. Therefore the rows of each table go to a
//! separate psql, which gets the `COPY` as an argument and reads nothing but rows.

use std::io::{self, Write};

use anyhow::{Context, Result, ensure};

use super::entry_session::{
    ERRORS_ONLY, MOST_LINES, explain_end, remove_severity, unwrap_io_error,
};
use super::script::entries::{Entry, EntrySink, is_setting};
use super::script::located::ObjectPositions;
use super::sql::quote_identifier;
use super::target::TargetServer;
use super::unchecked::{FeedAgain, RefusedRows, load_unchecked};
use crate::child::Child;
use crate::engine::load::Failure;
use crate::engine::object_lines::LocatingWriter;

/// The length of what every session begins with, in bytes. `pg_dump` writes some lines.
const LONGEST_PREAMBLE: usize = 64 << 10;
/// The number of failed objects after which the restore is given up.
const MOST_FAILURES: usize = 100_000;

/// Feeds the parts of a dump to sessions in one database, and collects the objects that fail.
pub(super) struct EntryLoader<'a> {
    target: &'a TargetServer<'a>,
    database: &'a str,
    /// The statements that every session begins with.
    preamble: Vec<Vec<u8>>,
    preamble_length: usize,
    in_preamble: bool,
    /// True if the text of a failed statement must not be repeated, because it may be secret.
    is_secret: bool,
    object: String,
    sql: Option<LocatingWriter<Child>>,
    rows: Option<Child>,
    failed: Vec<Failure>,
    /// Writes the dump again, for rows that were refused.
    feed: Option<FeedAgain<'a>>,
    /// The table of the current entry, as an SQL identifier with its schema.
    table: Option<String>,
    /// The number of `COPY` statements so far.
    copies: u64,
    /// Rows that were refused since the last entry that is not about rows.
    refused: Vec<RefusedRows>,
}

impl<'a> EntryLoader<'a> {
    pub(super) fn new(target: &'a TargetServer<'a>, database: &'a str) -> Self {
        EntryLoader {
            target,
            database,
            preamble: Vec::new(),
            preamble_length: 0,
            in_preamble: true,
            is_secret: false,
            object: "the beginning".to_owned(),
            sql: None,
            rows: None,
            failed: Vec::new(),
            feed: None,
            table: None,
            copies: 0,
            refused: Vec::new(),
        }
    }

    /// Loads rows that are refused a second time, without CHECK constraints. `feed` writes the dump
    /// again.
    pub(super) fn with_feed(mut self, feed: FeedAgain<'a>) -> Self {
        self.feed = Some(feed);
        self
    }

    /// As [`EntryLoader::new`], for statements that may contain a password's hash.
    pub(super) fn for_secrets(target: &'a TargetServer<'a>, database: &'a str) -> Self {
        EntryLoader {
            is_secret: true,
            ..EntryLoader::new(target, database)
        }
    }

    /// Waits for the last session. Returns the objects that could not be loaded.
    ///
    /// # Errors
    /// When the connection was lost or the work must stop.
    pub(super) fn finish(mut self) -> Result<Vec<Failure>> {
        self.end_sql()?;
        self.load_refused()?;
        self.target.stop.check()?;
        Ok(self.failed)
    }

    /// Loads the refused rows without CHECK constraints. This comes after all rows, which a CHECK
    /// may read, and before what depends on the rows, such as foreign keys.
    fn load_refused(&mut self) -> Result<()> {
        let refused = std::mem::take(&mut self.refused);
        let Some(feed) = self.feed.filter(|_| !refused.is_empty()) else {
            return Ok(());
        };
        let settings = self.preamble.iter().filter(|line| is_setting(line));
        let settings: Vec<_> = settings.map(Vec::as_slice).collect();
        let failed = load_unchecked(self.target, self.database, &settings, refused, feed)?;
        self.failed.extend(failed);
        Ok(())
    }

    /// Returns the session that runs SQL. Starts it if there is none.
    fn start_session(&mut self) -> Result<&mut LocatingWriter<Child>> {
        if self.sql.is_none() {
            let mut psql = self.target.server.build_psql(self.database);
            psql.args(["--set=ON_ERROR_STOP=0", "--file=-", "--output=/dev/null"]);
            if self.is_secret {
                psql.arg("--set=VERBOSITY=terse");
            }
            psql.env_remove("PGCLIENTENCODING");
            let mut child = Child::write_to(&mut psql, "psql", self.target.stop)?;
            child.keep_lines(MOST_LINES);
            let mut session = LocatingWriter::new(child);
            for line in &self.preamble {
                session.write_all(line)?;
            }
            session.write_all(ERRORS_ONLY)?;
            session.begin(&self.object);
            self.sql = Some(session);
        }
        self.sql.as_mut().context("psql was not started")
    }

    fn end_sql(&mut self) -> Result<()> {
        let Some(session) = self.sql.take() else {
            return Ok(());
        };
        ensure!(
            self.failed.len() < MOST_FAILURES,
            "more than {MOST_FAILURES} objects cannot be restored"
        );
        let (child, lines) = session.into_parts();
        let places = ObjectPositions(lines);
        for line in child.finish_with_lines()? {
            match (places.locate(&line), self.failed.last_mut()) {
                (Some((object, text)), _) => {
                    let object = object.unwrap_or("the beginning").to_owned();
                    let error = remove_severity(text);
                    // The first error of an object usually causes its other errors.
                    if self.failed.last().is_none_or(|last| last.object != object) {
                        self.failed.push(Failure { object, error });
                    }
                }
                (None, Some(last)) => {
                    if let Some(detail) = line.strip_prefix("DETAIL:") {
                        last.error = format!("{} ({})", last.error, detail.trim());
                    }
                }
                (None, None) => {}
            }
        }
        Ok(())
    }

    fn start_rows(&mut self, statement: &[u8]) -> Result<()> {
        self.end_sql()?;
        let mut psql = self.target.server.build_psql(self.database);
        psql.args(["--output=/dev/null"]);
        psql.env_remove("PGCLIENTENCODING");
        let settings = self.preamble.iter().filter(|line| is_setting(line));
        for line in settings.map(Vec::as_slice).chain([ERRORS_ONLY, statement]) {
            let line = std::str::from_utf8(line).context("the dump is not UTF-8")?;
            psql.arg("--command").arg(line.trim_end());
        }
        let mut child = Child::write_to(&mut psql, "psql", self.target.stop)?;
        child.keep_lines(MOST_LINES);
        self.rows = Some(child);
        Ok(())
    }

    fn end_rows(&mut self) -> Result<()> {
        let Some(child) = self.rows.take() else {
            return Ok(());
        };
        let Err(error) = child.finish() else {
            return Ok(());
        };
        self.target.stop.check()?;
        let failure = Failure {
            object: self.object.clone(),
            error: explain_end(error)?,
        };
        match &self.table {
            Some(table) if self.feed.is_some() => self.refused.push(RefusedRows {
                number: self.copies - 1,
                table: table.clone(),
                failure,
            }),
            _ => self.failed.push(failure),
        }
        Ok(())
    }
}

impl EntrySink for EntryLoader<'_> {
    fn take_entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.in_preamble = false;
        if !entry.is_of_rows() && !self.refused.is_empty() {
            self.end_sql().map_err(unwrap_io_error)?;
            self.load_refused().map_err(unwrap_io_error)?;
        }
        self.object = entry.object();
        let schema = entry.schema.as_ref();
        self.table = schema.map(|schema| {
            format!(
                "{}.{}",
                quote_identifier(schema),
                quote_identifier(&entry.name)
            )
        });
        if let Some(session) = &mut self.sql {
            session.begin(&self.object);
        }
        Ok(())
    }

    fn take_sql(&mut self, lines: &[u8], between: bool) -> io::Result<()> {
        let is_of_session = is_setting(lines) || lines.starts_with(b"\\restrict ");
        let is_blank = lines.starts_with(b"--") || lines.trim_ascii().is_empty();
        self.in_preamble &= is_of_session || is_blank;
        if (self.in_preamble && is_of_session) || (between && lines.starts_with(b"SET ")) {
            self.preamble_length += lines.len();
            if self.preamble_length > LONGEST_PREAMBLE {
                return Err(io::Error::other(
                    "the dump sets more than 64 KiB of variables; restore it without --keep-going",
                ));
            }
            self.preamble.push(lines.to_vec());
        }
        if self.in_preamble {
            return Ok(());
        }
        // A comment alone does not start a session.
        if between && is_blank {
            return Ok(());
        }
        self.start_session()
            .map_err(unwrap_io_error)?
            .write_all(lines)
    }

    fn take_copy(&mut self, statement: &[u8]) -> io::Result<()> {
        self.copies += 1;
        self.start_rows(statement).map_err(unwrap_io_error)
    }

    fn take_rows(&mut self, rows: &[u8]) -> io::Result<()> {
        let Some(child) = &mut self.rows else {
            return Ok(());
        };
        match child.write_all(rows) {
            // The session failed. Its end gives the reason.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    fn end_rows(&mut self, _line: &[u8]) -> io::Result<()> {
        EntryLoader::end_rows(self).map_err(unwrap_io_error)
    }
}
