//! Checks that a database is sound.
//!
//! Corruption fails the dump. What only the application can judge gives a warning: violated
//! constraints, and functions, collations or modules that only the application has.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use rusqlite::{Connection, ffi};

use super::error::{Corrupt, DAMAGE, explain};
use super::foreign;
use super::report::{QUICK, THOROUGH, run};

/// Checks the structure of every page. If `thorough`, also checks that each index agrees with its
/// table: this looks up every row in every index and takes several times as long. Logs violated
/// constraints as warnings.
///
/// # Errors
/// [`Corrupt`] when the database is damaged, or any other error of reading it.
pub(super) fn check_integrity(db: &Connection, path: &Path, thorough: bool) -> Result<()> {
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
        log::warn!(
            "{shown}: {}",
            crate::human::format_count(more, "more such violation")
        );
    }
    if report.damage.is_empty() {
        return Ok(());
    }
    let damage = report.damage.join("; ");
    if let Some(error) = report.damage.iter().find_map(|line| find_read_error(line)) {
        let what = ffi::code_to_str(error.extended_code);
        let error = rusqlite::Error::SqliteFailure(error, Some(format!("{what}: {damage}")));
        return Err(explain(path, Duration::ZERO, error));
    }
    Err(Corrupt(format!("{shown} is corrupt: {damage}")).into())
}

/// Returns the error in a line of SQLite's list of damage if it is not damage but a page that could
/// not be read, which says nothing about the database: `... error code=266` (`SQLITE_IOERR_READ`)
/// or `7` (`SQLITE_NOMEM`). Only two codes are damage.
fn find_read_error(line: &str) -> Option<ffi::Error> {
    let (_, code) = line.split_once("error code=")?;
    let digits = code.bytes().take_while(u8::is_ascii_digit).count();
    let error = ffi::Error::new(code[..digits].parse().ok()?);
    (!DAMAGE.contains(&error.code)).then_some(error)
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
            assert_eq!(find_read_error(&line(code)).is_some(), is_unread, "{code}");
        }
        assert!(find_read_error("row 3 missing from index i").is_none());
    }
}
