//! Reports whether every database is dumped, from its dumps and from the result of its last run.

mod judge;
mod row;
mod table;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::clock;
use crate::human;

pub use judge::rows;
pub use row::DatabaseStatus;

/// Prints a line for each database of each directory. Returns the number of databases that have no
/// dump younger than `max_age` or whose last run failed; a directory without dumps counts as one.
///
/// # Errors
/// When stdout is closed.
pub fn run(
    directories: &[PathBuf],
    max_age: Option<Duration>,
    trust_records: bool,
    json: bool,
) -> Result<usize> {
    let now = clock::now();
    let rows = rows(directories, max_age, trust_records, now);
    let mut out = io::BufWriter::new(io::stdout().lock());
    if json {
        writeln!(out, "{}", human::json(&rows)?)?;
    } else {
        table::print(&mut out, &rows, now)?;
    }
    out.flush()?;
    let bad = rows
        .iter()
        .filter_map(|row| Some((row, row.problem.as_ref()?)));
    let bad: Vec<_> = bad
        .map(|(row, problem)| format!("{} ({problem})", human::printable(&row.database)))
        .collect();
    if !bad.is_empty() {
        log::error!("not as they should be: {}", bad.join(", "));
    }
    Ok(bad.len())
}
