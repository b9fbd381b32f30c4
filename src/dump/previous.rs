//! The dumps of a database from before this run.

use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::Timestamp;

use super::keep::RetentionChoice;
use super::options::SeriesOptions;
use crate::clock;
use crate::directory::LockedDirectory;
use crate::engine::Dumper;
use crate::header::Header;
use crate::identity::Identity;
use crate::name::{DumpName, Name};
use crate::series::Series;

/// The greatest number of a database's earlier identities that its dumps record.
const FORMERLY: usize = 16;

/// What the dump directory holds of a database before the run dumps it again.
pub(super) struct PreviousDumps {
    newest: Option<(DumpName, Header)>,
    /// The time of the last thorough check of the database.
    pub(super) checked: Option<Timestamp>,
    /// The identities that the database had in earlier places. Dumps with these identities still
    /// belong to the database.
    pub(super) formerly: Vec<Identity>,
}

impl PreviousDumps {
    /// Reads the dumps of this NAME, and checks that the directory has room for another dump.
    ///
    /// # Errors
    /// When the dumps are of another database and NAME may not be taken over. When the directory
    /// has no room for another dump.
    pub(super) fn read(
        directory: &LockedDirectory,
        name: &Name,
        dumper: &dyn Dumper,
        options: &SeriesOptions,
    ) -> Result<Self> {
        // `RetentionChoice::Everything` means that a restore replaces this database. The restore rotates
        // nothing, and has no option for another NAME.
        let way_out = match options.keep {
            RetentionChoice::Everything => {
                "--to names another directory for the dump of the replaced database"
            }
            RetentionChoice::AsBefore | RetentionChoice::By(_) => {
                "--name gives the dumps of this database another name, --adopt takes the name over if the database moved"
            }
        };
        let entries = directory.list_dumps_of(name)?;
        let series = Series::new(
            directory,
            &entries,
            name,
            std::slice::from_ref(dumper.identity()),
        );
        let known = dumper.earlier_identities();
        let is_own = series.taken_by.as_deref().and_then(<[_]>::first);
        let adopt = options.adopt || is_own.is_some_and(|identity| known.contains(identity));
        let formerly = find_former_identities(directory, name, &series, adopt, way_out)?;
        let newest = series.restorable_past(clock::now()).next().cloned();
        let expected = newest.as_ref().map_or(0, |(entry, _)| entry.bytes);
        directory.check_space(expected + dumper.scratch_bytes())?;
        let newest = newest.map(|(entry, header)| (entry.name, header));
        let checked = newest.as_ref().and_then(|(dump, header)| {
            let state = directory.read_state();
            let since = state.databases.get(name.as_str())?.unchanged.as_ref();
            let since = since.filter(|since| since.dump == dump.to_string());
            header.checked.max(since.and_then(|since| since.checked))
        });
        Ok(PreviousDumps {
            newest,
            checked,
            formerly,
        })
    }

    /// Returns the header of the newest dump, if there is one.
    pub(super) fn header(&self) -> Option<&Header> {
        self.newest.as_ref().map(|(_, header)| header)
    }

    /// Returns true if a thorough check is due: the last one is at least `every` ago. A database
    /// that was checked and has not changed since needs none.
    pub(super) fn check_is_due(&self, header: &Header, every: Duration) -> bool {
        let Some(checked) = self.checked else {
            return true;
        };
        let unchanged = self
            .header()
            .is_some_and(|newest| self.has_same_content(header) && checked >= newest.time);
        header.time.duration_since(checked).unsigned_abs() >= every && !unchanged
    }

    /// Returns the time of the last thorough check, for a dump whose database gets no new one.
    /// Returns `None` if the database changed within the second of that check: the change was not
    /// checked.
    pub(super) fn checked_until(&self, header: &Header) -> Option<Timestamp> {
        self.checked
            .filter(|checked| *checked < header.time || self.has_same_content(header))
    }

    /// Returns true if the newest dump has the same content as a dump with this `header`.
    fn has_same_content(&self, header: &Header) -> bool {
        let newest = self.header().and_then(|newest| newest.fingerprint.as_ref());
        newest.is_some() && newest == header.fingerprint.as_ref()
    }

    /// Returns the name of the newest dump if a dump with this header has the same content.
    pub(super) fn find_same_content(&self, header: &Header) -> Option<&DumpName> {
        let (name, newest) = self.newest.as_ref()?;
        let of_the_server = |header: &Header| {
            let mut settings = header.facts.settings.clone();
            settings.shift_remove("client_version");
            settings
        };
        let same = self.has_same_content(header)
            && newest.format == header.format
            && newest.left_out == header.left_out
            && newest.identity == header.identity
            && of_the_server(newest) == of_the_server(header);
        same.then_some(name)
    }
}

/// Returns the identities whose dumps this database takes over.
///
/// # Errors
/// When NAME belongs to another source and may not be taken over.
fn find_former_identities(
    directory: &LockedDirectory,
    name: &Name,
    series: &Series,
    adopt: bool,
    way_out: &str,
) -> Result<Vec<Identity>> {
    let formerly = series.identities.get(1..).unwrap_or_default();
    if let Some([other, ..]) = series.taken_by.as_deref() {
        ensure!(
            adopt,
            "the newest dump called {name} in {} is of {other}; {way_out}",
            directory.path().display()
        );
    }
    // The dumps of all earlier places belong to this database, however often it moved.
    let present = series.identities.first();
    let mut all: Vec<Identity> = Vec::new();
    for identity in series.taken_by.iter().flatten().chain(formerly) {
        if Some(identity) != present && !all.contains(identity) {
            all.push(identity.clone());
        }
    }
    all.truncate(FORMERLY);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(time: &str, content: &str) -> Header {
        serde_json::from_value(serde_json::json!({
            "tool": "", "identity": {"engine": "sqlite", "location": "/db"}, "database": "db",
            "time": time, "format": "sqlite", "engine_version": "", "facts": {}, "bytes": 0,
            "crc32": "", "sha256": "", "content": content
        }))
        .unwrap()
    }

    #[test]
    fn what_changed_within_the_second_of_a_check_was_not_checked() {
        let (second, next) = ("2026-11-22T12:00:00Z", "2026-11-22T12:00:01Z");
        let newest = header(second, "old");
        let name = DumpName::parse("db-20261122T120000Z.sqlite.gz").unwrap();
        let previous = PreviousDumps {
            checked: Some(newest.time),
            newest: Some((name, newest)),
            formerly: Vec::new(),
        };
        for (time, content, is_checked) in [
            (second, "new", false),
            (second, "old", true),
            (next, "new", true),
        ] {
            let checked = previous.checked_until(&header(time, content));
            assert_eq!(checked.is_some(), is_checked, "{time} {content}");
        }
    }
}
