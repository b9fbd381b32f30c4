//! Dumps a database whose large tables are read by several sessions: one `pg_dump` writes the
//! sections `pre-data` and `data` without those tables' rows, another one the section `post-data`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::time::Duration;

use anyhow::{Context, Error, Result};

use super::catalogue::{ROOM, Room};
use super::checking::CheckingWriter;
use super::database::Postgresql;
use super::joined::{DumpHalf, Joined};
use super::large::LargeTable;
use super::readers::Readers;
use super::script::entries::Entries;
use super::snapshot::Snapshot;
use crate::child::Child;
use crate::engine::feed::pass_on;
use crate::human;
use crate::name::Format;
use crate::stop::Stopped;

/// The first major version that reads a range of pages without reading the whole table.
const READS_RANGES: u32 = 14;
/// The size in bytes of all large tables together from which several sessions read them by default.
const WORTH_IT: u64 = 256 << 20;
/// The number of bytes that are passed on at once.
const BUFFER: usize = 64 << 10;
/// The greatest number of sessions by default.
const MOST: usize = 4;
/// The number of sessions beside those that read rows: one that holds the snapshot, one for each of
/// two `pg_dump`.
const BESIDE: i64 = 3;

impl Postgresql {
    /// Returns the tables that several sessions shall read, and the number of these sessions, or
    /// `None` if `pg_dump` shall read all tables.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub(super) fn choose_tables(
        &mut self,
        snapshot: &mut Snapshot,
    ) -> Result<Option<(Vec<LargeTable>, usize)>> {
        let wanted = self.sessions.number.map(usize::from);
        if self.format != Format::Sql || wanted == Some(1) {
            return Ok(None);
        }
        if self.facts.major < READS_RANGES {
            if wanted.is_some() {
                let version = self.facts.version.clone();
                self.use_one_session(&format!(
                    "PostgreSQL {version} reads a whole table to find a range of it"
                ));
            }
            return Ok(None);
        }
        let without_rows = self.selected.oids_without_rows();
        let (from, quotes_all) = (self.sessions.large_table, self.client_is_newer);
        // A user who asks for several sessions trusts the owners of the tables.
        let trusts_owners = wanted.is_some();
        let tables = LargeTable::find(snapshot, from, quotes_all, &without_rows, trusts_owners)?;
        let bytes = tables.iter().map(|table| table.bytes).sum::<u64>();
        if tables.is_empty() || wanted.is_none() && bytes < WORTH_IT {
            return Ok(None);
        }
        log::debug!(
            "{}: several sessions may read the rows of {}",
            self.database.as_deref().unwrap_or_default(),
            human::format_count(tables.len(), "large table")
        );
        let room = match self.room {
            Some(room) => room,
            None => snapshot.ask(ROOM)?,
        };
        let sessions = self.choose_sessions(room);
        if sessions > 1 {
            return Ok(Some((tables, sessions)));
        }
        if self.count_wanted_sessions() > 1 {
            self.use_one_session("the server has no room for more sessions");
        }
        Ok(None)
    }

    /// Returns the number of sessions to read rows, as far as the server has room for them. It
    /// leaves half of the free ones to others.
    fn choose_sessions(&self, room: Room) -> usize {
        let limit = room.limit.unwrap_or(i64::MAX);
        let room = limit.min(room.free / 2).saturating_sub(BESIDE);
        let room = usize::try_from(room).unwrap_or(0);
        self.count_wanted_sessions().min(room)
    }

    /// Returns the number of sessions that the user wants. By default, one core is left to the
    /// other sessions of the server.
    fn count_wanted_sessions(&self) -> usize {
        let by_default = || {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            (cores - 1).clamp(1, MOST)
        };
        self.sessions.number.map_or_else(by_default, usize::from)
    }

    /// Lets `pg_dump` read all rows from now on, and says why.
    pub(super) fn use_one_session(&mut self, why: &str) {
        let database = self.database.as_deref().unwrap_or_default();
        log::info!("{database}: one session reads its rows: {why}");
        self.sessions.number = Some(std::num::NonZeroUsize::MIN);
    }

    /// Starts what reads the database in the snapshot `id`: `pg_dump`, or two of them and the
    /// `several` sessions that read large tables.
    ///
    /// # Errors
    /// When a program cannot be started.
    pub(super) fn start_reading(
        &self,
        id: &str,
        database: &str,
        wait: Duration,
        several: Option<(Vec<LargeTable>, usize)>,
    ) -> Result<(Vec<Child>, Option<Readers>)> {
        let start = |arguments: &[String]| self.start_pg_dump(database, Some(id), wait, arguments);
        let Some((tables, sessions)) = several else {
            return Ok((vec![start(&[])?], None));
        };
        log::debug!(
            "{database}: {sessions} sessions read the rows of {}",
            human::format_count(tables.len(), "large table")
        );
        let sections = ["pre-data", "data"].map(|section| format!("--section={section}"));
        let mut arguments = sections.to_vec();
        let patterns = tables.iter().map(LargeTable::pattern);
        arguments.extend(patterns.map(|pattern| format!("--exclude-table-data={pattern}")));
        let first = start(&arguments)?;
        let last = start(&["--section=post-data".to_owned()])?;
        let readers = Readers::start(
            &self.server,
            database,
            id,
            tables,
            sessions,
            self.sessions.large_table,
            self.stop,
        )?;
        Ok((vec![first, last], Some(readers)))
    }

    /// Writes the dump whose first sections `first` writes.
    ///
    /// # Errors
    /// When a part cannot be read or written.
    pub(super) fn stream_sections(
        &mut self,
        first: Child,
        readers: &Readers,
        out: &mut dyn Write,
    ) -> Result<()> {
        let last = self.post_data.take().context("pg_dump was not started")?;
        let mut counted = HashMap::new();
        let mut checking = CheckingWriter::new(out, Format::Sql);
        let mut write_rows = |table: usize, out: &mut dyn Write| {
            let rows = readers.ranges.write(table, out, self.stop);
            let rows = rows.map_err(unwrap_io_error)?;
            counted.insert(readers.tables[table].known_as.clone(), rows);
            Ok(())
        };
        let joined = Joined::new(&mut checking, &readers.tables, &mut write_rows);
        self.join(first, last, &RefCell::new(joined))?;
        checking.finish()?;
        self.read_rows = counted;
        Ok(())
    }

    /// Passes both parts on, in turns.
    fn join(&self, mut first: Child, mut last: Child, joined: &RefCell<Joined<'_>>) -> Result<()> {
        let (mut first_part, mut last_part) = (Entries::new(joined), Entries::new(joined));
        pass_until_late(&mut first, &mut first_part, joined)?;
        joined.borrow_mut().turn_to(DumpHalf::Last)?;
        pass_until_late(&mut last, &mut last_part, joined)?;
        joined.borrow_mut().turn_to(DumpHalf::First)?;
        pass_on(&mut first, &mut first_part)?;
        first_part.flush()?;
        first.finish().map_err(|error| self.explain(error))?;
        joined.borrow().check_complete()?;
        joined.borrow_mut().turn_to(DumpHalf::Last)?;
        pass_on(&mut last, &mut last_part)?;
        last_part.flush()?;
        last.finish().map_err(|error| self.explain(error))?;
        joined.borrow().check_complete()?;
        Ok(())
    }
}

/// Passes a part on until the rest of it belongs after the other part, or to its end.
fn pass_until_late(
    from: &mut Child,
    out: &mut dyn Write,
    joined: &RefCell<Joined<'_>>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    while !joined.borrow().is_late() {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            read => out.write_all(&buffer[..read])?,
        }
    }
    Ok(())
}

fn unwrap_io_error(error: Error) -> io::Error {
    match error.downcast::<Stopped>() {
        Ok(stopped) => io::Error::other(stopped),
        Err(error) => error.downcast().unwrap_or_else(io::Error::other),
    }
}
