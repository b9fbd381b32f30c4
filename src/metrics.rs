//! Metrics for Prometheus, as the textfile collector of its node exporter reads them.
//!
//! Source of the format: Prometheus' text-based exposition format 0.0.4. A database that was never
//! dumped has no times, so an alert on its age must also ask for absence; see `docs/monitoring.md`.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::Timestamp;

use crate::clock;
use crate::status::{self, DatabaseStatus};

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
        |row| row.fresh.map(unix),
    ),
    (
        "last_attempt_timestamp_seconds",
        "When a run last tried to dump the database.",
        |row| row.attempt.as_ref().map(|attempt| unix(attempt.time)),
    ),
    (
        "last_attempt_success",
        "Whether that went well (1) or not (0).",
        |row| {
            let attempt = row.attempt.as_ref()?;
            Some(f64::from(attempt.error.is_none()))
        },
    ),
    (
        "last_attempt_duration_seconds",
        "How long it took.",
        |row| row.attempt.as_ref().and_then(|attempt| attempt.seconds),
    ),
    ("input_bytes", "What the newest dump holds.", |row| {
        row.bytes_inside.map(|bytes| bytes as f64)
    }),
    ("dump_bytes", "The newest dump's size.", |row| {
        row.bytes.map(|bytes| bytes as f64)
    }),
    (
        "dumps_kept",
        "How many dumps there are that can be used and are not dated after now.",
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
            Some(row.disk_full_days.unwrap_or(status::HORIZON) * 86_400.0)
        },
    ),
    (
        "last_drill_timestamp_seconds",
        "When a dump was last restored and compared.",
        |row| row.drill.as_ref().map(|drill| unix(drill.time)),
    ),
    (
        "last_drill_success",
        "Whether that went well (1) or not (0); absent where this machine cannot prove it.",
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
        "How long restoring took.",
        |row| {
            let drill = row
                .drill
                .as_ref()
                .filter(|drill| drill.not_provable.is_none())?;
            Some(drill.seconds)
        },
    ),
];

/// Writes the metrics of every database of `directories` to `file`: a whole new file, readable by
/// everyone, replaces the old one.
///
/// # Errors
/// When the file cannot be written. It is then unchanged.
pub fn write(file: &Path, directories: &[PathBuf], trust_records: bool) -> Result<()> {
    let rows = status::rows(directories, None, trust_records, clock::now());
    replace(file, &render(&rows))
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
        let values = rows.iter().filter_map(|row| Some((row, value(row)?)));
        let mut lines = values
            .map(|(row, value)| format!("dump_database_{name}{{{}}} {value}\n", labels(row)))
            .peekable();
        if lines.peek().is_some() {
            let _ = writeln!(text, "# HELP dump_database_{name} {help}");
            let _ = writeln!(text, "# TYPE dump_database_{name} gauge");
            text.extend(lines);
        }
    }
    text
}

fn labels(row: &DatabaseStatus) -> String {
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

fn unix(time: Timestamp) -> f64 {
    time.as_second() as f64
}
