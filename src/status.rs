//! Reports whether every database is dumped, from its dumps and from the result of its last run.

#[cfg(feature = "copies")]
mod copies;
mod judge;
mod row;
mod table;

use std::io::{self, Write};

use anyhow::Result;
use jiff::Timestamp;

use crate::human;

#[cfg(feature = "copies")]
pub use copies::{CopyRecord, CopyStatus};
pub use judge::rows;
pub use row::DatabaseStatus;

/// Prints a line for each row, or a JSON array. Returns the number of databases that have a problem.
///
/// # Errors
/// When stdout is closed.
pub fn print(rows: &[DatabaseStatus], json: bool, now: Timestamp) -> Result<usize> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    if json {
        writeln!(out, "{}", human::json(&rows)?)?;
    } else {
        table::print(&mut out, rows, now)?;
    }
    out.flush()?;
    let bad: Vec<_> = rows
        .iter()
        .filter(|row| row.problem.is_some())
        .map(|row| human::printable(&row.database))
        .collect();
    if !bad.is_empty() {
        // The output has the problems themselves.
        let (some, all) = (bad.len(), rows.len());
        log::error!("problems in {some} of {all} databases: {}", bad.join(", "));
    }
    Ok(bad.len())
}
