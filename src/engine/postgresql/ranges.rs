//! The ranges of pages in which several sessions read large tables.
//!
//! Each session takes the next range and gives its rows in pieces. One thread writes the ranges in
//! their order. A session that is ahead of that thread waits when the rows that are not yet written
//! reach a limit, so memory does not grow with the tables.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Error, Result, anyhow};
use memchr::memchr_iter;

use super::large::LargeTable;
use super::piece::RowsPiece;
use crate::stop::Stop;

/// The number of pieces that may wait to be written: 24 MiB of rows.
const WAITING: usize = 96;
/// The number of pieces by which the range that is written next may exceed [`WAITING`], so that it
/// always goes on.
const RESERVE: usize = 4;
/// The number of bytes of rows that all sessions together have in their ranges.
const IN_RANGES: u64 = 20 << 20;
/// The interval at which a waiting thread checks [`Stop`].
const TICK: Duration = Duration::from_millis(100);

/// A range of pages of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PageRange {
    /// The table's place in the list.
    pub(super) table: usize,
    /// The first page.
    pub(super) from: u64,
    /// The page after the last one, or `None` if the range ends with the table.
    pub(super) to: Option<u64>,
}

/// What becomes of a piece of rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// The piece will be written.
    Taken,
    /// The range was given back, without its rows: no session can read the range that is written
    /// next before this session ends its transaction.
    ReadAgain,
    /// Nothing will be written anymore.
    Closed,
}

/// The ranges of all large tables.
pub(super) struct Ranges {
    tables: Vec<RangedTable>,
    sessions: u64,
    state: Mutex<RangesState>,
    changed: Condvar,
}

/// A table and the size of its ranges.
struct RangedTable {
    pages: u64,
    bytes: u64,
    /// The greatest size of a range in bytes.
    most: u64,
}

#[derive(Default)]
struct RangesState {
    /// True once sessions may begin to read.
    may_begin: bool,
    /// True after an error, or if nothing more will be written.
    is_closed: bool,
    failure: Option<Error>,
    /// The sessions that could read from the beginning, and those that could not.
    ready: usize,
    refused: Vec<Error>,
    /// The number of sessions that still read or may read.
    reading: usize,
    /// The table and the page at which the next range begins.
    next: (usize, u64),
    /// The ranges that were taken and must be read again.
    unread: Vec<PageRange>,
    /// The pages and bytes of the table `next.0` that were read.
    seen: (u64, u64),
    /// The ranges that were taken and are not yet written, in order. The first is written next.
    taken: VecDeque<TakenRange>,
    /// The number of pieces in `taken`.
    waiting: usize,
    /// True while the session of the first range waits for a lock.
    is_blocked: bool,
    /// Pieces that were written and can be used again.
    spare: Vec<RowsPiece>,
}

struct TakenRange {
    range: PageRange,
    pieces: VecDeque<RowsPiece>,
    bytes: u64,
    is_whole: bool,
}

impl Ranges {
    /// Returns the ranges of `tables`, which so many sessions will read. A range has at most `most`
    /// bytes.
    pub(super) fn new(tables: &[LargeTable], sessions: usize, most: u64) -> Self {
        let tables = tables.iter().map(|table| RangedTable {
            pages: table.pages,
            bytes: table.bytes,
            most,
        });
        Ranges {
            tables: tables.collect(),
            sessions: sessions as u64,
            state: Mutex::new(RangesState {
                reading: sessions,
                ..RangesState::default()
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, RangesState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, RangesState>) -> MutexGuard<'a, RangesState> {
        let waited = self.changed.wait_timeout(state, TICK);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Declares that a session can read, or why it cannot.
    pub(super) fn report_opened(&self, opened: Result<()>) {
        let mut state = self.lock();
        match opened {
            Ok(()) => state.ready += 1,
            Err(error) => {
                state.refused.push(error);
                state.reading -= 1;
            }
        }
        self.changed.notify_all();
    }

    /// Waits until each session can read or cannot. Returns the number of those that can, and why
    /// the others cannot.
    ///
    /// # Errors
    /// [`crate::stop::Stopped`] when work must end.
    pub(super) fn wait_until_opened(&self, stop: Stop) -> Result<(usize, Vec<Error>)> {
        let mut state = self.lock();
        while ((state.ready + state.refused.len()) as u64) < self.sessions {
            stop.check()?;
            state = self.wait(state);
        }
        Ok((state.ready, std::mem::take(&mut state.refused)))
    }

    /// Lets the sessions begin to read.
    pub(super) fn begin(&self) {
        self.lock().may_begin = true;
        self.changed.notify_all();
    }

    /// Makes all sessions end.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Ends everything with this error.
    pub(super) fn fail(&self, error: Error) {
        let mut state = self.lock();
        if !state.is_closed {
            state.is_closed = true;
            state.failure = Some(error);
        }
        self.changed.notify_all();
    }

    /// Declares that a session reads no more because of this error. If it was the last session,
    /// everything ends with this error.
    pub(super) fn leave(&self, error: Error) {
        let mut state = self.lock();
        state.reading -= 1;
        let is_last = state.reading == 0;
        drop(state);
        if is_last {
            self.fail(error);
        } else {
            log::debug!("one of the sessions that read rows ends: {error:#}");
        }
    }

    /// Takes the next range. Waits as long as a range may be given back. Returns `None` when all
    /// tables are read.
    pub(super) fn take(&self) -> Option<PageRange> {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return None;
            }
            if state.may_begin {
                if let Some(first) = (0..state.unread.len()).min_by_key(|at| state.unread[*at]) {
                    return Some(state.unread.swap_remove(first));
                }
                if let Some(range) = self.next(&mut state) {
                    return Some(range);
                }
                if state.taken.iter().all(|taken| taken.is_whole) {
                    return None;
                }
            }
            state = self.wait(state);
        }
    }

    fn next(&self, state: &mut RangesState) -> Option<PageRange> {
        let (table, from) = state.next;
        let progress = self.tables.get(table)?;
        // The pages of what was read say how many bytes a page gives.
        let (pages, bytes) = match state.seen {
            (0, _) | (_, 0) => (progress.pages, progress.bytes),
            seen => seen,
        };
        let wanted = (IN_RANGES / self.sessions).min(progress.most);
        let length = u128::from(wanted) * u128::from(pages.max(1)) / u128::from(bytes.max(1));
        let length = u64::try_from(length).unwrap_or(u64::MAX).max(1);
        let to = from.saturating_add(length);
        let to = (to < progress.pages).then_some(to);
        state.next = (table, to.unwrap_or_default());
        if to.is_none() {
            state.next = (table + 1, 0);
            state.seen = (0, 0);
        }
        let range = PageRange { table, from, to };
        state.taken.push_back(TakenRange {
            range,
            pieces: VecDeque::new(),
            bytes: 0,
            is_whole: false,
        });
        Some(range)
    }

    /// Returns an empty piece.
    pub(super) fn take_piece(&self) -> RowsPiece {
        let spare = self.lock().spare.pop();
        spare.unwrap_or_default()
    }

    /// Gives the next rows of a range. Waits while too many pieces wait to be written.
    ///
    /// # Errors
    /// [`crate::stop::Stopped`] when work must end.
    pub(super) fn give(&self, range: PageRange, piece: RowsPiece, stop: Stop) -> Result<Given> {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return Ok(Given::Closed);
            }
            let first = state.taken.front().map(|taken| taken.range);
            let is_first = first == Some(range);
            let room = if is_first { WAITING + RESERVE } else { WAITING };
            if state.waiting < room {
                break;
            }
            let is_unread = first.is_some_and(|first| state.unread.contains(&first));
            if !is_first && (state.is_blocked || is_unread) {
                give_back(&mut state, range);
                self.changed.notify_all();
                return Ok(Given::ReadAgain);
            }
            stop.check()?;
            state = self.wait(state);
        }
        state.waiting += 1;
        if let Some(taken) = find(&mut state, range) {
            taken.bytes += piece.bytes().len() as u64;
            taken.pieces.push_back(piece);
        }
        self.changed.notify_all();
        Ok(Given::Taken)
    }

    /// Declares that all rows of a range were given.
    pub(super) fn end(&self, range: PageRange) {
        let mut state = self.lock();
        if let Some(taken) = find(&mut state, range) {
            taken.is_whole = true;
            let bytes = taken.bytes;
            if let Some(to) = range.to.filter(|_| state.next.0 == range.table) {
                state.seen.0 += to - range.from;
                state.seen.1 += bytes;
            }
        }
        self.changed.notify_all();
    }

    /// Declares that the session of a range waits for a lock, or does so no more.
    pub(super) fn wait_for_lock(&self, range: PageRange, waits: bool) {
        let mut state = self.lock();
        if state.taken.front().map(|taken| taken.range) == Some(range) {
            state.is_blocked = waits;
            self.changed.notify_all();
        }
    }

    /// Writes all rows of a table to `out`. Returns their number. The tables are written in the
    /// order of the list.
    ///
    /// # Errors
    /// When the rows cannot be read or written.
    pub(super) fn write(&self, table: usize, out: &mut dyn Write, stop: Stop) -> Result<u64> {
        let mut rows = 0;
        while let Some(mut piece) = self.next_piece(table, stop)? {
            rows += memchr_iter(b'\n', piece.bytes()).count() as u64;
            out.write_all(piece.bytes())?;
            let mut state = self.lock();
            state.waiting -= 1;
            piece.clear();
            state.spare.push(piece);
            self.changed.notify_all();
        }
        Ok(rows)
    }

    /// Returns the next rows of a table, or `None` after the last.
    fn next_piece(&self, table: usize, stop: Stop) -> Result<Option<RowsPiece>> {
        let mut state = self.lock();
        loop {
            if let Some(error) = state.failure.take() {
                return Err(error);
            }
            if state.is_closed {
                return Err(anyhow!("the sessions that read rows have ended"));
            }
            if let Some(first) = state.taken.front_mut() {
                if let Some(piece) = first.pieces.pop_front() {
                    return Ok(Some(piece));
                }
                if first.is_whole {
                    let range = first.range;
                    state.taken.pop_front();
                    state.is_blocked = false;
                    self.changed.notify_all();
                    if range.to.is_none() {
                        debug_assert_eq!(range.table, table);
                        return Ok(None);
                    }
                    continue;
                }
            }
            stop.check()?;
            state = self.wait(state);
        }
    }
}

fn find(state: &mut RangesState, range: PageRange) -> Option<&mut TakenRange> {
    let mut taken = state.taken.iter_mut();
    taken.find(|taken| taken.range == range)
}

/// Gives a range back, without its rows, to be read again.
fn give_back(state: &mut RangesState, range: PageRange) {
    if let Some(taken) = find(state, range) {
        let pieces = std::mem::take(&mut taken.pieces);
        taken.bytes = 0;
        state.waiting -= pieces.len();
        state.unread.push(range);
    }
}

#[cfg(test)]
mod tests;
