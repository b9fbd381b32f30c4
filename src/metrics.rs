//! Metrics for Prometheus, as its node exporter's textfile collector reads them.
//!
//! Source of the format: Prometheus' text-based exposition format 0.0.4. A database that was never
//! dumped has no times, so an alert on its age must also ask for absence; see `docs/monitoring.md`.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::Timestamp;
use rustix::fs::{FlockOperation, Mode, OFlags};

use crate::clock;
use crate::status::{self, Row};

/// A metric without its `dump_database_` prefix, what it means, and its value for a database.
type Metric = (&'static str, &'static str, fn(&Row) -> Option<f64>);

const METRICS: [Metric; 10] = [
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
        "last_drill_timestamp_seconds",
        "When a dump was last restored and compared.",
        |row| row.drill.as_ref().map(|drill| unix(drill.time)),
    ),
    (
        "last_drill_success",
        "Whether that went well (1) or not (0).",
        |row| {
            let drill = row.drill.as_ref()?;
            Some(f64::from(drill.error.is_none()))
        },
    ),
    (
        "last_drill_restore_seconds",
        "How long restoring took.",
        |row| row.drill.as_ref().map(|drill| drill.seconds),
    ),
];

/// Writes the metrics of every database of `directories` to `file`: a whole new file, readable by
/// everyone, takes the old one's place.
///
/// # Errors
/// When it cannot be written; it is then as it was.
pub fn write(file: &Path, directories: &[PathBuf], trust_records: bool) -> Result<()> {
    let text = render(&status::rows(
        directories,
        None,
        trust_records,
        clock::now(),
    ));
    let mut new = file.as_os_str().to_owned();
    // The collector reads `*.prom` alone.
    new.push(".tmp");
    let new = PathBuf::from(new);
    let written = alone(&new).and_then(|mut out| {
        let filled = fill(&mut out, &text).and_then(|()| fs::rename(&new, file));
        if filled.is_err() {
            let _ = fs::remove_file(&new);
        }
        filled
    });
    written.with_context(|| format!("cannot write the metrics {}", file.display()))
}

fn fill(out: &mut File, text: &str) -> io::Result<()> {
    // What a run that was killed left.
    out.set_len(0)?;
    // Whatever the umask: the exporter is another user.
    out.set_permissions(fs::Permissions::from_mode(0o644))?;
    out.write_all(text.as_bytes())
}

/// The file that bears this name, which no other run writes before this one closes it.
fn alone(path: &Path) -> io::Result<File> {
    loop {
        // A pipe in its place must not be waited for.
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::from_raw_mode(0o644))?);
        rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
        // Meanwhile another run may have given it its final name.
        let found = file.metadata()?;
        let is_named = fs::symlink_metadata(path).is_ok_and(|named| named.ino() == found.ino());
        if is_named && found.nlink() == 1 {
            return Ok(file);
        }
        // With a second name it may be any file.
        if is_named {
            fs::remove_file(path)?;
        }
    }
}

fn render(rows: &[Row]) -> String {
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

fn labels(row: &Row) -> String {
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
