//! Begins a dump: takes the locks and the snapshot, and starts `pg_dump` in the snapshot.

use std::time::Duration;

use anyhow::{Context, Error, Result, anyhow, bail};

use super::catalogue;
use super::database::Postgresql;
use super::error::{
    INSUFFICIENT_PRIVILEGE, LOCK_NOT_AVAILABLE, OUT_OF_MEMORY, PASSING, ServerError,
};
use super::reach::ask;
use super::readers::Readers;
use super::session::Session;
use super::snapshot::{CHEAP, Snapshot, Storage, query_storage};
use crate::engine::dumper::SnapshotLost;
use crate::human;

/// The number of attempts to begin a dump while other sessions rewrite its tables.
const ATTEMPTS: u32 = 20;

/// The time that `pg_dump` waits for locks that the snapshot's session already holds. `pg_dump` waits
/// only if another session waits for such a table, and that session waits for the snapshot's lock.
const QUEUED: Duration = Duration::from_secs(2);

/// Messages of `pg_dump` about tables and other objects that were dropped while it listed them.
const GONE: [&str; 3] = [
    "does not exist",
    "could not open relation",
    "cache lookup failed",
];

/// The server's message when it has no room for more locks.
const NO_ROOM: &str = "out of shared memory";

/// The number of attempts to begin a dump if `pg_dump` fails with an error in a language that is
/// not understood here: the error may be temporary.
const NOT_UNDERSTOOD: u32 = 3;

/// The reason why a dump did not begin.
enum BeginFailure {
    /// The snapshot's session may not lock all tables, or the server has no room for the locks.
    Locks(Error),
    /// The reason is temporary.
    Passing(Error),
    /// `pg_dump` gives the reason in another language than English.
    Unknown(Error),
    /// Several sessions cannot read the rows.
    Sessions(Error),
}

impl Postgresql {
    /// Starts `pg_dump` in a snapshot that shows every table with all the rows that it had when the
    /// snapshot was taken. Tries again if another session rewrites a table in the meantime.
    ///
    /// # Errors
    /// When the dump cannot be started, in the server's words; or when tables were rewritten in
    /// every attempt, with their names.
    pub(super) fn begin(&mut self, database: &str) -> Result<()> {
        let mut locks = true;
        let mut attempt = 1;
        let mut hindrance = None;
        loop {
            // The locks of a failed attempt would keep other sessions waiting.
            (self.readers, self.snapshot) = (None, None);
            (self.child, self.post_data) = (None, None);
            let begun = self.try_to_begin(database, locks);
            if let (Some(_), Some(hindrance)) = (self.stop.reason(), &hindrance) {
                log::warn!("{database}: {hindrance:#}");
            }
            let error = match begun? {
                None => return Ok(()),
                Some(BeginFailure::Locks(error)) => {
                    log::debug!("{database}: its tables are not locked first: {error:#}");
                    locks = false;
                    continue;
                }
                Some(BeginFailure::Sessions(error)) => {
                    self.use_one_session(&format!("{error:#}"));
                    continue;
                }
                Some(BeginFailure::Unknown(error)) if attempt >= NOT_UNDERSTOOD => {
                    return Err(error);
                }
                Some(BeginFailure::Passing(error) | BeginFailure::Unknown(error)) => error,
            };
            if attempt == ATTEMPTS {
                return Err(error.context(format!("tried {ATTEMPTS} times")));
            }
            log::debug!("{database}: {error:#}; trying again");
            // The pause varies, because what prevents the dump may recur at fixed times.
            std::thread::sleep(Duration::from_millis(u64::from(attempt % 10) * 77));
            attempt += 1;
            hindrance = Some(error);
        }
    }

    fn try_to_begin(&mut self, database: &str, locks: bool) -> Result<Option<BeginFailure>> {
        let wait = locks.then_some(self.lock_timeout);
        let session = match self.session.take() {
            Some(session) => session,
            None => Session::start(&self.server, database, self.stop)?,
        };
        let left_out = self.selected.oids();
        let mut snapshot = match Snapshot::take(session, wait, left_out.clone()) {
            Ok(snapshot) => snapshot,
            Err(error) => return self.explain_locks(error, locks).map(Some),
        };
        let wait = match wait {
            Some(wait) => wait.min(QUEUED),
            None => self.lock_timeout,
        };
        let several = if locks {
            self.choose_tables(&mut snapshot)?
        } else {
            None
        };
        let (mut children, readers) = self.start_reading(&snapshot.id, database, wait, several)?;
        // `pg_dump` lists the objects meanwhile.
        let seen = snapshot.ask(&catalogue::query_settings(&left_out));
        self.remember(seen.context("cannot read PostgreSQL's catalogue")?)?;
        snapshot
            .count(CHEAP, true)
            .context("its rows cannot be counted")?;
        // `pg_dump` holds all its locks before it writes.
        for at in 0..children.len() {
            if !children[at].wait_for_output()? && children[at].has_failed() {
                let Err(error) = children.swap_remove(at).finish() else {
                    bail!("pg_dump failed");
                };
                let several = readers.is_some();
                return self.explain_pg_dump(error, locks, several).map(Some);
            }
        }
        if let Some(readers) = &readers
            && let Some(hindrance) = self.find_hindrance(readers)?
        {
            return Ok(Some(hindrance));
        }
        let rewritten = snapshot.find_rewritten()?;
        if !rewritten.is_empty() {
            return Ok(Some(BeginFailure::Passing(anyhow!(
                "another session truncated or rewrote {} while the dump began",
                rewritten.join(", ")
            ))));
        }
        if let Some(readers) = &readers {
            readers.ranges.begin();
        }
        (self.readers, self.snapshot) = (readers, Some(snapshot));
        let mut children = children.into_iter();
        (self.child, self.post_data) = (children.next(), children.next());
        Ok(None)
    }

    /// Starts `pg_dump` without another session, because the connection limits have no room for
    /// one.
    ///
    /// # Errors
    /// When `pg_dump` cannot be started, in the server's words.
    pub(super) fn begin_alone(&mut self, database: &str) -> Result<()> {
        let query = query_storage(&self.selected.oids());
        self.storage = Some(ask(&self.server, database, &query, self.stop)?);
        self.child = Some(self.start_pg_dump(database, None, self.lock_timeout, &[])?);
        Ok(())
    }

    /// If no snapshot was taken, checks again for tables that were rewritten since the dump began.
    /// A different file does not say when and how a table was rewritten, so this check also finds
    /// harmless changes.
    ///
    /// # Errors
    /// [`SnapshotLost`] with the names of the tables, when a table was rewritten; or when the
    /// server cannot be asked.
    pub(super) fn check_storage(&mut self) -> Result<()> {
        let (Some(before), Some(database)) = (self.storage.take(), &self.database) else {
            return Ok(());
        };
        let now: Storage = ask(
            &self.server,
            database,
            &query_storage(&self.selected.oids()),
            self.stop,
        )?;
        let mut rewritten: Vec<_> = before
            .into_iter()
            .filter(|(table, file)| now.get(table) != Some(file))
            .map(|(table, _)| table)
            .collect();
        rewritten.sort_unstable();
        if rewritten.is_empty() {
            return Ok(());
        }
        let what = format!(
            "another session rewrote or dropped {}",
            rewritten.join(", ")
        );
        Err(anyhow!(what).context(SnapshotLost("a table was altered while it was read")))
    }

    fn explain_locks(&self, error: Error, locks: bool) -> Result<BeginFailure> {
        match ServerError::find_sqlstate(&error).filter(|_| locks) {
            Some(OUT_OF_MEMORY | INSUFFICIENT_PRIVILEGE) => Ok(BeginFailure::Locks(error)),
            Some(sqlstate) if PASSING.contains(&sqlstate) => Ok(BeginFailure::Passing(error)),
            _ => Err(self.explain(error)),
        }
    }

    /// Waits for the sessions that read large tables. Returns why they cannot begin.
    fn find_hindrance(&self, readers: &Readers) -> Result<Option<BeginFailure>> {
        let (ready, mut refused) = readers.ranges.wait_until_opened(self.stop)?;
        let is = |error: &Error, known: &[&str]| {
            ServerError::find_sqlstate(error).is_some_and(|sqlstate| known.contains(&sqlstate))
        };
        let mut known = PASSING.to_vec();
        known.push(LOCK_NOT_AVAILABLE);
        if let Some(at) = refused.iter().position(|error| is(error, &known)) {
            return Ok(Some(BeginFailure::Passing(refused.swap_remove(at))));
        }
        let no_room = refused.iter().any(|error| is(error, &[OUT_OF_MEMORY]));
        let Some(error) = refused.pop() else {
            return Ok(None);
        };
        if ready == 0 || no_room {
            return Ok(Some(BeginFailure::Sessions(error)));
        }
        let ready = human::format_count(ready, "session");
        log::debug!("the rows are read by {ready}; another one cannot read them: {error:#}");
        Ok(None)
    }

    /// Finds the reason in the words of `pg_dump`, which gives no SQLSTATE.
    fn explain_pg_dump(&self, error: Error, locks: bool, several: bool) -> Result<BeginFailure> {
        let said = format!("{error:#}");
        let is_queued = locks && has_timed_out(&said);
        if several && said.contains(NO_ROOM) {
            Ok(BeginFailure::Sessions(error))
        } else if locks && said.contains(NO_ROOM) {
            Ok(BeginFailure::Locks(error))
        } else if is_queued || GONE.iter().any(|sentence| said.contains(sentence)) {
            Ok(BeginFailure::Passing(error))
        } else if !self.server.speaks_english() && !self.facts.speaks_english() {
            Ok(BeginFailure::Unknown(error))
        } else {
            Err(self.explain(error))
        }
    }

    /// Adds an explanation to an error if a standby ended the dump because it replays changes to
    /// data that the dump still needs. The first time, the explanation is [`SnapshotLost`], because
    /// another attempt may succeed.
    pub(super) fn explain_conflict(&mut self, error: Error) -> Error {
        const CONFLICT: &str = "conflict with recovery";
        if !format!("{error:#}").contains(CONFLICT) {
            return error;
        }
        if !std::mem::replace(&mut self.had_conflict, true) {
            return error.context(SnapshotLost(
                "the standby ended the dump, because of a conflict with recovery",
            ));
        }
        error.context(
            "the standby ended the dump twice, because of a conflict with recovery; set hot_standby_feedback = on there, or dump the primary",
        )
    }

    /// Adds an explanation to an error if the reason is that the dump waited too long for a lock.
    pub(super) fn explain(&self, error: Error) -> Error {
        let is_locked = ServerError::find_sqlstate(&error) == Some(LOCK_NOT_AVAILABLE);
        if !is_locked && !has_timed_out(&format!("{error:#}")) {
            return error;
        }
        let waited = human::format_duration(self.lock_timeout);
        let what = "a table stayed locked by another session for";
        error.context(format!("{what} {waited} (--busy-timeout)"))
    }
}

/// Returns true if `pg_dump` says that the server ended a statement because it waited too long for
/// a lock.
fn has_timed_out(said: &str) -> bool {
    said.contains("lock timeout") || said.contains("LOCK TABLE") && said.contains("timeout")
}
