//! The sessions that read large tables, each a psql in a thread, in the snapshot of the dump.
//!
//! A session never waits for a table's lock: a TRUNCATE that waits for the dump's own locks would
//! let it wait until the dump ends. To plan a query, the server also locks the table's indexes,
//! for which a REINDEX may wait. Therefore a session keeps these locks for one range only, waits
//! for them for a second at most, and gives its range back if another session cannot go on.

use std::io::Read;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow, bail};
use memchr::memchr;

use super::error::{LOCK_NOT_AVAILABLE, ServerError, VERBOSE};
use super::large::LargeTable;
use super::piece::{Filled, RowsPiece};
use super::ranges::{Given, PageRange, Ranges};
use super::server::Server;
use super::sql::quote_literal;
use crate::child::Child;
use crate::stop::Stop;

/// The line that a session prints before the rows of a range.
const READS: &str = "rows";

/// The settings under which `pg_dump` reads rows, and those under which a range of pages is read
/// as one, in the order of the pages.
const SETTINGS: &str = "SET row_security = off;
SET DateStyle = ISO;
SET IntervalStyle = postgres;
SET extra_float_digits = 3;
SET synchronize_seqscans = off;
SET search_path = '';
SET enable_tidscan = on;
SET enable_seqscan = off;
SET constraint_exclusion = off;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
";

/// The sessions that read large tables. Dropping this ends them.
pub(super) struct Readers {
    pub(super) tables: Arc<[LargeTable]>,
    pub(super) ranges: Arc<Ranges>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts so many sessions in the snapshot `id`. They connect and lock the tables, and read
    /// nothing before [`Ranges::begin`]. A range has at most `most` bytes.
    ///
    /// # Errors
    /// When the system refuses to start a thread.
    pub(super) fn start(
        server: &Server,
        database: &str,
        id: &str,
        tables: Vec<LargeTable>,
        sessions: usize,
        most: u64,
        stop: Stop,
    ) -> Result<Self> {
        let ranges = Arc::new(Ranges::new(&tables, sessions, most));
        let mut readers = Readers {
            tables: tables.into(),
            ranges,
            threads: Vec::new(),
        };
        for number in 0..sessions {
            let reader = Reader {
                server: server.clone(),
                database: database.to_owned(),
                begin: begin(id, &readers.tables),
                tables: Arc::clone(&readers.tables),
                ranges: Arc::clone(&readers.ranges),
                stop,
            };
            let name = format!("rows {number}");
            let thread = std::thread::Builder::new().name(name);
            let thread = thread.spawn(move || reader.run());
            readers
                .threads
                .push(thread.context("cannot start a thread")?);
        }
        Ok(readers)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.ranges.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Returns the script that begins a session's transaction.
fn begin(id: &str, tables: &[LargeTable]) -> String {
    let names: Vec<_> = tables
        .iter()
        .map(|table| format!("ONLY {}", table.qualified))
        .collect();
    format!(
        "{SETTINGS}BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET TRANSACTION SNAPSHOT {};
LOCK TABLE {} IN ACCESS SHARE MODE NOWAIT;
SELECT current_setting('client_encoding') = current_setting('server_encoding');
",
        quote_literal(id),
        names.join(", ")
    )
}

/// One session.
struct Reader {
    server: Server,
    database: String,
    /// The script that begins the transaction.
    begin: String,
    tables: Arc<[LargeTable]>,
    ranges: Arc<Ranges>,
    stop: Stop,
}

impl Reader {
    fn run(self) {
        let mut session = match self.open() {
            Ok(session) => Some(session),
            Err(error) => return self.ranges.report_opened(Err(error)),
        };
        self.ranges.report_opened(Ok(()));
        while let Some(range) = self.ranges.take() {
            match self.read(&mut session, range) {
                Ok(Given::Taken) => self.ranges.end(range),
                Ok(Given::Closed) => return,
                Ok(Given::ReadAgain) => {
                    // Its locks must not outlast it.
                    drop(session.take());
                    session = match self.open() {
                        Ok(session) => Some(session),
                        Err(error) => return self.ranges.leave(error),
                    };
                }
                Err(error) => return self.ranges.fail(error),
            }
        }
    }

    /// Begins a session in the snapshot, with the locks of the tables.
    fn open(&self) -> Result<Child> {
        let mut psql = self.server.build_psql(&self.database);
        psql.env_remove("PGCLIENTENCODING").args([
            "--no-align",
            "--tuples-only",
            "--file=-",
            VERBOSE,
        ]);
        let begin = self.begin.as_bytes();
        let mut session = Child::converse(&mut psql, "psql", begin, self.stop)?;
        let mut answer = [0; 2];
        if session.read_exact(&mut answer).is_err() {
            self.stop.check()?;
            session.finish().map_err(ServerError::from_psql_error)?;
            bail!("psql ended before its answer did");
        }
        if &answer != b"t\n" {
            bail!("the role or the database sets another client_encoding");
        }
        // Everything else that it prints is rows.
        session.gather_output();
        Ok(session)
    }

    /// Reads a range, and gives its rows.
    fn read(&self, session: &mut Option<Child>, range: PageRange) -> Result<Given> {
        let mut piece = loop {
            if let Some(first) = self.begin_reading(session, range)? {
                break first;
            }
            self.ranges.wait_for_lock(range, true);
        };
        self.ranges.wait_for_lock(range, false);
        // True if the next byte begins a row.
        let mut at_start = true;
        loop {
            let child = session.as_mut().context("the session has ended")?;
            let filled = piece.fill(at_start, child)?;
            if filled == Filled::EndOfSession {
                return Err(self.explain_end(session.take()));
            }
            at_start = piece.bytes().last().map_or(at_start, |last| *last == b'\n');
            if !piece.bytes().is_empty() {
                match self.ranges.give(range, piece, self.stop)? {
                    Given::Taken => {}
                    given => return Ok(given),
                }
            }
            if filled == Filled::EndOfRange {
                return Ok(Given::Taken);
            }
            piece = self.ranges.take_piece();
        }
    }

    /// Lets the session begin to print the rows of a range. Returns the first rows, or `None` if an
    /// index of the table is locked.
    fn begin_reading(
        &self,
        session: &mut Option<Child>,
        range: PageRange,
    ) -> Result<Option<RowsPiece>> {
        let table = &self.tables[range.table];
        // Planning a query locks the indexes. Reading rows may wait for the index of a TOAST table,
        // which no session holds longer than a moment.
        let script = format!(
            "SAVEPOINT range;
SET LOCAL lock_timeout = '1s';
\\set ON_ERROR_STOP off
SELECT FROM ONLY {} LIMIT 0;
\\set ON_ERROR_STOP on
\\if :ERROR
\\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO SAVEPOINT range;
\\else
\\echo {READS}
SET LOCAL lock_timeout = 0;
{}ROLLBACK TO SAVEPOINT range;
\\echo '\\\\.'
\\endif
",
            table.qualified,
            table.copy(range.from, range.to)
        );
        let child = session.as_mut().context("the session has ended")?;
        child.say(script.as_bytes())?;
        let mut piece = self.ranges.take_piece();
        let end = loop {
            if piece.read_from(child)? == 0 {
                return Err(self.explain_end(session.take()));
            }
            if let Some(end) = memchr(b'\n', piece.bytes()) {
                break end;
            }
        };
        let line = String::from_utf8_lossy(&piece.bytes()[..end]).into_owned();
        match line.as_str() {
            READS => {
                piece.remove_first(end + 1);
                Ok(Some(piece))
            }
            LOCK_NOT_AVAILABLE => Ok(None),
            _ => {
                let said = session.as_ref().map(Child::last_stderr).unwrap_or_default();
                bail!("{} cannot be read: {said}", table.known_as)
            }
        }
    }

    /// Returns why a session ended before it printed what it was asked for.
    fn explain_end(&self, session: Option<Child>) -> anyhow::Error {
        if let Err(stopped) = self.stop.check() {
            return stopped.into();
        }
        match session.map(Child::finish) {
            Some(Err(error)) => ServerError::from_psql_error(error),
            _ => anyhow!("psql ended before the rows did"),
        }
    }
}
