//! A run of `copy`: copies the dumps of every database in the given dump directories to one destination.

use std::fs;
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
    let records = home.read_records().unwrap_or_default();
    claims::refuse_claimed(&mut jobs, records.get(&destination.to_string()));
    for job in jobs.iter_mut().filter(|job| job.error().is_none()) {
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

/// Returns the dump directories among `paths` and their subdirectories. Logs a warning for a path without
/// dumps if another path has some.
///
/// # Errors
/// When a directory cannot be read, or no path has dumps.
fn expand(paths: &[PathBuf]) -> Result<Vec<Arc<Directory>>> {
    let mut all = Vec::new();
    let mut empty = Vec::new();
    for path in paths {
        let before = all.len();
        let directory = Directory::open(path)?;
        if !directory.list_dumps()?.is_empty() {
            all.push(Arc::new(directory));
        }
        let mut below: Vec<_> = list_subdirectories(path)?;
        below.sort();
        for path in below {
            let directory = Directory::open(&path)?;
            if !directory.list_dumps()?.is_empty() {
                all.push(Arc::new(directory));
            }
        }
        if all.len() == before {
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

fn list_subdirectories(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
    let directories = entries.flatten().filter(|entry| {
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        !is_hidden && entry.file_type().is_ok_and(|kind| kind.is_dir())
    });
    Ok(directories.map(|entry| entry.path()).collect())
}
