//! Is the database sound?
//!
//! Corruption fails the dump. What the application alone can judge does not: violated constraints,
//! and functions, collations or modules that only it has, are warnings.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use rusqlite::{Connection, ffi};

use super::error::{Corrupt, DAMAGE, explain};
use super::foreign;

/// More messages of a kind than this are counted, not listed.
const LISTED: usize = 5;

/// Compares indexes with their tables.
pub(super) const THOROUGH: &str = "integrity_check";
/// Does not.
pub(super) const QUICK: &str = "quick_check";

/// What `PRAGMA integrity_check` said.
#[derive(Default)]
pub(super) struct Report {
    rows: usize,
    violations: Vec<String>,
    violated: usize,
    damage: Vec<String>,
}

impl Report {
    /// Adds what another check of the same database said.
    pub(super) fn add(&mut self, other: Report) {
        self.rows += other.rows;
        self.violated += other.violated;
        for (all, more) in [
            (&mut self.violations, other.violations),
            (&mut self.damage, other.damage),
        ] {
            for line in more {
                if all.len() < LISTED && !all.contains(&line) {
                    all.push(line);
                }
            }
        }
    }

    fn take(&mut self, line: &str) {
        let list = if is_violation(line) {
            self.violated += 1;
            &mut self.violations
        } else {
            &mut self.damage
        };
        if list.len() < LISTED {
            list.push(line.replace('\n', ", "));
        }
    }
}

/// Checks the structure of every page, and if `thorough` that each index agrees with its table: a
/// look-up for every row in every index, which takes several times as long. A warning for each
/// violated constraint.
///
/// # Errors
/// [`Corrupt`] when the database is damaged; any other error of reading it.
pub(super) fn integrity(db: &Connection, path: &Path, thorough: bool) -> Result<()> {
    let shown = path.display();
    let pragma = if thorough { THOROUGH } else { QUICK };
    let report = match run(db, pragma) {
        Err(error) => foreign::check_without(db, path, pragma, error),
        report => report,
    }
    .map_err(|error| explain(path, Duration::ZERO, error))?;
    for violation in &report.violations {
        log::warn!("{shown}: {violation}");
    }
    if report.violated > report.violations.len() {
        let more = report.violated - report.violations.len();
        log::warn!("{shown}: {more} more such violations");
    }
    if report.damage.is_empty() {
        return Ok(());
    }
    let damage = report.damage.join("; ");
    if let Some(error) = report.damage.iter().find_map(|line| unread(line)) {
        let what = ffi::code_to_str(error.extended_code);
        let error = rusqlite::Error::SqliteFailure(error, Some(format!("{what}: {damage}")));
        return Err(explain(path, Duration::ZERO, error));
    }
    Err(Corrupt(format!("{shown} is corrupt: {damage}")).into())
}

/// A page that could not be read says nothing of the database: `... error code=266`
/// (`SQLITE_IOERR_READ`) or `7` (`SQLITE_NOMEM`), where SQLite lists damage. Only two codes are
/// damage.
fn unread(line: &str) -> Option<ffi::Error> {
    let (_, code) = line.split_once("error code=")?;
    let digits = code.bytes().take_while(u8::is_ascii_digit).count();
    let error = ffi::Error::new(code[..digits].parse().ok()?);
    (!DAMAGE.contains(&error.code)).then_some(error)
}

/// Runs [`THOROUGH`] or [`QUICK`] on the whole database.
pub(super) fn run(db: &Connection, pragma: &str) -> rusqlite::Result<Report> {
    const FIRST: usize = 1000;
    let report = read(db, &format!("PRAGMA {pragma}({FIRST})"))?;
    if report.damage.is_empty() && report.rows >= FIRST {
        // All it listed may be violations that stand before the first damage.
        return read(db, &format!("PRAGMA {pragma}(2000000000)"));
    }
    Ok(report)
}

/// Runs one pragma whose rows are messages, or `ok`.
pub(super) fn read(db: &Connection, pragma: &str) -> rusqlite::Result<Report> {
    let mut report = Report::default();
    let mut statement = db.prepare(pragma)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        // Names in it need not be UTF-8.
        let line = String::from_utf8_lossy(row.get_ref(0)?.as_bytes()?).into_owned();
        report.rows += 1;
        if line != "ok" {
            report.take(&line);
        }
    }
    Ok(report)
}

/// The messages that speak of constraints and column types, or of a virtual table that only its
/// program can check.
fn is_violation(line: &str) -> bool {
    let starts = [
        "NULL value in ",
        "CHECK constraint failed in ",
        "non-unique entry in index ",
        "NUMERIC value in ",
        "TEXT value in ",
        "unable to validate the inverted index ",
    ];
    starts.iter().any(|start| line.starts_with(start))
        || (line.starts_with("non-") && line.contains(" value in "))
        // What another version of SQLite made of the same text; it rebuilds to the last bit only.
        || (line.starts_with("index ") && line.contains(" stores an imprecise floating-point value "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_codes_are_damage() {
        let line = |code| format!("Tree 2 page 7: unable to get the page. error code={code}");
        for (code, is_unread) in [
            (266, true),
            (7, true),
            (5, true),
            (11, false),
            (779, false),
            (26, false),
        ] {
            assert_eq!(unread(&line(code)).is_some(), is_unread, "{code}");
        }
        assert!(unread("row 3 missing from index i").is_none());
    }
}
