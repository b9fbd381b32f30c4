//! Creates indexes by several sessions: the server creates one index at a time in a session, and most of
//! them on one processor.
//!
//! `pg_dump` writes indexes and the constraints that need one (primary keys, unique and exclusion
//! constraints) after all rows. They do not depend on each other. So each of them goes to a further session
//! that has nothing to do, after the first session has confirmed that it ran everything before. What
//! follows an index and is no index, such as a foreign key, waits until all indexes are there.

use std::io;
use std::time::Duration;

use super::row_sessions::RowSessions;
use super::script::entries::{Entry, EntrySink, is_setting};
use crate::secret::Secret;

/// The kinds of entries that create indexes.
const INDEXES: [&str; 2] = ["CONSTRAINT", "INDEX"];
/// The beginnings of the names of comments on them.
const COMMENTED: [&str; 2] = ["CONSTRAINT ", "INDEX "];
/// The greatest length of an entry's SQL for a further session, in bytes. A longer entry goes to the first
/// session.
const LONGEST_ENTRY: usize = 1 << 20;
/// The time between two looks at sessions that are busy.
const PAUSE: Duration = Duration::from_millis(5);

/// The SQL of one index, with its comment.
struct IndexEntry {
    entry: Entry,
    sql: Vec<u8>,
}

/// Passes a dump on to the sessions of `rows`, and indexes to its further sessions.
pub(super) struct IndexSessions<'a, P> {
    rows: RowSessions<'a, P>,
    /// The index whose SQL is being received.
    index: Option<IndexEntry>,
    /// For each further session, whether it is creating an index.
    busy: Vec<bool>,
    /// True if the first session is known to have run everything that it got.
    is_first_done: bool,
}

impl<'a, P: EntrySink> IndexSessions<'a, P> {
    pub(super) fn new(rows: RowSessions<'a, P>) -> Self {
        IndexSessions {
            rows,
            index: None,
            busy: Vec::new(),
            is_first_done: false,
        }
    }

    /// Waits for the further sessions if `is_whole` is true, and otherwise ends what they run. Returns the
    /// sink of the first session.
    ///
    /// # Errors
    /// When a session fails, in the server's words and with the name of the object.
    pub(super) fn finish(mut self, is_whole: bool) -> (P, io::Result<()>) {
        let ended = if is_whole {
            self.end_indexes()
                .and_then(|()| self.rows.finish().map_err(io::Error::other))
        } else {
            Ok(())
        };
        (self.rows.parts, ended)
    }

    /// Passes the index that was received to a session, and waits until all indexes are there.
    fn end_indexes(&mut self) -> io::Result<()> {
        self.create_index()?;
        for (session, busy) in self.rows.sessions().iter_mut().zip(&mut self.busy) {
            if std::mem::take(busy) {
                session.wait()?;
            }
        }
        self.is_first_done = false;
        Ok(())
    }

    /// Passes the index that was received, if there is one, to a session.
    fn create_index(&mut self) -> io::Result<()> {
        let Some(IndexEntry { entry, sql }) = self.index.take() else {
            return Ok(());
        };
        let sessions = self.rows.start_for_indexes().len();
        if sessions == 0 {
            self.rows.take_entry(&entry)?;
            return self.rows.take_sql(&sql, true);
        }
        self.busy.resize(sessions, false);
        let session = self.find_idle()?;
        if !self.is_first_done {
            self.wait_for_first(session)?;
        }
        let session_of_index = &mut self.rows.sessions()[session];
        session_of_index.begin(&entry.object(), &sql)?;
        session_of_index.end(b"\n")?;
        self.busy[session] = true;
        Ok(())
    }

    /// Returns the number of a session that has nothing to do. Waits for one.
    fn find_idle(&mut self) -> io::Result<usize> {
        loop {
            let sessions = self.rows.sessions().iter_mut().zip(&mut self.busy);
            for (number, (session, busy)) in sessions.enumerate() {
                if *busy && session.is_done()? {
                    session.wait()?;
                    *busy = false;
                }
                if !*busy {
                    return Ok(number);
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until the first session has run everything that it got: it then has a name that this further
    /// session can see.
    fn wait_for_first(&mut self, session: usize) -> io::Result<()> {
        let secret = Secret::generate().map_err(io::Error::other)?;
        let name = format!("dump-database {}", secret.expose().display());
        let first = &mut self.rows.parts;
        first.take_sql(
            format!("SET application_name = '{name}';\n").as_bytes(),
            true,
        )?;
        let query = format!(
            "SELECT 'done' FROM pg_catalog.pg_stat_activity WHERE application_name = '{name}'"
        );
        while self.rows.sessions()[session].ask(&query)?.is_empty() {
            // This fails if the session has failed.
            self.rows.parts.take_sql(b"\n", true)?;
            std::thread::sleep(PAUSE);
        }
        self.is_first_done = true;
        Ok(())
    }
}

impl<P: EntrySink> EntrySink for IndexSessions<'_, P> {
    fn take_entry(&mut self, entry: &Entry) -> io::Result<()> {
        let is_comment =
            entry.kind == "COMMENT" && COMMENTED.iter().any(|start| entry.name.starts_with(start));
        if is_comment && self.index.is_some() {
            return Ok(());
        }
        if INDEXES.contains(&entry.kind.as_str()) {
            self.create_index()?;
            self.index = Some(IndexEntry {
                entry: entry.clone(),
                sql: Vec::new(),
            });
            return Ok(());
        }
        self.end_indexes()?;
        self.rows.take_entry(entry)
    }

    fn take_sql(&mut self, lines: &[u8], between: bool) -> io::Result<()> {
        let Some(index) = &mut self.index else {
            let is_blank = lines.starts_with(b"--") || lines.trim_ascii().is_empty();
            if !(between && (is_blank || RowSessions::<P>::is_harmless(lines))) {
                self.end_indexes()?;
            }
            return self.rows.take_sql(lines, between);
        };
        let is_of_all = between && (is_setting(lines) || lines.starts_with(b"\\"));
        if !is_of_all && index.sql.len() + lines.len() <= LONGEST_ENTRY {
            index.sql.extend_from_slice(lines);
            return Ok(());
        }
        if is_of_all && RowSessions::<P>::is_harmless(lines) {
            // Every session gets the setting after the index before it.
            self.create_index()?;
        } else if is_of_all {
            self.end_indexes()?;
        } else {
            let IndexEntry { entry, sql } = self.index.take().expect("an index is received");
            self.end_indexes()?;
            self.rows.take_entry(&entry)?;
            self.rows.take_sql(&sql, true)?;
        }
        self.rows.take_sql(lines, between)
    }

    fn take_copy(&mut self, statement: &[u8]) -> io::Result<()> {
        self.end_indexes()?;
        self.rows.take_copy(statement)
    }

    fn take_rows(&mut self, rows: &[u8]) -> io::Result<()> {
        self.rows.take_rows(rows)
    }

    fn end_rows(&mut self, line: &[u8]) -> io::Result<()> {
        self.rows.end_rows(line)
    }
}
