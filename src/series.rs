//! The dumps of one database in a directory: which dumps belong to it, and which one a restore
//! takes.

use std::collections::HashSet;
use std::io::ErrorKind;

use anyhow::Result;
use jiff::Timestamp;

use crate::clock;
use crate::directory::{Directory, DumpFile};
use crate::header::{DumpKind, Header};
use crate::identity::Identity;
use crate::name::{DumpName, Name};
use crate::retention::{self, Candidate, Policy, Verdict};

/// The dumps of one NAME that belong to one database, oldest first.
#[derive(Debug)]
pub struct Series {
    /// The NAME of the dumps.
    pub name: Name,
    /// The dumps with their headers.
    pub dumps: Vec<(DumpFile, Header)>,
    /// The identities of the database: the present one, then the earlier ones from before
    /// `--adopt`.
    pub identities: Vec<Identity>,
    /// The dumps of this NAME that do not count and are never removed.
    pub uncounted: Vec<UncountedDump>,
    /// If the newest dump is of another database: the present identity of that database, then its
    /// earlier ones.
    pub taken_by: Option<Vec<Identity>>,
}

/// A dump that does not count.
#[derive(Debug, Clone)]
pub struct UncountedDump {
    /// The file.
    pub entry: DumpFile,
    /// The reason, in words.
    pub reason: String,
    /// True if it is damaged or cannot be read, false if it is of another database.
    pub is_damaged: bool,
}

impl Series {
    /// Returns the series of `name`: the dumps among `entries` that belong to the database of
    /// `identities`, which are its present identity and those whose dumps it takes over. Without
    /// `identities`, returns the series of the newest dump's database.
    #[must_use]
    pub fn new(
        directory: &Directory,
        entries: &[DumpFile],
        name: &Name,
        identities: &[Identity],
    ) -> Self {
        let mut series = Series {
            name: name.clone(),
            dumps: Vec::new(),
            identities: identities.to_vec(),
            uncounted: Vec::new(),
            taken_by: None,
        };
        let mut all = Vec::new();
        for entry in entries.iter().filter(|entry| entry.name.name == *name) {
            match directory.read_header(entry) {
                // A header with another time means that somebody copied a dump and gave it the name
                // of another time. Such a copy does not count.
                Ok(header) if header.time != entry.name.time => {
                    series.uncounted.push(UncountedDump {
                        entry: entry.clone(),
                        reason: "its header has another time than its name".to_owned(),
                        is_damaged: false,
                    });
                }
                Ok(header) => all.push((entry.clone(), header)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => series.uncounted.push(UncountedDump {
                    entry: entry.clone(),
                    reason: error.to_string(),
                    is_damaged: true,
                }),
            }
        }
        let now = clock::now();
        let newest = all
            .iter()
            .rfind(|(entry, _)| !retention::is_future(entry.name.time, now))
            .or(all.last());
        if let Some((_, header)) = newest {
            let present = series
                .identities
                .first()
                .unwrap_or(&header.identity)
                .clone();
            series.identities = vec![present.clone()];
            let taken_over = identities.iter().skip(1);
            series.identities.extend(taken_over.cloned());
            if let Some((_, own)) = all.iter().rfind(|(_, own)| own.identity == present) {
                series.identities.extend(own.formerly.iter().cloned());
            }
            if !series.identities.contains(&header.identity) {
                let earlier = header.formerly.iter().cloned();
                series.taken_by = Some(
                    [header.identity.clone()]
                        .into_iter()
                        .chain(earlier)
                        .collect(),
                );
            }
        }
        for (entry, header) in all {
            if series.identities.contains(&header.identity) {
                series.dumps.push((entry, header));
            } else {
                let reason = format!("it is of {}", header.identity);
                series.uncounted.push(UncountedDump {
                    entry,
                    reason,
                    is_damaged: false,
                });
            }
        }
        series
    }

    /// Returns the dumps that a restore may take, in the order in which it tries them: first those
    /// that are not dated after `now`, the newest first; then those that are, because a clock had
    /// jumped ahead. Dumps of what a restore replaced are not among them.
    ///
    /// A restore, a drill, `--skip-unchanged` and `status` use this order.
    pub fn restorable(&self, now: Timestamp) -> impl Iterator<Item = &(DumpFile, Header)> {
        let regular = || {
            let dumps = self.dumps.iter().rev();
            dumps.filter(|(_, header)| header.kind == DumpKind::Regular)
        };
        let is_ahead =
            move |(entry, _): &&(DumpFile, Header)| retention::is_future(entry.name.time, now);
        let past = regular().filter(move |dump| !is_ahead(dump));
        past.chain(regular().filter(is_ahead))
    }

    /// Returns the dumps of [`Series::restorable`], in its order, that are not dated after `now`.
    pub fn restorable_past(&self, now: Timestamp) -> impl Iterator<Item = &(DumpFile, Header)> {
        let dumps = self.restorable(now);
        dumps.take_while(move |(entry, _)| !retention::is_future(entry.name.time, now))
    }

    /// Returns the dumps of what restores replaced, the newest first.
    pub fn replaced(&self) -> impl Iterator<Item = &(DumpFile, Header)> {
        let dumps = self.dumps.iter().rev();
        dumps.filter(|(_, header)| header.kind == DumpKind::Replaced)
    }

    /// Returns true if at least one of the dumps is regular, so that a restore may take it.
    /// Otherwise all of them are damaged or hold what restores replaced, and no run is known to
    /// dump the database here.
    #[must_use]
    pub fn has_regular(&self) -> bool {
        self.dumps
            .iter()
            .any(|(_, header)| header.kind == DumpKind::Regular)
    }

    /// Returns every series of a directory, by NAME.
    #[must_use]
    pub fn read_all(directory: &Directory, entries: &[DumpFile]) -> Vec<Series> {
        let mut seen = HashSet::new();
        // Entries are sorted by NAME.
        entries
            .chunk_by(|a, b| a.name.name == b.name.name)
            .filter_map(|same| same.first().map(|first| (same, &first.name.name)))
            .filter(|(_, name)| seen.insert((*name).clone()))
            .map(|(same, name)| Series::new(directory, same, name, &[]))
            .collect()
    }

    /// Returns the first free sequence number among this NAME's dumps of one second, of any format.
    #[must_use]
    pub fn next_sequence(&self, time: Timestamp) -> u32 {
        let own = self.dumps.iter().map(|(entry, _)| entry);
        let others = self.uncounted.iter().map(|other| &other.entry);
        let same = own.chain(others).filter(|entry| entry.name.time == time);
        same.map(|entry| entry.name.sequence).max().unwrap_or(0) + 1
    }

    /// Returns the database's whole name, which its newest dump records.
    #[must_use]
    pub fn database(&self) -> String {
        match self.dumps.last() {
            Some((_, header)) => header.database.clone(),
            None => self.name.to_string(),
        }
    }

    /// Returns the newest dump of this NAME, with the reason, if it cannot be used. Dumps that are
    /// dated after `now`, because a clock had jumped ahead, do not count.
    #[must_use]
    pub fn find_unusable(&self, now: Timestamp) -> Option<&UncountedDump> {
        let place = |entry: &DumpFile| (entry.name.time, entry.name.sequence);
        let past = |entry: &DumpFile| !retention::is_future(entry.name.time, now);
        let newest = self
            .restorable_past(now)
            .map(|(entry, _)| place(entry))
            .next();
        let others = self.uncounted.iter().filter(|other| past(&other.entry));
        let last = others.max_by_key(|other| place(&other.entry));
        last.filter(|other| newest.is_none_or(|newest| place(&other.entry) > newest))
    }

    /// Returns retention's verdict on each of [`Series::dumps`], in their order.
    #[must_use]
    pub fn plan(
        &self,
        policy: &Policy,
        now: Timestamp,
        published: Option<&DumpName>,
    ) -> Vec<Verdict> {
        retention::plan(
            &self.candidates(),
            policy,
            now,
            published.map(DumpName::key),
        )
    }

    /// Returns the time of the last dump from before the database shrank, if it did.
    #[must_use]
    pub fn find_shrink(&self, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
        let before = retention::find_last_before_shrink(&self.candidates(), policy, now);
        before.map(|dump| dump.time)
    }

    fn candidates(&self) -> Vec<Candidate> {
        let dumps = self.dumps.iter();
        dumps
            .map(|(entry, header)| Candidate::new(&entry.name, entry.bytes, header))
            .collect()
    }
}

/// Returns the NAME of a database's dumps in a directory, or `None` if the directory has none.
///
/// # Errors
/// When the directory cannot be read.
pub fn find_name(directory: &Directory, identity: &Identity) -> Result<Option<Name>> {
    let all = Series::read_all(directory, &directory.list_dumps()?);
    let own = all
        .into_iter()
        .find(|series| series.identities.first() == Some(identity));
    Ok(own.map(|series| series.name))
}
