//! What SQLite's own checks of a database say.

use rusqlite::Connection;

/// More messages of a kind than this are counted, not listed.
const LISTED: usize = 5;

/// Compares indexes with their tables.
pub(super) const THOROUGH: &str = "integrity_check";
/// Does not.
pub(super) const QUICK: &str = "quick_check";

/// What `PRAGMA integrity_check` said.
#[derive(Default)]
pub(super) struct CheckReport {
    rows: usize,
    pub(super) violations: Vec<String>,
    pub(super) violated: usize,
    pub(super) damage: Vec<String>,
}

impl CheckReport {
    /// Adds what another check of the same database said.
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

/// Runs [`THOROUGH`] or [`QUICK`] on the whole database.
pub(super) fn run(db: &Connection, pragma: &str) -> rusqlite::Result<CheckReport> {
    const FIRST: usize = 1000;
    let report = read(db, &format!("PRAGMA {pragma}({FIRST})"))?;
    if report.damage.is_empty() && report.rows >= FIRST {
        // All it listed may be violations that stand before the first damage.
        return read(db, &format!("PRAGMA {pragma}(2000000000)"));
    }
    Ok(report)
}

/// Runs one pragma whose rows are messages, or `ok`.
pub(super) fn read(db: &Connection, pragma: &str) -> rusqlite::Result<CheckReport> {
    let mut report = CheckReport::default();
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
