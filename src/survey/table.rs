//! A survey, for people.

use std::io::{self, Write};

use jiff::Timestamp;

use super::row::SurveyedDatabase;
use crate::human::{self, escape};

const HEADS: [&str; 4] = ["engine", "where", "newest dump", "dumped"];

/// Prints a line for each database; those that nobody dumps come first.
pub(super) fn print(
    out: &mut impl Write,
    rows: &[SurveyedDatabase],
    now: Timestamp,
) -> io::Result<()> {
    if rows.is_empty() {
        log::info!("no database was found");
        return Ok(());
    }
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by_key(|row| row.covered);
    let mut lines = vec![HEADS.map(str::to_owned)];
    lines.extend(rows.iter().map(|row| write_cells(row, now)));
    let width = |column: usize| {
        let widths = lines.iter().map(|line| line[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    for [engine, place, newest, dumped] in &lines {
        let line = format!(
            "{engine:0$}  {place:1$}  {newest:2$}  {dumped}",
            widths[0], widths[1], widths[2]
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn write_cells(row: &SurveyedDatabase, now: Timestamp) -> [String; HEADS.len()] {
    let newest = row
        .newest
        .map(|newest| human::format_age(now.duration_since(newest)));
    let directories: Vec<_> = row
        .directories
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let mut dumped = match (row.covered, directories.is_empty()) {
        (false, _) => "NO".to_owned(),
        (true, true) => format!("by {}", row.units.join(", ")),
        (true, false) => format!("into {}", directories.join(", ")),
    };
    if let Some(databases) = &row.databases {
        dumped += "; only ";
        dumped += &databases.join(", ");
    }
    if let Some(remark) = &row.remark {
        dumped += "; ";
        dumped += remark;
    }
    let newest = newest.unwrap_or_else(|| "never".to_owned());
    let place = row.locations.join(", ");
    [row.engine.clone(), escape(&place), newest, escape(&dumped)]
}
