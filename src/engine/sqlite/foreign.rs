//! Checks a database that needs functions, collations or virtual table modules that only its own
//! program has.
//!
//! SQLite then refuses to prepare the check. Indexes that use what only the application has cannot
//! be compared with their tables. All other indexes can, and the structure of every page can be
//! checked: stand-ins let SQLite prepare that check.

use std::path::Path;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ErrorCode};

use super::modules;
use super::report::{CheckReport, QUICK, THOROUGH, read, run};

enum MissingPart {
    Function(String),
    Collation(String),
    /// A virtual table's module, or part of one, such as a tokenizer. The text is SQLite's message.
    Module(String),
}

/// Does as much of the check `pragma` as possible after the check failed with `error`. Returns its
/// report.
///
/// # Errors
/// Returns `error` if it does not say that something is missing, or any other error of checking.
pub(super) fn check_without(
    db: &Connection,
    path: &Path,
    pragma: &str,
    error: rusqlite::Error,
) -> rusqlite::Result<CheckReport> {
    let shown = path.display();
    let mut report = CheckReport::default();
    let mut error = error;
    let mut pragma = pragma;
    let mut forgotten = false;
    for _ in 0..1000 {
        match find_missing(&error) {
            Some(MissingPart::Module(why)) if !forgotten => {
                forgotten = true;
                log::warn!(
                    "{shown}: a virtual table cannot be opened without its own program ({why}); such tables were checked as pages only"
                );
                modules::forget(db)?;
            }
            None | Some(MissingPart::Module(_)) => return Err(error),
            Some(needed) => {
                if pragma == THOROUGH {
                    report.add(list_tables(db, path)?);
                    pragma = QUICK;
                }
                db.execute_batch("PRAGMA ignore_check_constraints = ON")?;
                replace_missing(db, path, &needed)?;
            }
        }
        match run(db, pragma) {
            Err(next) => error = next,
            Ok(rest) => {
                report.add(rest);
                return Ok(report);
            }
        }
    }
    Err(error)
}

fn replace_missing(db: &Connection, path: &Path, missing: &MissingPart) -> rusqlite::Result<()> {
    let shown = path.display();
    match missing {
        MissingPart::Function(name) => {
            log::warn!("{shown}: needs the function {name}, which only its program has");
            let null = |_: &rusqlite::functions::Context<'_>| Ok(None::<i64>);
            let flags = FunctionFlags::SQLITE_UTF8
                | FunctionFlags::SQLITE_DETERMINISTIC
                | FunctionFlags::SQLITE_INNOCUOUS;
            db.create_scalar_function(name.as_str(), -1, flags, null)
        }
        MissingPart::Collation(name) => {
            log::warn!("{shown}: needs the collation {name}, which only its program has");
            db.create_collation(name.as_str(), |a: &str, b: &str| a.cmp(b))
        }
        MissingPart::Module(_) => Ok(()),
    }
}

/// Checks each table that can be checked together with its indexes. Logs the names of the others.
/// Returns the report.
fn list_tables(db: &Connection, path: &Path) -> rusqlite::Result<CheckReport> {
    let mut names =
        db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")?;
    let mut rows = names.query([])?;
    let mut report = CheckReport::default();
    while let Some(row) = rows.next()? {
        let name = String::from_utf8_lossy(row.get_ref(0)?.as_bytes()?).into_owned();
        let quoted = name.replace('"', "\"\"");
        match read(db, &format!("PRAGMA integrity_check(\"{quoted}\")")) {
            Ok(found) => report.add(found),
            Err(error) if find_missing(&error).is_some() => log::warn!(
                "{}: the indexes of {name} were not compared with it",
                path.display()
            ),
            Err(error) => return Err(error),
        }
    }
    Ok(report)
}

fn find_missing(error: &rusqlite::Error) -> Option<MissingPart> {
    let text = match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        // SQLITE_ERROR means neither damage nor a failing disk.
        rusqlite::Error::SqliteFailure(code, _) if code.code == ErrorCode::Unknown => {
            error.to_string()
        }
        _ => return None,
    };
    let after = |mark: &str| {
        let (_, name) = text.split_once(mark)?;
        Some(name.trim().trim_end_matches("()").to_owned())
    };
    let function = after("unknown function: ")
        .or_else(|| after("no such function: "))
        .or_else(|| after("unsafe use of ").filter(|_| text.ends_with("()")));
    let collation = after("no such collation sequence: ");
    Some(match (function, collation) {
        (Some(function), _) => MissingPart::Function(function),
        (None, Some(collation)) => MissingPart::Collation(collation),
        (None, None) => MissingPart::Module(text),
    })
}
