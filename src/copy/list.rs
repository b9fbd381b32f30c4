//! Lists copies.

use std::io::{self, Write};

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;

use super::location::{Location, describe_kind};
use crate::clock;
use crate::header::DumpKind;
use crate::human::{self, escape};
use crate::stop::Stop;

/// One copy.
#[derive(Debug, Serialize)]
struct CopyRow<'a> {
    host: &'a str,
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
    let mut listed = Vec::new();
    for place in places {
        let copies = place.list_copies(stop)?;
        listed.extend(
            copies
                .into_iter()
                .map(|(folder, copies)| (place, folder, copies)),
        );
    }
    // The rows are made as they are printed: a destination has many copies.
    let rows = || {
        listed.iter().flat_map(|(place, folder, copies)| {
            copies.stored.iter().rev().map(|copy| CopyRow {
                host: folder.host.as_str(),
                database: folder.name(),
                time: copy.name.dump.time,
                url: place.url_of(folder, &copy.name),
                bytes: copy.bytes,
                encrypted: copy.name.is_encrypted,
                kind: copy.kind,
            })
        })
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    if json {
        human::write_json_list(&mut out, rows())?;
    } else if rows().next().is_none() {
        log::info!("there are no copies");
    } else {
        print_table(&mut out, rows, clock::now())?;
    }
    out.flush()?;
    Ok(())
}

fn print_table<'a, Rows: Iterator<Item = CopyRow<'a>>>(
    out: &mut impl Write,
    rows: impl Fn() -> Rows,
    now: Timestamp,
) -> io::Result<()> {
    let [mut host, mut database, mut url] = ["host", "database", "copy"].map(str::len);
    for row in rows() {
        host = host.max(row.host.chars().count());
        database = database.max(row.database.chars().count());
        url = url.max(row.url.chars().count());
    }
    writeln!(
        out,
        "{:host$}  {:database$}  {:20}  {:>8}  {:>10}  {:url$}  kind",
        "host", "database", "time (UTC)", "age", "size", "copy"
    )?;
    for row in rows() {
        writeln!(
            out,
            "{:host$}  {:database$}  {:20}  {:>8}  {:>10}  {:url$}  {}",
            escape(row.host),
            escape(&row.database),
            row.time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            human::format_age(now.duration_since(row.time)),
            human::format_bytes(row.bytes),
            escape(&row.url),
            describe_kind(row.kind)
        )?;
    }
    Ok(())
}
