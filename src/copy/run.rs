//! A run of `copy`: copies the dumps of every database in the given dump directories to one destination.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};

use super::claims;
use super::encryption::Recipients;
use super::job::{self, CopyJob};
use super::location;
use super::options::CopyOptions;
use super::state_directory::CopyStateDirectory;
use super::upload::UploadSettings;
use crate::clock;
use crate::directory::Directory;
use crate::exit::UsageError;
use crate::series::Series;
use crate::status::CopyRecord;
use crate::stop::Stop;
use crate::store::{self, Config, Destination, StoreError};

/// The number of failures in a row after which the run gives up on the remaining copies.
const FAILURES: usize = 3;

/// Copies the dumps in `directories` that a destination lacks: first the newest dump of each database, then
/// the others, the newest first. Prints the URL of each copy. Returns the number of databases that failed.
///
/// # Errors
/// [`UsageError`] for options that are not valid, before anything is copied; [`DestinationInUse`](super::state_directory::DestinationInUse) when another run copies
/// to the same destination; when the destination cannot be reached.
pub fn run(directories: &[PathBuf], options: &CopyOptions) -> Result<usize> {
    let destination = Destination::parse(&options.to).map_err(|why| UsageError::new(&why))?;
    let settings = UploadSettings {
        recipients: Recipients::read(&options.recipients, options.recipients_file.as_deref())?,
        rate: options.rate,
        reads_back: options.reads_back,
        timeout: options.timeout,
    };
    let config = match &options.store_config {
        Some(file) => Config::from_file(file)?,
        None => Config::default(),
    };
    let system = rustix::system::uname();
    let system = system.nodename().to_string_lossy();
    let host = location::name_host(options.host.as_deref().unwrap_or(&system))?;
    let directories = expand(directories)?;
    let home = CopyStateDirectory::find(options.state.as_deref())?;
    home.create()?;
    let key = home.read_or_create_key()?;
    let _lock = home.lock(&destination, &key)?;
    let store = store::open(&destination, &config, &key.owner(), true)?;
    let (mut jobs, mut failed) = (Vec::new(), 0);
    for directory in directories {
        for series in Series::read_all(&directory, &directory.list_dumps()?) {
            let is_damaged = job::is_newest_damaged(&series);
            match CopyJob::new(Arc::clone(&directory), series, &host, &key)? {
                Some(job) => jobs.push(job),
                None => failed += usize::from(is_damaged),
            }
        }
    }
    // Without the record, dumps could get into the folder of another database.
    let mut records = home.read_records()?;
    let records = records.remove(&destination.to_string()).unwrap_or_default();
    claims::assign_folders(&mut jobs, &records);
    record_folders(&home, &destination, &records, &jobs)?;
    for job in jobs.iter_mut().filter(|job| !job.is_refused()) {
        job.plan(
            &*store,
            &key.owner(),
            options,
            Stop::with_limit(options.timeout),
        )
        .with_context(|| {
            format!(
                "cannot list {}",
                destination.url_of(&job.folder().to_string())
            )
        })?;
    }
    copy(&mut jobs, &*store, &destination, &settings)?;
    for job in &mut jobs {
        let stop = Stop::with_limit(options.timeout);
        job.rotate(&*store, options, stop);
        Stop::until_signal().check()?;
        failed += usize::from(job.has_failed());
    }
    record(&home, &destination, &jobs);
    Ok(failed)
}

/// Uploads the dumps that each job wants.
fn copy(
    jobs: &mut [CopyJob],
    store: &dyn store::Store,
    destination: &Destination,
    settings: &UploadSettings,
) -> Result<()> {
    let mut in_a_row = 0;
    for (number, wanted) in job::order(jobs) {
        let job = &mut jobs[number];
        if in_a_row == FAILURES {
            job.postpone("the destination failed several times in a row");
            continue;
        }
        match job.upload(store, destination, &wanted, settings) {
            Ok(()) => in_a_row = 0,
            Err(error) => {
                if let Some(signal) = crate::stop::get_signal() {
                    return Err(crate::stop::Stopped::Signal(signal).into());
                }
                in_a_row += usize::from(error.is::<StoreError>());
                job.fail(&wanted, &error);
            }
        }
    }
    Ok(())
}

/// Records the folder of each job before anything is stored there, so that a run after one that was killed
/// takes the same.
///
/// # Errors
/// When it cannot be recorded.
fn record_folders(
    home: &CopyStateDirectory,
    destination: &Destination,
    records: &BTreeMap<PathBuf, BTreeMap<String, CopyRecord>>,
    jobs: &[CopyJob],
) -> Result<()> {
    let mut claims = claims::list_claims(jobs);
    claims.retain(|(job, claim)| {
        let databases = records.get(job.directory().path());
        let record = databases.and_then(|databases| databases.get(job.database().as_str()));
        record.and_then(|record| record.claim.as_ref()) != Some(claim)
    });
    if claims.is_empty() {
        return Ok(());
    }
    home.change(|records| {
        let destination = records.entry(destination.to_string()).or_default();
        for (job, claim) in claims {
            let directory = job.directory().path().to_owned();
            let databases = destination.entry(directory).or_default();
            let record = databases.entry(job.database().to_string()).or_default();
            record.claim = Some(claim);
        }
    })
}

/// Records for `status` which dumps are copied. Logs a warning if it cannot, because the copies exist
/// nevertheless.
fn record(home: &CopyStateDirectory, destination: &Destination, jobs: &[CopyJob]) {
    let now = clock::now();
    let changed = home.change(|records| {
        let destination = records.entry(destination.to_string()).or_default();
        for job in jobs {
            let databases = destination
                .entry(job.directory().path().to_owned())
                .or_default();
            let record = databases.entry(job.database().to_string());
            let record = record.or_insert_with(CopyRecord::default);
            job.record(record, now);
        }
    });
    if let Err(error) = changed {
        log::warn!("{error:#}");
    }
}

/// Returns the dump directories among `paths` and their subdirectories, each once. Logs a warning for a path
/// without dumps if another path has some, and for a symlink that cannot be followed.
///
/// # Errors
/// When a directory cannot be read, or no path has dumps.
fn expand(paths: &[PathBuf]) -> Result<Vec<Arc<Directory>>> {
    let mut all = Vec::new();
    let mut empty = Vec::new();
    let mut seen = HashSet::new();
    let mut add = |directory: Directory| -> Result<bool> {
        let stat = rustix::fs::fstat(&directory)?;
        let has_dumps = !directory.list_dumps()?.is_empty();
        if has_dumps && seen.insert((stat.st_dev, stat.st_ino)) {
            all.push(Arc::new(directory));
        }
        Ok(has_dumps)
    };
    for path in paths {
        let mut has_dumps = add(Directory::open(path)?)?;
        let (below, links) = list_subdirectories(path)?;
        for path in below {
            has_dumps |= add(Directory::open(&path)?)?;
        }
        for link in links {
            // systemd makes such a symlink for the directory of a dynamic user.
            match Directory::open(&link) {
                Ok(directory) => has_dumps |= add(directory)?,
                Err(error) => log::warn!("{} is not copied: {error:#}", link.display()),
            }
        }
        if !has_dumps {
            empty.push(format!("there are no dumps to copy in {}", path.display()));
        }
    }
    if all.is_empty() {
        anyhow::bail!(empty.join(", "));
    }
    for why in empty {
        log::warn!("{why}");
    }
    Ok(all)
}

/// Returns the directories in a directory, and the symlinks there that lead to a directory, sorted. Leaves out
/// hidden names.
fn list_subdirectories(path: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let entries = fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
    let (mut directories, mut links) = (Vec::new(), Vec::new());
    for entry in entries.flatten() {
        let path = entry.path();
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !is_hidden => directories.push(path),
            Ok(kind) if kind.is_symlink() && !is_hidden && may_be_directory(&path) => {
                links.push(path);
            }
            _ => {}
        }
    }
    directories.sort();
    links.sort();
    Ok((directories, links))
}

/// Returns true for a symlink that leads to a directory, or to what cannot be looked at.
fn may_be_directory(link: &Path) -> bool {
    match fs::metadata(link) {
        Ok(found) => found.is_dir(),
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}
