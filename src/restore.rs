//! Loading a dump: which one, and into what.

mod save;

use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::clock;
use crate::directory::Directory;
use crate::dump::Options;
use crate::engine::{Access, DamagedInside, Dumper, Save, Source};
use crate::exit::UsageError;
use crate::follow::open_named;
use crate::header::Header;
use crate::name::Name;
use crate::read::read_whole;
use crate::retention::is_future;
use crate::series::Series;
use crate::stop::Stop;

/// Where the dump comes from.
#[derive(Debug)]
pub struct RequestedDump {
    /// A dump, or a directory of dumps.
    pub path: PathBuf,
    /// Whose newest good dump is taken from a directory.
    pub name: Option<String>,
}

/// Restores a dump into `target`. The dump is verified whole before anything is touched, and loaded
/// through the same descriptor.
///
/// # Errors
/// Whatever keeps it from being restored; the old database is then as it was.
pub fn run(
    from: &RequestedDump,
    target: &dyn Source,
    replace: bool,
    options: &Options,
) -> Result<()> {
    let access = options.access();
    let stop = access.deadline;
    let mut refused = Vec::new();
    let (path, header, old) = loop {
        let (dump, path, header) = choose(from, &refused, stop)?;
        let mut saved = None;
        let mut save = |dumper: &mut dyn Dumper| {
            let path = save::save(dumper, options, stop)?;
            saved = Some(path.clone());
            Ok(path)
        };
        let save: Option<Save<'_>> = if replace { Some(&mut save) } else { None };
        match load(&dump, &header, target, save, &access) {
            Ok(old) => break (path, header, old),
            // Where the dump was not named, an older one will do.
            Err(error) if error.is::<DamagedInside>() && path != from.path => {
                log::warn!("{} was passed over: {error:#}", path.display());
                refused.push(path);
            }
            Err(error) => return Err(error.context(not_restored(target, saved.as_deref()))),
        }
    };
    log::info!(
        "restored {} ({}) into {target}",
        path.display(),
        header.time
    );
    if let Some(old) = old {
        log::info!("what it replaced is in {}", old.display());
    }
    Ok(())
}

fn not_restored(target: &dyn Source, saved: Option<&Path>) -> String {
    match saved {
        None => format!("{target} was not restored"),
        Some(saved) => format!(
            "{target} was not restored; what it held before is dumped in {}",
            saved.display()
        ),
    }
}

/// Loads a dump that was verified into a target of the same engine. Returns the path of what was
/// replaced, if something was.
///
/// # Errors
/// As [`run`].
pub fn load(
    dump: &File,
    header: &Header,
    target: &dyn Source,
    save: Option<Save<'_>>,
    access: &Access,
) -> Result<Option<PathBuf>> {
    ensure!(
        header.identity.engine == target.engine(),
        "the dump is of {}, which cannot be restored into {}",
        header.identity,
        target.kind()
    );
    target.load(dump, header, save, access)
}

/// Returns the dump that is named, or the first good one of a directory that is not `refused`.
fn choose(
    from: &RequestedDump,
    refused: &[PathBuf],
    stop: Stop,
) -> Result<(File, PathBuf, Header)> {
    let path = &from.path;
    let unreadable = || format!("cannot read the dump {}", path.display());
    let meta = path.metadata().with_context(unreadable)?;
    if !meta.is_dir() {
        // Opening a pipe would wait for its writer.
        ensure!(
            meta.is_file(),
            "{} is neither a dump nor a directory of dumps",
            path.display()
        );
        let file = open_named(path).with_context(unreadable)?;
        let header = read_whole(&file, stop, &mut std::io::sink())
            .with_context(|| format!("{} cannot be restored", path.display()))?;
        return Ok((file, path.clone(), header));
    }
    let directory = Directory::open(path)?;
    let entries = directory.dumps()?;
    let series = one_of(
        &directory,
        Series::all(&directory, &entries),
        from.name.as_deref(),
    )?;
    let now = clock::now();
    if let Some(other) = series.unusable(now).filter(|_| refused.is_empty()) {
        log::warn!("{} was passed over: {}", other.entry.name, other.reason);
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
            Err(error) => log::warn!("{} was passed over: {error}", path.display()),
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

fn one_of(directory: &Directory, mut all: Vec<Series>, name: Option<&str>) -> Result<Series> {
    let shown = directory.path().display();
    if let Some(name) = name {
        let encoded = Name::of_database(name.as_bytes());
        let wanted = |series: &Series| {
            Some(&series.name) == encoded.as_ref() || series.name.as_str() == name
        };
        let found = all.into_iter().find(wanted);
        return found.with_context(|| format!("{shown} holds no dump of {name}"));
    }
    // A series without a dump to restore makes no choice necessary.
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
                .map(|one| one.name.as_str())
                .collect();
            let names = names.join(", ");
            Err(UsageError::new(&format!(
                "{shown} holds dumps of {names}; say which with --name"
            ))
            .into())
        }
    }
}
