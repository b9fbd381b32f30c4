//! Lists copies.

use std::io::{self, Write};

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;

use super::location::{Location, describe_kind};
use crate::clock;
use crate::header::DumpKind;
use crate::human::{self, printable};
use crate::stop::Stop;

/// One copy.
#[derive(Debug, Serialize)]
struct CopyRow {
    host: String,
    database: String,
    time: Timestamp,
    url: String,
    bytes: u64,
    encrypted: bool,
    /// `None` if the copy is not finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<DumpKind>,
}

/// Prints the copies of each place on stdout, by machine and database, the newest first. It reads only the
/// store's listings.
///
/// # Errors
/// When a destination cannot be listed or stdout is closed.
pub fn list(places: &[Location], json: bool) -> Result<()> {
    let stop = Stop::until_signal();
    let mut rows = Vec::new();
    for place in places {
        for (folder, copies) in place.copies(stop)? {
            rows.extend(copies.stored.iter().rev().map(|copy| CopyRow {
                host: folder.host.to_string(),
                database: folder.database.to_string(),
                time: copy.name.dump.time,
                url: place.url_of(&folder, &copy.name),
                bytes: copy.bytes,
                encrypted: copy.name.is_encrypted,
                kind: copy.kind,
            }));
        }
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if json {
        writeln!(out, "{}", human::json(&rows)?)?;
    } else if rows.is_empty() {
        log::info!("there are no copies");
    } else {
        print_table(&mut out, &rows, clock::now())?;
    }
    out.flush()?;
    Ok(())
}

fn print_table(out: &mut impl Write, rows: &[CopyRow], now: Timestamp) -> io::Result<()> {
    let width = |cell: fn(&CopyRow) -> &String, head: &str| {
        let widest = rows.iter().map(|row| cell(row).chars().count()).max();
        widest.unwrap_or(0).max(head.len())
    };
    let host = width(|row| &row.host, "host");
    let database = width(|row| &row.database, "database");
    let url = width(|row| &row.url, "copy");
    writeln!(
        out,
        "{:host$}  {:database$}  {:20}  {:>8}  {:>10}  {:url$}  kind",
        "host", "database", "time (UTC)", "age", "size", "copy"
    )?;
    for row in rows {
        writeln!(
            out,
            "{:host$}  {:database$}  {:20}  {:>8}  {:>10}  {:url$}  {}",
            printable(&row.host),
            printable(&row.database),
            row.time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            human::age(now.duration_since(row.time)),
            human::bytes(row.bytes),
            printable(&row.url),
            describe_kind(row.kind)
        )?;
    }
    Ok(())
}
