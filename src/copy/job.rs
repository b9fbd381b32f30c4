//! The copies of one database in one destination: which exist, which are missing, and the result of the run.

mod attempt;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Error, Result, ensure};
use jiff::Timestamp;

use super::catalogue::{self, StoredCopy};
use super::name::{CopyName, Folder};
use super::options::CopyOptions;
use super::plan::{self, KnownCopy};
use super::rotate;
use super::state_directory::MachineKey;
use crate::clock;
use crate::directory::Directory;
use crate::header::DumpKind;
use crate::name::{DumpName, Name};
use crate::series::Series;
use crate::status::CopyRecord;
use crate::stop::Stop;
use crate::store::{Reason, Store, UNFINISHED};

/// A dump to copy.
#[derive(Debug, Clone)]
pub(super) struct PendingCopy {
    pub(super) dump: DumpName,
    kind: DumpKind,
    /// The hash of what the user left out of it.
    left_out: Option<String>,
}

/// The copy that this run made of the newest dump.
struct Newest {
    dump: DumpName,
    bytes: u64,
    seconds: f64,
}

/// The copies of one database.
pub(super) struct CopyJob {
    directory: Arc<Directory>,
    series: Series,
    folder: Folder,
    /// The hashes of the identities that dumps of the database have, the present identity first.
    identities: Vec<String>,
    /// For each dump of the series, the hash of what the user left out of it.
    left_out: Vec<Option<String>>,
    /// The finished copies of this database, oldest first.
    own: Vec<KnownCopy>,
    /// Names of files that are no whole copies.
    broken: Vec<StoredCopy>,
    wanted: Vec<PendingCopy>,
    looked: Instant,
    made: Option<Newest>,
    is_newest_damaged: bool,
    error: Option<String>,
    is_refused: bool,
}

/// Returns true if the newest dump of a series cannot be read, so that only older ones can be copied.
pub(super) fn is_newest_damaged(series: &Series) -> bool {
    let newest = series.find_unusable(clock::now());
    newest.is_some_and(|newest| newest.is_damaged)
}

impl CopyJob {
    /// Returns the job of a series, or `None` if the series has no dump. Its folder is the folder of the NAME.
    ///
    /// # Errors
    /// When an identity cannot be hashed.
    pub(super) fn new(
        directory: Arc<Directory>,
        series: Series,
        host: &Name,
        key: &MachineKey,
    ) -> Result<Option<Self>> {
        for other in &series.uncounted {
            log::warn!("{} is not copied: {}", other.entry.name, other.reason);
        }
        if series.dumps.is_empty() {
            return Ok(None);
        }
        let identities = series
            .identities
            .iter()
            .map(|identity| key.hash_identity(identity));
        let is_newest_damaged = is_newest_damaged(&series);
        let dumps = series.dumps.iter();
        let left_out = dumps.map(|(_, header)| key.hash_left_out(&header.left_out));
        Ok(Some(CopyJob {
            left_out: left_out.collect::<Result<_>>()?,
            folder: Folder {
                host: host.clone(),
                database: series.name.clone(),
                directory: None,
            },
            identities: identities.collect::<Result<_>>()?,
            directory,
            series,
            own: Vec::new(),
            broken: Vec::new(),
            wanted: Vec::new(),
            looked: Instant::now(),
            made: None,
            is_newest_damaged,
            error: None,
            is_refused: false,
        }))
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(super) fn set_folder(&mut self, folder: Folder) {
        self.folder = folder;
    }

    /// Returns the hashes of the identities that dumps of the database have, the present identity first.
    pub(super) fn identities(&self) -> &[String] {
        &self.identities
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(super) fn database(&self) -> &Name {
        &self.series.name
    }

    /// Notes that nothing of the database is copied in this run, and says why.
    pub(super) fn refuse(&mut self, why: &str) {
        log::error!("{}: nothing is copied: {why}", self.folder);
        self.error = Some(why.to_owned());
        self.is_refused = true;
    }

    pub(super) fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// Returns true if a dump that should have been copied was not.
    pub(super) fn has_failed(&self) -> bool {
        self.error.is_some() || self.is_newest_damaged
    }

    /// Lists the copies in the destination, removes unfinished uploads of earlier runs of this machine, and
    /// plans which dumps to copy.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) fn plan(
        &mut self,
        store: &dyn Store,
        owner: &str,
        options: &CopyOptions,
        stop: Stop,
    ) -> Result<()> {
        self.looked = Instant::now();
        let copies = catalogue::read_folder(store, &self.folder, stop)?;
        let ours = format!("{UNFINISHED}{owner}-");
        let is_ours = |path: &&String| {
            path.rsplit('/')
                .next()
                .is_some_and(|name| name.starts_with(&ours))
        };
        for path in copies
            .unfinished
            .iter()
            .filter(is_ours)
            .chain(&copies.orphans)
        {
            match store.remove(path, stop) {
                Ok(()) => log::info!("removed {path}, left by an interrupted run"),
                Err(error) if error.reason == Reason::Refused => log::debug!("{path}: {error}"),
                Err(error) => return Err(error.into()),
            }
        }
        let known = rotate::read_known(store, &self.folder, &copies, stop)?;
        let whole: HashSet<CopyName> = known.iter().map(|(copy, _)| copy.name.clone()).collect();
        let broken = copies
            .stored
            .into_iter()
            .filter(|copy| !whole.contains(&copy.name));
        self.broken = broken.collect();
        let (own, others): (Vec<_>, Vec<_>) = known.into_iter().partition(|(_, sidecar)| {
            let identity = sidecar.identity.as_ref();
            identity.is_some_and(|identity| self.identities.contains(identity))
        });
        self.own = own;
        let now = clock::now();
        let lacking = plan::choose_missing(
            &self.series.dumps,
            &self.left_out,
            &self.own,
            &options.policy,
            options.includes_replaced,
            now,
        );
        let mut foreign = Vec::new();
        for ((entry, header), left_out) in lacking {
            let taken = others.iter().find(|(copy, _)| copy.name.dump == entry.name);
            match taken.map(|(_, sidecar)| &sidecar.identity) {
                // The sidecar was made again by another machine, or this machine has a new key.
                Some(None) => {}
                Some(Some(_)) => foreign.push(entry.name.to_string()),
                None => self.wanted.push(PendingCopy {
                    dump: entry.name.clone(),
                    kind: header.kind,
                    left_out: left_out.clone(),
                }),
            }
        }
        if !foreign.is_empty() {
            log::warn!(
                "{}: these copies were made with another machine's key; they are neither counted nor removed: {}",
                self.folder,
                foreign.join(", ")
            );
        }
        Ok(())
    }

    /// Records why a dump was not copied.
    pub(super) fn fail(&mut self, wanted: &PendingCopy, error: &Error) {
        log::error!("{}: cannot copy {}: {error:#}", self.folder, wanted.dump);
        self.error
            .get_or_insert_with(|| format!("cannot copy {}: {error:#}", wanted.dump));
    }

    /// Records that a dump is left for the next run.
    pub(super) fn postpone(&mut self, why: &str) {
        if self.error.is_none() {
            log::error!("{}: left for the next run: {why}", self.folder);
            self.error = Some(why.to_owned());
        }
    }

    /// Checks that the destination lists the copies that this run stored. A store may accept a file and not
    /// have it afterwards.
    ///
    /// # Errors
    /// When a copy is not listed, or the store does not answer.
    fn confirm(&self, store: &dyn Store, stop: Stop) -> Result<()> {
        if self.made.is_none() {
            return Ok(());
        }
        let listed = catalogue::read_folder(store, &self.folder, stop)?.stored;
        for (copy, _) in &self.own {
            let name = &copy.name;
            ensure!(
                listed.contains(copy),
                "the store accepted {name}, but does not list it"
            );
        }
        Ok(())
    }

    /// Applies retention to the copies, if every wanted dump was copied and the destination lists it.
    pub(super) fn rotate(&mut self, store: &dyn Store, options: &CopyOptions, stop: Stop) {
        if let Err(error) = self.confirm(store, stop) {
            log::error!("{}: {error:#}", self.folder);
            self.error.get_or_insert_with(|| format!("{error:#}"));
        }
        if self.error.is_some() || !options.rotates {
            return;
        }
        let published = self.made.as_ref().map(|made| &made.dump);
        let policy = &options.policy;
        match rotate::rotate_after(store, &self.folder, &self.own, policy, published, stop) {
            Ok(0) => {}
            Ok(removed) => {
                log::debug!("{}: {removed} of its copies removed", self.folder);
            }
            Err(error) => {
                log::error!("{}: cannot remove copies: {error:#}", self.folder);
                self.error = Some(format!("cannot remove copies: {error:#}"));
            }
        }
    }

    /// Updates the record of the database's copies.
    pub(super) fn record(&self, record: &mut CopyRecord, now: Timestamp) {
        let regular = self
            .own
            .iter()
            .filter(|(_, sidecar)| sidecar.kind == DumpKind::Regular);
        record.newest = regular.map(|(copy, _)| copy.name.dump.time).max();
        let is_newer = |time: Timestamp| record.newest.is_none_or(|newest| time > newest);
        let dumps = self.series.dumps.iter();
        record.lag = dumps
            .filter(|(entry, header)| header.kind == DumpKind::Regular && is_newer(entry.name.time))
            .count();
        record.error.clone_from(&self.error);
        if self.error.is_none() {
            record.copied = Some(now);
        }
        if let Some(made) = &self.made {
            record.bytes = made.bytes;
            record.seconds = made.seconds;
        }
    }
}

/// Returns the dumps that the jobs want, each with the number of its job: first the newest dump of each
/// database, then the other dumps, the newest first.
pub(super) fn order(jobs: &[CopyJob]) -> Vec<(usize, PendingCopy)> {
    let wanted = jobs.iter().enumerate().flat_map(|(number, job)| {
        let ranked = job.wanted.iter().enumerate();
        ranked.map(move |(rank, wanted)| (rank > 0, number, wanted.clone()))
    });
    let mut all: Vec<_> = wanted.collect();
    all.sort_by_key(|(is_older, _, wanted)| (*is_older, std::cmp::Reverse(wanted.dump.time)));
    all.into_iter()
        .map(|(_, number, wanted)| (number, wanted))
        .collect()
}
