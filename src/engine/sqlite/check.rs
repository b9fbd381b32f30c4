//! Is the database sound?
//!
//! Corruption fails the dump. What the application alone can judge does not: violated constraints,
//! and functions, collations or modules that only it has, are warnings.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ErrorCode};
use serde_json::{Map, Value};

use super::image::Shape;
use crate::header::Facts;

/// Above this size rows are not counted: it would read the database once more.
const COUNTED: u64 = 256 << 20;

/// More constraint violations than this are not listed one by one.
const LISTED: usize = 5;

#[derive(Default)]
struct Report {
    rows: usize,
    violations: Vec<String>,
    violated: usize,
    damage: Vec<String>,
}

/// Checks the structure of every page, and if `thorough` that each index agrees with its table: a
/// look-up for every row in every index, which takes several times as long.
pub(super) fn integrity(db: &Connection, path: &Path, thorough: bool) -> Result<()> {
    let pragma = if thorough {
        "integrity_check"
    } else {
        "quick_check"
    };
    let report = match run(db, &format!("PRAGMA {pragma}(1000)")) {
        // All it lists may be violations that stand before the first damage.
        Ok(report) if report.damage.is_empty() && report.rows >= 1000 => {
            run(db, &format!("PRAGMA {pragma}(2000000000)"))
        }
        Err(error) if missing(&error).is_some() => structure(db, path, error),
        other => other,
    }
    .map_err(|error| super::explain(path, Duration::ZERO, error))?;
    for violation in &report.violations {
        log::warn!("{}: {violation}", path.display());
    }
    if report.violated > report.violations.len() {
        let more = report.violated - report.violations.len();
        log::warn!("{}: {more} more such violations", path.display());
    }
    if !report.damage.is_empty() {
        let corrupt = Corrupt(format!(
            "{} is corrupt: {}",
            path.display(),
            report.damage.join("; ")
        ));
        return Err(corrupt.into());
    }
    Ok(())
}

/// The database itself is damaged.
#[derive(Debug)]
struct Corrupt(String);

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Corrupt {}

/// Was it damage of the database that kept it from being dumped?
pub(super) fn is_corruption(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let code = cause
            .downcast_ref()
            .and_then(rusqlite::Error::sqlite_error_code);
        let damage = [ErrorCode::NotADatabase, ErrorCode::DatabaseCorrupt];
        cause.is::<Corrupt>() || code.is_some_and(|code| damage.contains(&code))
    })
}

/// Without the application's own functions and collations the indexes that use them cannot be
/// compared with their tables, but every page's structure can be checked: stand-ins let SQLite
/// prepare that.
fn structure(db: &Connection, path: &Path, first: rusqlite::Error) -> rusqlite::Result<Report> {
    let shown = path.display();
    db.execute_batch("PRAGMA ignore_check_constraints = ON")?;
    let mut error = first;
    for _ in 0..1000 {
        match missing(&error) {
            Some(Missing::Function(name)) => {
                let null = |_: &rusqlite::functions::Context<'_>| Ok(None::<i64>);
                let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
                db.create_scalar_function(name.as_str(), -1, flags, null)?;
                log::warn!(
                    "{shown}: needs the function {name}, which only its program has; indexes were not compared with their tables"
                );
            }
            Some(Missing::Collation(name)) => {
                db.create_collation(name.as_str(), |a: &str, b: &str| a.cmp(b))?;
                log::warn!(
                    "{shown}: needs the collation {name}, which only its program has; indexes were not compared with their tables"
                );
            }
            None => return Err(error),
        }
        match run(db, "PRAGMA quick_check(1000)") {
            Err(next) => error = next,
            report => return report,
        }
    }
    Err(error)
}

enum Missing {
    Function(String),
    Collation(String),
}

fn missing(error: &rusqlite::Error) -> Option<Missing> {
    let text = error.to_string();
    let after = |mark: &str| {
        let rest = text.split_once(mark)?.1;
        let name = rest
            .split(" in SELECT")
            .next()?
            .split(" in PRAGMA")
            .next()?;
        Some(name.trim().trim_end_matches("()").to_owned())
    };
    after("unknown function: ")
        .or_else(|| after("no such function: "))
        .map(Missing::Function)
        .or_else(|| after("no such collation sequence: ").map(Missing::Collation))
}

fn run(db: &Connection, pragma: &str) -> rusqlite::Result<Report> {
    let mut report = Report::default();
    let mut statement = db.prepare(pragma)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        report.rows += 1;
        if line == "ok" {
            continue;
        }
        let (count, list) = if is_violation(&line) {
            report.violated += 1;
            (LISTED, &mut report.violations)
        } else {
            (LISTED, &mut report.damage)
        };
        if list.len() < count {
            list.push(line.replace('\n', ", "));
        }
    }
    Ok(report)
}

/// The messages of `PRAGMA integrity_check` that speak of constraints and column types.
fn is_violation(line: &str) -> bool {
    let starts = [
        "NULL value in ",
        "CHECK constraint failed in ",
        "non-unique entry in index ",
        "NUMERIC value in ",
        "TEXT value in ",
    ];
    starts.iter().any(|start| line.starts_with(start))
        || (line.starts_with("non-") && line.contains(" value in "))
}

pub(super) fn facts(db: &Connection, shape: Shape) -> Result<Facts> {
    let mut statement = db.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name",
    )?;
    let names: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let count = |name: &str| -> Option<u64> {
        let quoted = name.replace('"', "\"\"");
        let sql = format!("SELECT count(*) FROM main.\"{quoted}\"");
        db.query_row(&sql, [], |row| row.get::<_, i64>(0))
            .ok()
            .and_then(|rows| u64::try_from(rows).ok())
    };
    let counted = shape.bytes() <= COUNTED;
    let mut settings = Map::new();
    settings.insert("page_size".to_owned(), Value::from(shape.page_size));
    settings.insert("pages".to_owned(), Value::from(shape.pages));
    Ok(Facts {
        table_count: names.len(),
        tables: names
            .into_iter()
            .map(|name| {
                let rows = if counted { count(&name) } else { None };
                (name, rows)
            })
            .collect(),
        settings,
    })
}
