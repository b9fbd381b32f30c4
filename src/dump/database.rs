//! Dumps one database: writes a dump, reads it back, publishes it and rotates older dumps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::options::{OutputOptions, SeriesOptions};
use super::previous::PreviousDumps;
use super::proven::{DumpWriter, ProvenDump};
use crate::directory::LockedDirectory;
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

/// The number of attempts at a dump whose snapshot is lost.
const ATTEMPTS: u32 = 4;

/// What the dumps of one run share.
pub(crate) struct Run<'a> {
    directory: &'a LockedDirectory,
    /// A thread holds this lock while it makes decisions from a listing of the directory.
    decisions: Mutex<()>,
    pool: Arc<Pool>,
    output: &'a OutputOptions,
    series: &'a SeriesOptions,
}

/// A dump that has its final name.
#[derive(Debug)]
pub(crate) struct PublishedDump {
    /// The name of the dump.
    pub(crate) name: DumpName,
    /// True if the dump was published before this run and still has the database's content.
    pub(super) unchanged: bool,
    /// The time of the database's last thorough check.
    pub(super) checked: Option<Timestamp>,
    /// The retention policy of this run, or `None` if this run did not decide on one.
    pub(super) policy: Option<Policy>,
    /// The result in words: sizes, time and speed.
    pub(super) summary: String,
}

impl<'a> Run<'a> {
    /// Returns a run that dumps into `directory`.
    ///
    /// # Errors
    /// When the system refuses to start a thread.
    pub(crate) fn new(
        directory: &'a LockedDirectory,
        output: &'a OutputOptions,
        series: &'a SeriesOptions,
    ) -> Result<Self> {
        Ok(Run {
            directory,
            decisions: Mutex::new(()),
            pool: Pool::new(output.threads)?,
            output,
            series,
        })
    }

    fn lock_decisions(&self) -> MutexGuard<'_, ()> {
        self.decisions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the NAME for a database's dumps: the NAME of the dumps of this database that the
    /// directory already holds, else the database's own name.
    pub(crate) fn find_name(&self, dumper: &dyn Dumper) -> Result<Name> {
        let existing = series::find_name(self.directory, dumper.identity())?;
        existing
            .or_else(|| Name::encode(&dumper.database()))
            .context("it has no name")
    }

    /// Dumps one database, from its snapshot to the rotation of older dumps.
    pub(crate) fn dump(
        &self,
        name: &Name,
        dumper: &mut dyn Dumper,
        stop: Stop,
    ) -> Result<PublishedDump> {
        let started = Instant::now();
        let previous = {
            let _lock = self.lock_decisions();
            PreviousDumps::read(self.directory, name, dumper, self.series)?
        };
        let scratch = match dumper.scratch_bytes() {
            0 => None,
            _ => Some(self.directory.create_temporary()?),
        };
        let scratch_file = scratch.as_ref().map(|temporary| ScratchFile {
            path: temporary.path(),
            file: temporary.file(),
        });
        let writer = DumpWriter {
            directory: self.directory,
            pool: &self.pool,
            output: self.output,
            series: self.series,
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
        let unchanged = match previous.find_same_content(&proven.header) {
            Some(newest) if self.is_readable(newest, stop)? => Some(newest.clone()),
            _ => None,
        };
        let is_unchanged = unchanged.is_some();
        let (name, policy) = match unchanged {
            Some(newest) => (newest, self.series.keep.given_policy()),
            None => self.publish(name, proven, dumper.owner())?,
        };
        drop(scratch);
        let seconds = started.elapsed().as_secs_f64();
        let summary = if is_unchanged {
            let bytes = human::format_bytes(bytes);
            format!("unchanged since {name}, {bytes} in, {seconds:.2} s")
        } else {
            format!(
                "{} in, {} out, {seconds:.2} s, {:.0} MB/s",
                human::format_bytes(bytes),
                human::format_bytes(length),
                bytes as f64 / 1e6 / seconds.max(1e-6)
            )
        };
        Ok(PublishedDump {
            name,
            unchanged: is_unchanged,
            checked,
            policy,
            summary,
        })
    }

    /// Returns true if `dump` can still be read whole. If the database is unchanged, the run
    /// publishes no other dump in its place.
    fn is_readable(&self, dump: &DumpName, stop: Stop) -> Result<bool> {
        let read = self
            .directory
            .read(dump)
            .and_then(|file| read_whole(&file, stop, &mut std::io::sink()));
        stop.check()?;
        if let Err(error) = &read {
            log::warn!("the database is unchanged since {dump}, but {error}; it is dumped again");
        }
        Ok(read.is_ok())
    }

    /// Publishes the dump, then removes the dumps that retention does not keep. Returns the dump's
    /// name and the retention policy that was applied. A dump that root makes is given to the
    /// database's `owner` or to no user. If the database has no owner on this machine (a server's
    /// database, a command's output), the dump is given to no user.
    fn publish(
        &self,
        name: &Name,
        proven: ProvenDump<'_>,
        owner: Option<u32>,
    ) -> Result<(DumpName, Option<Policy>)> {
        let _lock = self.lock_decisions();
        let ProvenDump {
            header, temporary, ..
        } = proven;
        let directory = self.directory;
        // The dumps that this database takes over are rotated with its own.
        let mut identities = vec![header.identity.clone()];
        identities.extend(header.formerly.iter().cloned());
        let before = Series::new(
            directory,
            &directory.list_dumps_of(name)?,
            name,
            &identities,
        );
        let wanted = DumpName {
            sequence: before.next_sequence(header.time),
            time: header.time,
            format: header.format,
            compression: self.output.method.compression,
            name: name.clone(),
        };
        if let Some((newest, _)) = before.dumps.last()
            && owner.is_some_and(|owner| owner == newest.owner)
        {
            temporary.belong_with(newest);
        }
        let published = directory.publish(temporary, &wanted)?;
        let keep = &self.series.keep;
        let Some(policy) = keep.choose_policy(directory.read_state().policy(name), &before) else {
            return Ok((published, None));
        };
        let rotated = directory.list_dumps_of(name).and_then(|entries| {
            let series = Series::new(directory, &entries, name, &identities);
            rotate(directory, &series, &policy, Some(&published))
        });
        if let Err(error) = rotated {
            log::error!("{published} was published, but older dumps were not removed: {error:#}");
        }
        Ok((published, Some(policy)))
    }
}
