//! Dumps one database: writes and proves a dump, publishes it, rotates.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::options::Options;
use super::previous::Previous;
use super::proven::{Proven, Writer};
use crate::directory::Locked;
use crate::engine::dumper::{Dumper, ScratchFile, SnapshotLost};
use crate::gzip::Pool;
use crate::human;
use crate::name::{DumpName, Name};
use crate::progress::Progress;
use crate::read::read_whole;
use crate::retention::Policy;
use crate::rotate::rotate;
use crate::series::{self, Series};
use crate::stop::Stop;

/// How often a dump is begun whose snapshot is lost.
const ATTEMPTS: u32 = 4;

/// What the dumps of one run share.
pub(crate) struct Run<'a> {
    directory: &'a Locked,
    /// A thread holds it while it decides by what it listed of the directory.
    turn: Mutex<()>,
    pool: Arc<Pool>,
    pub(super) options: &'a Options,
}

/// A dump that bears its final name.
#[derive(Debug)]
pub(crate) struct Published {
    /// Its name.
    pub(crate) name: DumpName,
    /// It was there before: the database is still what it holds.
    pub(super) unchanged: bool,
    /// The database's last thorough check.
    pub(super) checked: Option<Timestamp>,
    /// What was kept of the older dumps; none where that was not decided anew.
    pub(super) policy: Option<Policy>,
    /// What it took, in words.
    pub(super) summary: String,
}

impl<'a> Run<'a> {
    /// # Errors
    /// When the system refuses a thread.
    pub(crate) fn new(directory: &'a Locked, options: &'a Options) -> Result<Self> {
        Ok(Run {
            directory,
            turn: Mutex::new(()),
            pool: Pool::new(options.threads)?,
            options,
        })
    }

    fn take_turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the NAME of a database's dumps: that of the dumps which the directory already holds
    /// of it, else the database's own.
    pub(crate) fn name_of(&self, dumper: &dyn Dumper) -> Result<Name> {
        let existing = series::find_name(self.directory, dumper.identity())?;
        existing
            .or_else(|| Name::of_database(&dumper.database()))
            .context("it has no name")
    }

    /// Dumps one database: from its snapshot to rotation.
    pub(crate) fn dump(
        &self,
        name: &Name,
        dumper: &mut dyn Dumper,
        stop: Stop,
    ) -> Result<Published> {
        let started = Instant::now();
        let previous = {
            let _turn = self.take_turn();
            Previous::read(self.directory, name, dumper, self.options)?
        };
        let scratch = match dumper.scratch_bytes() {
            0 => None,
            _ => Some(self.directory.temporary()?),
        };
        let scratch_file = scratch.as_ref().map(|temporary| ScratchFile {
            path: temporary.path(),
            file: temporary.file(),
        });
        let writer = Writer {
            directory: self.directory,
            pool: &self.pool,
            options: self.options,
            name,
            previous: &previous,
            stop,
        };
        let mut bar = Progress::new(name.as_str(), previous.header().map(|header| header.bytes));
        let mut attempt = 1;
        let proven = loop {
            match writer.write(dumper, scratch_file.clone(), &mut bar) {
                Err(error) if error.is::<SnapshotLost>() && attempt < ATTEMPTS => {
                    log::warn!("{name}: {error}; trying again");
                    attempt += 1;
                }
                written => break written?,
            }
        };
        drop(bar);
        stop.check()?;
        let (bytes, length, checked) = (proven.header.bytes, proven.length, proven.header.checked);
        let unchanged = match previous.same(&proven.header) {
            Some(newest) if self.still_reads(newest, stop)? => Some(newest.clone()),
            _ => None,
        };
        let is_unchanged = unchanged.is_some();
        let (name, policy) = match unchanged {
            Some(newest) => (newest, self.options.keep.given()),
            None => self.publish(name, proven, dumper.owner())?,
        };
        drop(scratch);
        let seconds = started.elapsed().as_secs_f64();
        let summary = if is_unchanged {
            let bytes = human::bytes(bytes);
            format!("unchanged since {name}, {bytes} in, {seconds:.2} s")
        } else {
            format!(
                "{} in, {} out, {seconds:.2} s, {:.0} MB/s",
                human::bytes(bytes),
                human::bytes(length),
                bytes as f64 / 1e6 / seconds.max(1e-6)
            )
        };
        Ok(Published {
            name,
            unchanged: is_unchanged,
            checked,
            policy,
            summary,
        })
    }

    /// Says whether a dump that nothing will replace is still whole.
    fn still_reads(&self, dump: &DumpName, stop: Stop) -> Result<bool> {
        let read = self
            .directory
            .read(dump)
            .and_then(|file| read_whole(&file, stop, &mut std::io::sink()));
        stop.check()?;
        if let Err(error) = &read {
            log::warn!("{dump} is what the database still is, but {error}; it is dumped again");
        }
        Ok(read.is_ok())
    }

    /// Gives the dump its name, then removes what retention does not keep. Returns the name and the
    /// policy that it went by. What root dumped of a database of `owner` is given to nobody else, and
    /// what has no owner on this machine (a server's database, a command's output) to nobody.
    fn publish(
        &self,
        name: &Name,
        proven: Proven<'_>,
        owner: Option<u32>,
    ) -> Result<(DumpName, Option<Policy>)> {
        let _turn = self.take_turn();
        let Proven {
            header, temporary, ..
        } = proven;
        let directory = self.directory;
        let identity = Some(&header.identity);
        let before = Series::of(directory, &directory.dumps_of(name)?, name, identity);
        let wanted = DumpName {
            sequence: before.next_sequence(header.time),
            time: header.time,
            format: header.format,
            compression: self.options.method.compression,
            name: name.clone(),
        };
        if let Some((newest, _)) = before.dumps.last()
            && owner.is_some_and(|owner| owner == newest.owner)
        {
            temporary.belong_with(newest);
        }
        let published = directory.publish(temporary, &wanted)?;
        let keep = &self.options.keep;
        let Some(policy) = keep.policy(directory.state().policy(name), &before) else {
            return Ok((published, None));
        };
        let rotated = directory.dumps_of(name).and_then(|entries| {
            let series = Series::of(directory, &entries, name, identity);
            rotate(directory, &series, &policy, Some(&published))
        });
        if let Err(error) = rotated {
            log::error!("{published} was published, but older dumps were not removed: {error:#}");
        }
        Ok((published, Some(policy)))
    }
}
