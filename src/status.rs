//! Reports whether every database is dumped, from its dumps and from the result of its last run.

#[cfg(feature = "copies")]
mod copies;
mod disk;
mod forecast;
mod judge;
mod row;
mod table;

use std::collections::BTreeSet;
use std::io::{self, Write};

use anyhow::Result;
use jiff::Timestamp;

use crate::human;

/// The days until a disk is full below which there is a warning.
const SOON: f64 = 3.0;

#[cfg(feature = "copies")]
pub use copies::{CopyRecord, CopyStatus, FolderClaim};
pub use forecast::HORIZON;
pub use judge::judge_directories;
pub use row::DatabaseStatus;

/// Prints a line for each row, or a JSON array. Returns the number of databases that have a problem.
///
/// # Errors
/// When stdout is closed.
pub fn print(rows: &[DatabaseStatus], json: bool, now: Timestamp) -> Result<usize> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    if json {
        writeln!(out, "{}", human::format_json(&rows)?)?;
    } else {
        table::print(&mut out, rows, now)?;
    }
    out.flush()?;
    warn_of_full_disks(rows);
    let bad: Vec<_> = rows
        .iter()
        .filter(|row| row.problem.is_some())
        .map(|row| human::escape(&row.database))
        .collect();
    if !bad.is_empty() {
        // The output has the problems themselves.
        let (some, all) = (
            bad.len(),
            crate::human::format_count(rows.len(), "database"),
        );
        log::error!("problems in {some} of {all}: {}", bad.join(", "));
    }
    Ok(bad.len())
}

/// Warns of each disk that the dumps fill soon.
fn warn_of_full_disks(rows: &[DatabaseStatus]) {
    let mut warned = BTreeSet::new();
    for row in rows {
        let Some(days) = row.disk_full_days.filter(|days| *days < SOON) else {
            continue;
        };
        if warned.insert(&row.directory) {
            log::warn!(
                "the disk of {} is full in {days:.1} days at the present growth of the dumps; it has {} free",
                row.directory.display(),
                human::format_bytes(row.disk_free_bytes.unwrap_or(0))
            );
        }
    }
}
