//! Metrics for Prometheus, as the textfile collector of its node exporter reads them.
//!
//! Source of the format: Prometheus' text-based exposition format 0.0.4. A database that was never
//! dumped has no times, so an alert on its age must also ask for absence; see `docs/monitoring.md`.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;

#[cfg(feature = "copies")]
use crate::status::CopyStatus;
use crate::status::{DatabaseStatus, HORIZON};

/// A metric: its name without the prefix `dump_database_`, its meaning, and its value for a
/// database.
type Metric = (
    &'static str,
    &'static str,
    fn(&DatabaseStatus) -> Option<f64>,
);

const METRICS: [Metric; 13] = [
    (
        "last_success_timestamp_seconds",
        "When the database was last dumped, or found unchanged.",
        |row| row.fresh.map(convert_to_unix),
    ),
    (
        "last_attempt_timestamp_seconds",
        "When a run last tried to dump the database.",
        |row| {
            row.attempt
                .as_ref()
                .map(|attempt| convert_to_unix(attempt.time))
        },
    ),
    (
        "last_attempt_success",
        "Whether the last run dumped the database (1) or failed (0).",
        |row| {
            let attempt = row.attempt.as_ref()?;
            Some(f64::from(attempt.error.is_none()))
        },
    ),
    (
        "last_attempt_duration_seconds",
        "The duration of the last run for this database.",
        |row| row.attempt.as_ref().and_then(|attempt| attempt.seconds),
    ),
    (
        "input_bytes",
        "The size of the newest dump's content before compression.",
        |row| row.bytes_inside.map(|bytes| bytes as f64),
    ),
    ("dump_bytes", "The size of the newest dump's file.", |row| {
        row.bytes.map(|bytes| bytes as f64)
    }),
    (
        "dumps_kept",
        "The number of dumps that can be used and are not dated after now.",
        |row| Some(row.kept as f64),
    ),
    (
        "disk_free_bytes",
        "The free space of the dump directory's disk.",
        |row| row.disk_free_bytes.map(|bytes| bytes as f64),
    ),
    (
        "disk_full_seconds",
        "When the dumps fill that disk at their present growth; at most a year.",
        |row| {
            row.disk_free_bytes?;
            Some(row.disk_full_days.unwrap_or(HORIZON) * 86_400.0)
        },
    ),
    (
        "last_drill_timestamp_seconds",
        "When a dump was last restored and compared.",
        |row| row.drill.as_ref().map(|drill| convert_to_unix(drill.time)),
    ),
    (
        "last_drill_success",
        "Whether the last drill succeeded (1) or failed (0); absent if this machine cannot prove it.",
        |row| {
            let drill = row
                .drill
                .as_ref()
                .filter(|drill| drill.not_provable.is_none())?;
            Some(f64::from(drill.error.is_none()))
        },
    ),
    (
        "last_drill_provable",
        "Whether this machine could prove that a dump restores (1) or not (0).",
        |row| {
            let drill = row.drill.as_ref()?;
            Some(f64::from(drill.not_provable.is_none()))
        },
    ),
    (
        "last_drill_restore_seconds",
        "The duration of the restore in the last drill.",
        |row| {
            let drill = row
                .drill
                .as_ref()
                .filter(|drill| drill.not_provable.is_none())?;
            Some(drill.seconds)
        },
    ),
];

/// A metric of a database's copies in one destination.
#[cfg(feature = "copies")]
type CopyMetric = (&'static str, &'static str, fn(&CopyStatus) -> Option<f64>);

#[cfg(feature = "copies")]
const COPY_METRICS: [CopyMetric; 6] = [
    (
        "copy_last_success_timestamp_seconds",
        "When a run last copied all that was to be copied.",
        |copy| copy.record.copied.map(convert_to_unix),
    ),
    (
        "copy_last_attempt_success",
        "Whether the last run that copied went well (1) or not (0).",
        |copy| Some(f64::from(copy.record.error.is_none())),
    ),
    (
        "copy_newest_timestamp_seconds",
        "The time of the newest dump that is copied.",
        |copy| copy.record.newest.map(convert_to_unix),
    ),
    ("copy_bytes", "The last copy's size.", |copy| {
        copy.is_known().then_some(copy.record.bytes as f64)
    }),
    (
        "copy_duration_seconds",
        "How long the last copy took.",
        |copy| copy.is_known().then_some(copy.record.seconds),
    ),
    (
        "copy_lag_dumps",
        "How many dumps are newer than the newest that is copied.",
        |copy| Some(copy.record.lag as f64),
    ),
];

/// Writes the metrics of databases to `file`: a whole new file, readable by everyone, replaces the old
/// one.
///
/// # Errors
/// When the file cannot be written. It is then unchanged.
pub fn write(file: &Path, rows: &[DatabaseStatus]) -> Result<()> {
    replace(file, &render(rows))
        .with_context(|| format!("cannot write the metrics {}", file.display()))
}

/// Replaces `file` with a new file that holds `text`. The new file first has a name that nobody can
/// foresee, and only this user can read it until it is whole.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut prefix = file.file_name().unwrap_or_default().to_owned();
    prefix.push(".");
    // The collector reads only `*.prom`.
    let mut new = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".tmp")
        .tempfile_in(directory)?;
    new.write_all(text.as_bytes())?;
    // This does not depend on the umask: the exporter runs as another user.
    let readable = fs::Permissions::from_mode(0o644);
    new.as_file().set_permissions(readable)?;
    new.persist(file)?;
    Ok(())
}

fn render(rows: &[DatabaseStatus]) -> String {
    let mut text = String::new();
    for (name, help, value) in METRICS {
        let values = rows
            .iter()
            .filter_map(|row| Some((write_labels(row), value(row)?)));
        write_gauge(&mut text, name, help, values);
    }
    #[cfg(feature = "copies")]
    for (name, help, value) in COPY_METRICS {
        let values = rows.iter().flat_map(|row| {
            row.copies.iter().filter_map(move |copy| {
                let destination = escape(&copy.destination);
                let labels = format!("{},destination=\"{destination}\"", write_labels(row));
                Some((labels, value(copy)?))
            })
        });
        write_gauge(&mut text, name, help, values);
    }
    text
}

/// Adds a metric with its values by their labels; nothing where there is no value.
fn write_gauge(
    text: &mut String,
    name: &str,
    help: &str,
    values: impl Iterator<Item = (String, f64)>,
) {
    let mut lines = values
        .map(|(labels, value)| format!("dump_database_{name}{{{labels}}} {value}\n"))
        .peekable();
    if lines.peek().is_some() {
        let _ = writeln!(text, "# HELP dump_database_{name} {help}");
        let _ = writeln!(text, "# TYPE dump_database_{name} gauge");
        text.extend(lines);
    }
}

fn write_labels(row: &DatabaseStatus) -> String {
    let engine = row
        .engine
        .map(|engine| format!("{engine:?}").to_lowercase());
    format!(
        "database=\"{}\",engine=\"{}\",directory=\"{}\"",
        escape(&row.database),
        engine.unwrap_or_default(),
        escape(&row.directory.to_string_lossy())
    )
}

fn escape(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    value.replace('\n', "\\n")
}

fn convert_to_unix(time: Timestamp) -> f64 {
    time.as_second() as f64
}
