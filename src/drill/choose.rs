//! Chooses the dumps to drill.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use crate::clock;
use crate::directory::Directory;
use crate::follow::{FollowedPath, follow_named};
use crate::name::DumpName;
use crate::retention::is_future;
use crate::series::Series;

/// The number of dumps of each database to drill, the newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// The newest dump.
    Newest,
    /// Every dump.
    All,
    /// This number of the newest dumps.
    Last(usize),
}

impl FromStr for Sample {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("newest", _) => Ok(Sample::Newest),
            ("all", _) => Ok(Sample::All),
            (_, Ok(1..)) => Ok(Sample::Last(text.parse().unwrap_or(1))),
            _ => Err("expected newest, all or a number above 0".to_owned()),
        }
    }
}

/// A dump to drill.
pub(super) struct ChosenDump {
    pub(super) path: PathBuf,
    pub(super) database: String,
    /// The dump's directory and its name in that directory; `None` if the name is no dump name or
    /// the directory cannot be opened.
    pub(super) place: Option<(Arc<Directory>, DumpName)>,
    /// True if the user named this dump itself, and not its directory.
    pub(super) is_named: bool,
}

impl ChosenDump {
    pub(super) fn open(&self) -> io::Result<File> {
        match &self.place {
            Some((directory, name)) => directory.read(name),
            None => follow_named(&self.path)?.open(),
        }
    }

    /// Returns the newest dump of the same database now, to drill instead of a dump that rotation
    /// removed; `None` if the database has no dump any more.
    pub(super) fn find_newest(&self) -> Option<ChosenDump> {
        let (directory, name) = self.place.as_ref()?;
        let series = Series::new(
            directory,
            &directory.list_dumps_of(&name.name).ok()?,
            &name.name,
            &[],
        );
        choose_in_series(directory, &series).next()
    }
}

/// Returns the dumps to drill, and the number of directories without a dump. Such a directory
/// counts as a failure, because nothing in it can be restored.
///
/// # Errors
/// When a path does not exist, or is neither a file nor a directory that can be read.
pub(super) fn choose_all(paths: &[PathBuf], sample: Sample) -> Result<(Vec<ChosenDump>, usize)> {
    let mut chosen = Vec::new();
    let mut empty = 0;
    for path in paths {
        let followed =
            follow_named(path).with_context(|| format!("cannot drill {}", path.display()))?;
        if followed.is_directory() {
            let before = chosen.len();
            choose_in_directory(path, sample, &mut chosen)?;
            if chosen.len() == before {
                log::error!("there are no dumps to drill in {}", path.display());
                empty += 1;
            }
        } else {
            ensure!(
                followed.is_file(),
                "{} is neither a dump nor a directory of dumps",
                path.display()
            );
            chosen.push(choose_file(path, &followed));
        }
    }
    Ok((chosen, empty))
}

fn choose_in_directory(path: &Path, sample: Sample, chosen: &mut Vec<ChosenDump>) -> Result<()> {
    let directory = Arc::new(Directory::open(path)?);
    let wanted = match sample {
        Sample::Newest => 1,
        Sample::All => usize::MAX,
        Sample::Last(number) => number,
    };
    for series in Series::read_all(&directory, &directory.list_dumps()?) {
        chosen.extend(choose_in_series(&directory, &series).take(wanted));
    }
    Ok(())
}

/// Returns the dumps of one series, the newest first. An unusable newest dump is among them: its
/// drill says why it is unusable.
fn choose_in_series<'a>(
    directory: &'a Arc<Directory>,
    series: &'a Series,
) -> impl Iterator<Item = ChosenDump> + 'a {
    let now = clock::now();
    let unusable = series.find_unusable(now);
    let usable = series.restorable(now).map(|(entry, _)| entry);
    let entries = unusable.map(|other| &other.entry).into_iter().chain(usable);
    let has_past = series.restorable_past(now).next().is_some();
    entries.map(move |entry| {
        let path = directory.path_of(&entry.name);
        if !has_past && is_future(entry.name.time, now) {
            log::warn!(
                "{} is dated after now; it is drilled because no earlier dump of {} is good",
                path.display(),
                series.name
            );
        }
        ChosenDump {
            path,
            database: series.database(),
            place: Some((Arc::clone(directory), entry.name.clone())),
            is_named: false,
        }
    })
}

/// Returns the dump that the user named, which `followed` leads to.
fn choose_file(path: &Path, followed: &FollowedPath) -> ChosenDump {
    let name = DumpName::parse(&followed.name.to_string_lossy());
    let parent = followed.path.parent().unwrap_or(Path::new("/"));
    let place = name.and_then(|name| Some((Arc::new(Directory::open(parent).ok()?), name)));
    let file_name = path.file_name().unwrap_or_default().to_string_lossy();
    ChosenDump {
        path: path.to_owned(),
        database: file_name.into_owned(),
        place,
        is_named: true,
    }
}
