//! The main job: each source dumped, proven, published, rotated.

use std::collections::HashMap;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::clock;
use crate::compress::{Encoder, Method};
use crate::directory::{Directory, Locked, Temporary};
use crate::engine::Dumper;
use crate::exit::UsageError;
use crate::gzip::Pool;
use crate::header::{Facts, Header};
use crate::human;
use crate::identity::Identity;
use crate::meter::Meter;
use crate::name::{DumpName, Name};
use crate::progress::{self, Progress};
use crate::readback;
use crate::retention::Policy;
use crate::rotate::{Series, rotate};
use crate::source::Source;
use crate::stop::{self, Stop};

/// How to dump.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory.
    pub to: PathBuf,
    /// Take over a NAME whose newest dump is of another source.
    pub adopt: bool,
    /// What stays; none to remove nothing.
    pub policy: Option<Policy>,
    /// How to compress.
    pub method: Method,
    /// The compressor's threads.
    pub threads: NonZeroUsize,
    /// The time one database may take.
    pub timeout: Duration,
    /// How often the check is thorough.
    pub full_check: Duration,
    /// How long to wait for a locked database.
    pub busy_timeout: Duration,
}

/// Dumps each source in turn; one that fails does not stop the others. The paths of what was
/// published go to stdout. How many failed.
///
/// # Errors
/// When nothing could be begun: two sources of one NAME, no directory, another run in it.
pub fn run(sources: &[Source], name: Option<&str>, options: &Options) -> Result<usize> {
    let named = name_all(sources, name)?;
    let directory = Directory::open_or_create(&options.to)?.lock()?;
    directory.remove_stale(options.timeout)?;
    let run = Run {
        directory: &directory,
        pool: Pool::new(options.threads)?,
        options,
    };
    let mut failed = Vec::new();
    for (name, source) in &named {
        if let Some(signal) = stop::signal() {
            return Err(stop::Stopped::Signal(signal).into());
        }
        progress::status(&format!("dumping {name}"));
        let stop = Stop::after(options.timeout);
        let dumped = source
            .open(options.busy_timeout, stop)
            .and_then(|mut dumper| run.dump(name, dumper.as_mut(), stop))
            .map_err(|error| stop.reason().map_or(error, anyhow::Error::from));
        match dumped {
            Ok(published) => {
                let path = directory.path_of(&published);
                if let Err(error) = writeln!(io::stdout(), "{}", path.display()) {
                    log::warn!("published {}, but cannot print it: {error}", path.display());
                }
            }
            Err(error) => {
                log::error!("{name} was not dumped: {error:#}");
                failed.push(name);
            }
        }
    }
    if let Some(signal) = stop::signal() {
        return Err(stop::Stopped::Signal(signal).into());
    }
    Ok(failed.len())
}

/// As many as there are cores, at most 4.
#[must_use]
pub fn default_threads() -> NonZeroUsize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores.min(4)).unwrap_or(NonZeroUsize::MIN)
}

fn name_all<'a>(sources: &'a [Source], name: Option<&str>) -> Result<Vec<(Name, &'a Source)>> {
    if name.is_some() && sources.len() > 1 {
        return Err(UsageError::new("--name names one source; several were given").into());
    }
    let mut seen: HashMap<Name, &Source> = HashMap::new();
    let mut named = Vec::new();
    for source in sources {
        let database = name.map_or_else(|| source.database(), |name| name.as_bytes().to_vec());
        let name = Name::of_database(&database)
            .ok_or_else(|| UsageError::new("a database needs a name; --name gives it one"))?;
        if let Some(other) = seen.insert(name.clone(), source) {
            return Err(UsageError::new(&format!(
                "{other} and {source} are both called {name}; dump one of them with --name, or into another directory"
            ))
            .into());
        }
        named.push((name, source));
    }
    Ok(named)
}

/// What the dumps of one run share.
pub(crate) struct Run<'a> {
    pub(crate) directory: &'a Locked,
    pub(crate) pool: Arc<Pool>,
    pub(crate) options: &'a Options,
}

impl Run<'_> {
    /// One database, from its snapshot to rotation.
    pub(crate) fn dump(
        &self,
        name: &Name,
        dumper: &mut dyn Dumper,
        stop: Stop,
    ) -> Result<DumpName> {
        let started = Instant::now();
        let directory = self.directory;
        let identity = dumper.identity().clone();
        let before = Series::of(directory, &directory.dumps()?, name, Some(&identity));
        let formerly = self.formerly(name, &before)?;
        let newest = before.dumps.last();
        let expected = newest.map_or(0, |(entry, _)| entry.bytes);
        directory.check_space(expected + dumper.scratch_bytes())?;

        let scratch = match dumper.scratch_bytes() {
            0 => None,
            _ => Some(directory.temporary()?),
        };
        dumper.snapshot(scratch.as_ref().map(Temporary::path).as_deref())?;
        let mut header = Header {
            tool: concat!("dump-database ", env!("CARGO_PKG_VERSION")).to_owned(),
            identity: identity.clone(),
            formerly,
            database: display_name(name),
            time: clock::now(),
            format: dumper.format(),
            engine_version: dumper.engine_version(),
            checked: newest.and_then(|(_, header)| header.checked),
            facts: Facts::default(),
            bytes: 0,
            crc32: String::new(),
            sha256: String::new(),
        };
        let mut bar = Progress::new(name.as_str(), newest.map(|(_, header)| header.bytes));
        let temporary = directory.temporary()?;
        let written = self.write(dumper, &temporary, &mut header, &mut bar, stop)?;
        drop(bar);
        let wanted = DumpName {
            name: name.clone(),
            time: header.time,
            sequence: before.next_sequence(header.time),
            format: header.format,
            compression: self.options.method.compression,
        };
        stop.check()?;
        let published = directory.publish(temporary, &wanted)?;
        drop(scratch);

        if let Some(policy) = &self.options.policy {
            let rotated = directory.dumps().and_then(|entries| {
                let series = Series::of(directory, &entries, name, Some(&identity));
                rotate(directory, &series, policy, Some(&published))
            });
            if let Err(error) = rotated {
                log::error!(
                    "{published} was published, but older dumps were not removed: {error:#}"
                );
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        log::info!(
            "{name}: {} in, {} out, {seconds:.2} s, {:.0} MB/s",
            human::bytes(header.bytes),
            human::bytes(written),
            header.bytes as f64 / 1e6 / seconds.max(1e-6)
        );
        Ok(published)
    }

    /// The identities to take over; an error when NAME is another source's and may not be adopted.
    fn formerly(&self, name: &Name, before: &Series) -> Result<Vec<Identity>> {
        let mut formerly = before.identities.get(1..).unwrap_or_default().to_vec();
        if let Some(other) = &before.taken_by {
            ensure!(
                self.options.adopt,
                "the newest dump called {name} in {} is of {other}; --name gives this one another name, --adopt takes the name over after a move",
                self.directory.path().display()
            );
            formerly.insert(0, other.clone());
            formerly.truncate(4);
        }
        Ok(formerly)
    }

    /// Writes the dump and its header, and reads both back. The compressed length in bytes.
    fn write(
        &self,
        dumper: &mut dyn Dumper,
        temporary: &Temporary<'_>,
        header: &mut Header,
        bar: &mut Progress,
        stop: Stop,
    ) -> Result<u64> {
        let unwritable = || format!("cannot write a dump in {}", self.directory.path().display());
        let method = self.options.method;
        let original = dumper.file_name();
        let empty = header.encode(method.compression, &original)?;
        let (mut file, readback) =
            readback::start(temporary.file(), empty.len(), method.compression)?;
        file.write_all(&empty).with_context(unwritable)?;
        let encoder = Encoder::new(file, method, &self.pool)?;
        let mut meter = Meter::new(encoder, bar, stop);
        let streamed = dumper.stream(&mut meter);
        if let Some(error) = meter.failure() {
            return Err(error).with_context(unwritable);
        }
        streamed?;
        let (encoder, sha256) = meter.finish();
        let (file, totals) = encoder.finish().with_context(unwritable)?;

        let since = header
            .checked
            .map(|last| header.time.duration_since(last).unsigned_abs());
        let thorough = since.is_none_or(|since| since >= self.options.full_check);
        header.facts = dumper.check(thorough)?;
        if thorough {
            header.checked = Some(header.time);
        }
        header.bytes = totals.bytes;
        header.crc32 = format!("{:08x}", totals.crc32);
        header.sha256 = sha256;
        let complete = header.encode(method.compression, &original)?;
        file.rewrite_header(&complete).with_context(unwritable)?;
        let length = file.complete();
        let (found, read) = readback.join().with_context(|| {
            format!(
                "the dump could not be read back from {}",
                self.directory.path().display()
            )
        })?;
        ensure!(
            found == totals && read.encode(method.compression, &original)? == complete,
            "the dump read back differs from what was written; the disk or the memory is faulty"
        );
        Ok(length)
    }
}

fn display_name(name: &Name) -> String {
    match name.database() {
        Some(database) => String::from_utf8_lossy(&database).into_owned(),
        None => name.to_string(),
    }
}
