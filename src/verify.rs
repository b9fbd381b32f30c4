//! The command that reads dumps whole and checks them.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::directory::Directory;
use crate::follow::follow_named;
use crate::human;
use crate::read::read_whole;
use crate::stop::Stop;

#[derive(Serialize)]
struct VerifiedDump {
    #[serde(serialize_with = "human::serialize_path")]
    path: PathBuf,
    good: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Verifies dumps and the dumps of directories, and prints one line for each on stdout. Returns the
/// number of dumps that are damaged, unreadable or not read within `timeout`, plus the number of
/// directories without dumps.
///
/// # Errors
/// When a path does not exist or stdout is closed.
pub fn run(paths: &[PathBuf], timeout: Duration, json: bool) -> Result<usize> {
    let mut rows = Vec::new();
    let mut bad = 0;
    for path in paths {
        let Some(dumps) = expand(path)? else {
            bad += 1;
            continue;
        };
        for (path, opened) in dumps {
            let signal = Stop::until_signal();
            signal.check()?;
            let stop = Stop::with_limit(timeout);
            let read = opened.and_then(|file| read_whole(&file, stop, &mut io::sink()));
            signal.check()?;
            let row = match read {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    log::info!("{} was removed while this command ran", path.display());
                    continue;
                }
                Ok(header) => VerifiedDump {
                    path,
                    good: true,
                    bytes: Some(header.bytes),
                    reason: None,
                },
                Err(error) => VerifiedDump {
                    path,
                    good: false,
                    bytes: None,
                    reason: Some(error.to_string()),
                },
            };
            bad += usize::from(!row.good);
            if json {
                rows.push(row);
            } else {
                print(&row)?;
            }
        }
    }
    if json {
        writeln!(io::stdout(), "{}", human::format_json(&rows)?)?;
    }
    Ok(bad)
}

fn print(row: &VerifiedDump) -> io::Result<()> {
    let path = row.path.display();
    let line = match (&row.reason, row.bytes) {
        (Some(reason), _) => format!("{path}: bad: {reason}"),
        (None, bytes) => {
            let bytes = human::format_bytes(bytes.unwrap_or_default());
            format!("{path}: good, {bytes} inside")
        }
    };
    writeln!(io::stdout(), "{}", human::escape(&line))
}

type OpenedDump = (PathBuf, io::Result<File>);

/// Returns the dump at `path`, or the dumps of the directory at `path`; `None` if it holds none.
fn expand(path: &Path) -> Result<Option<Box<dyn Iterator<Item = OpenedDump>>>> {
    let followed =
        follow_named(path).with_context(|| format!("cannot verify {}", path.display()))?;
    if !followed.is_directory() {
        if !followed.is_file() {
            bail!("{} is neither a dump nor a directory", path.display());
        }
        let opened = followed.open();
        return Ok(Some(Box::new(std::iter::once((path.to_owned(), opened)))));
    }
    let directory = Directory::open(path)?;
    let shown = path.to_owned();
    let entries = directory.list_dumps()?;
    if entries.is_empty() {
        // Otherwise a mistyped path would look like a directory in which all is well.
        log::error!("{} holds no dumps", path.display());
        return Ok(None);
    }
    Ok(Some(Box::new(entries.into_iter().map(move |entry| {
        let path = shown.join(entry.name.to_string());
        (path, directory.read(&entry.name))
    }))))
}
