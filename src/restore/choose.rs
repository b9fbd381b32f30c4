//! Chooses the dump to restore.

use std::fmt::Write;
use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::clock;
use crate::directory::Directory;
use crate::exit::UsageError;
use crate::follow::follow_named;
use crate::header::Header;
use crate::name::Name;
use crate::read::read_whole;
use crate::retention::is_future;
use crate::series::Series;
use crate::stop::Stop;

/// The dump that the user asks for.
#[derive(Debug, Clone)]
pub struct RequestedDump {
    /// The path of a dump, or of a directory of dumps.
    pub path: PathBuf,
    /// The name of the database whose newest good dump is taken from a directory.
    pub name: Option<String>,
}

/// Returns the dump that `from` names. If `from` names a directory, returns the first good dump in
/// it that is not one of `refused`.
pub(super) fn choose(
    from: &RequestedDump,
    refused: &[PathBuf],
    stop: Stop,
) -> Result<(File, PathBuf, Header)> {
    let path = &from.path;
    let unreadable = || format!("cannot read the dump {}", path.display());
    let followed = follow_named(path).with_context(unreadable)?;
    if !followed.is_directory() {
        ensure!(
            followed.is_file(),
            "{} is neither a dump nor a directory of dumps",
            path.display()
        );
        let file = followed.open().with_context(unreadable)?;
        let header = read_whole(&file, stop, &mut std::io::sink())
            .with_context(|| format!("{} cannot be restored", path.display()))?;
        return Ok((file, path.clone(), header));
    }
    let directory = Directory::open(path)?;
    let entries = directory.list_dumps()?;
    let series = choose_series(
        &directory,
        Series::read_all(&directory, &entries),
        from.name.as_deref(),
    )?;
    let now = clock::now();
    if let Some(other) = series.find_unusable(now).filter(|_| refused.is_empty()) {
        log::warn!("{} was skipped: {}", other.entry.name, other.reason);
    }
    for (entry, _) in series.restorable(now) {
        let path = directory.path_of(&entry.name);
        if refused.contains(&path) {
            continue;
        }
        let read = directory.read(&entry.name);
        match read.and_then(|file| Ok((read_whole(&file, stop, &mut std::io::sink())?, file))) {
            Ok((header, file)) => {
                if is_future(entry.name.time, now) {
                    log::warn!(
                        "{} is dated after now; it is restored because no earlier dump of {} is good",
                        path.display(),
                        series.name
                    );
                }
                return Ok((file, path, header));
            }
            Err(_) if stop.reason().is_some() => stop.check()?,
            Err(error) => log::warn!("{} was skipped: {error}", path.display()),
        }
    }
    let mut why = format!("{} holds no good dump of {}", path.display(), series.name);
    let replaced: Vec<_> = series
        .replaced()
        .map(|(entry, _)| entry.name.to_string())
        .collect();
    if !replaced.is_empty() {
        write!(
            why,
            "; to restore what an earlier restore replaced, name its file: {}",
            replaced.join(", ")
        )?;
    }
    bail!(why);
}

fn choose_series(
    directory: &Directory,
    mut all: Vec<Series>,
    name: Option<&str>,
) -> Result<Series> {
    let shown = directory.path().display();
    if let Some(name) = name {
        let encoded = Name::encode(name.as_bytes());
        let wanted = |series: &Series| {
            Some(&series.name) == encoded.as_ref() || series.name.as_str() == name
        };
        let found = all.into_iter().find(wanted);
        return found.with_context(|| format!("{shown} holds no dump of {name}"));
    }
    // Ignore the series that have no dump to restore, unless no series has one.
    let now = clock::now();
    if all
        .iter()
        .any(|series| series.restorable(now).next().is_some())
    {
        all.retain(|series| series.restorable(now).next().is_some());
    }
    match (all.pop(), all.as_slice()) {
        (Some(series), []) => Ok(series),
        (None, _) => bail!("{shown} holds no dumps"),
        (Some(last), others) => {
            let names: Vec<_> = others
                .iter()
                .chain([&last])
                .map(|entry| entry.name.as_str())
                .collect();
            let names = names.join(", ");
            Err(UsageError::new(&format!(
                "{shown} holds dumps of {names}; choose one with --name"
            ))
            .into())
        }
    }
}
