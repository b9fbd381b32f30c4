//! Reads the reports of SQLite's own checks of a database.

use rusqlite::Connection;

/// The greatest number of messages of one kind that are listed; more are counted.
const LISTED: usize = 5;

/// The pragma of a check that compares indexes with their tables.
pub(super) const THOROUGH: &str = "integrity_check";
/// The pragma of a check that does not compare indexes with their tables.
pub(super) const QUICK: &str = "quick_check";

/// The report of `PRAGMA integrity_check` or `PRAGMA quick_check`.
#[derive(Default)]
pub(super) struct CheckReport {
    rows: usize,
    pub(super) violations: Vec<String>,
    pub(super) violated: usize,
    pub(super) damage: Vec<String>,
}

impl CheckReport {
    /// Adds the report of another check of the same database.
    pub(super) fn add(&mut self, other: CheckReport) {
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

/// Runs [`THOROUGH`] or [`QUICK`] on the whole database. Returns the report.
pub(super) fn run(db: &Connection, pragma: &str) -> rusqlite::Result<CheckReport> {
    const FIRST: usize = 1000;
    let report = read(db, &format!("PRAGMA {pragma}({FIRST})"))?;
    if report.damage.is_empty() && report.rows >= FIRST {
        // All listed messages may be violations that stand before the first damage.
        return read(db, &format!("PRAGMA {pragma}(2000000000)"));
    }
    Ok(report)
}

/// Runs one pragma whose rows are messages, or `ok`. Returns the report.
pub(super) fn read(db: &Connection, pragma: &str) -> rusqlite::Result<CheckReport> {
    let mut report = CheckReport::default();
    let mut statement = db.prepare(pragma)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        // Names in a message need not be UTF-8.
        let line = String::from_utf8_lossy(row.get_ref(0)?.as_bytes()?).into_owned();
        report.rows += 1;
        if line != "ok" {
            report.take(&line);
        }
    }
    Ok(report)
}

/// Returns true if the message is about constraints or column types, or about a virtual table that
/// only its own program can check.
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
        // Another version of SQLite converted the same text to this value, so rebuilding the index
        // changes the last bit only.
        || (line.starts_with("index ") && line.contains(" stores an imprecise floating-point value "))
}
