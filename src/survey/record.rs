//! The record of the last survey, which `status` reads: the JSON object that `survey --json` prints.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::row::SurveyReport;
use crate::follow::open_regular;
use crate::human::{self, escape};

/// The most bytes of a record that are read.
const LONGEST: u64 = 64 << 20;
/// The age above which a record is too old.
const OLD: SignedDuration = SignedDuration::from_hours(48);
/// The most databases that one message names.
pub(super) const NAMED: usize = 10;

/// What is read of a record.
#[derive(Debug, Deserialize)]
struct SurveyRecord {
    time: Timestamp,
    complete: bool,
    databases: Vec<RecordedDatabase>,
}

/// What is read of a database in a record.
#[derive(Debug, Deserialize)]
struct RecordedDatabase {
    engine: String,
    locations: Vec<String>,
    covered: bool,
}

/// Replaces the record `file` with this survey. Only this user can read the new file.
///
/// # Errors
/// When it cannot be written. It is then unchanged.
pub(super) fn write(file: &Path, survey: &SurveyReport) -> Result<()> {
    let context = || format!("cannot write the record of the survey {}", file.display());
    let mut new = tempfile::NamedTempFile::new_in(find_directory(file)).with_context(context)?;
    new.write_all(human::format_json(survey)?.as_bytes())
        .and_then(|()| new.as_file().sync_all())
        .with_context(context)?;
    new.persist(file).with_context(context)?;
    Ok(())
}

/// Warns of the databases that nobody dumps by the record `file`, of a survey that was not complete,
/// and of a record that is too old. A machine without a record, or a user who may not read it, is not
/// warned.
pub fn warn_of_record(file: &Path, now: Timestamp) {
    match read(file) {
        Ok(record) => {
            for warning in list_warnings(&record, file, now) {
                log::warn!("{warning}");
            }
        }
        Err(error) if is_ordinary(&error) => log::debug!("{}: {error}", file.display()),
        Err(error) => log::warn!(
            "cannot read the record of the survey {}: {error}; write it again with survey --record",
            file.display()
        ),
    }
}

fn is_ordinary(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied
    )
}

fn find_directory(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Reads a record. The owner of the directory may be another user, so no symlink in it is followed.
fn read(file: &Path) -> io::Result<SurveyRecord> {
    let directory = fs::File::open(find_directory(file))?;
    let name = file.file_name().unwrap_or_default();
    let mut text = Vec::new();
    open_regular(&directory, name)?
        .take(LONGEST)
        .read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn list_warnings(record: &SurveyRecord, file: &Path, now: Timestamp) -> Vec<String> {
    let age = now.duration_since(record.time);
    let bare = record.databases.iter().filter(|row| !row.covered);
    let mut names: Vec<_> = bare
        .map(|row| format!("{} {}", row.engine, escape(&row.locations.join(", "))))
        .collect();
    let mut warnings = Vec::new();
    if !names.is_empty() {
        let more = names.len().saturating_sub(NAMED);
        names.truncate(NAMED);
        if more > 0 {
            names.push(format!("and {more} more"));
        }
        warnings.push(format!(
            "nobody dumps: {} (survey of {} ago)",
            names.join("; "),
            human::format_age(age)
        ));
    }
    if !record.complete {
        warnings.push(format!(
            "the survey of {} ago is not complete: it reached its --timeout",
            human::format_age(age)
        ));
    }
    if age > OLD {
        warnings.push(format!(
            "the last survey is {} old; run: dump-database survey --record {}",
            human::format_age(age),
            file.display()
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_ten_databases_and_counts_the_others() {
        let time: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let row = |number: usize| RecordedDatabase {
            engine: "SQLite".to_owned(),
            locations: vec![format!("/srv/{number}.db")],
            covered: number == 0,
        };
        let record = |number| SurveyRecord {
            time,
            complete: true,
            databases: (0..number).map(row).collect(),
        };
        let warnings = |number, hours| {
            let now = time + SignedDuration::from_hours(hours);
            super::list_warnings(&record(number), Path::new("/r"), now)
        };
        assert_eq!(warnings(1, 47), [""; 0]);
        let said = warnings(3, 3);
        assert_eq!(
            said,
            ["nobody dumps: SQLite /srv/1.db; SQLite /srv/2.db (survey of 3h ago)"]
        );
        assert!(warnings(11, 3)[0].contains("/srv/10.db (survey"));
        assert!(warnings(15, 3)[0].contains("/srv/10.db; and 4 more (survey"));
        let said = warnings(1, 49);
        assert_eq!(
            said,
            ["the last survey is 2d 1h old; run: dump-database survey --record /r"]
        );
    }
}
