//! One database: dumped, proven, published, rotated.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::Options;
use super::owner::{Borrowed, Owner};
use crate::clock;
use crate::compress::Encoder;
use crate::directory::{Locked, Temporary};
use crate::engine::{Dumper, SnapshotLost};
use crate::gzip::Pool;
use crate::header::{Facts, Header};
use crate::human;
use crate::identity::Identity;
use crate::meter::Meter;
use crate::name::{DumpName, Name};
use crate::progress::Progress;
use crate::readback;
use crate::rotate::{Series, rotate};
use crate::stop::Stop;

/// How often a dump is begun whose snapshot is lost.
const ATTEMPTS: u32 = 4;

/// What the dumps of one run share.
#[derive(Clone)]
pub(crate) struct Run<'a> {
    owner: Owner<'a>,
    pool: Arc<Pool>,
    options: &'a Options,
}

/// A dump that bears its final name.
#[derive(Debug)]
pub(crate) struct Published {
    /// Its name.
    pub(crate) name: DumpName,
    /// What it took, in words.
    pub(super) summary: String,
}

/// What the directory holds of a database before it is dumped.
struct Before {
    newest: Option<Header>,
    formerly: Vec<Identity>,
}

impl<'a> Run<'a> {
    /// # Errors
    /// When the system refuses a thread.
    pub(crate) fn new(directory: &'a Locked, options: &'a Options) -> Result<Self> {
        Ok(Run {
            owner: Owner::Here(directory),
            pool: Pool::new(options.threads)?,
            options,
        })
    }

    /// For a thread that is not the directory's owner.
    pub(super) fn through(&self, owner: &Owner<'a>) -> Self {
        Run {
            owner: owner.clone(),
            ..self.clone()
        }
    }

    pub(super) fn options(&self) -> &'a Options {
        self.options
    }

    /// One database, from its snapshot to rotation.
    pub(crate) fn dump(
        &self,
        name: &Name,
        dumper: &mut dyn Dumper,
        stop: Stop,
    ) -> Result<Published> {
        let started = Instant::now();
        let before = self.look(name, dumper)?;
        let scratch = match dumper.scratch_bytes() {
            0 => None,
            _ => Some(self.owner.temporary()?),
        };
        let path = match &scratch {
            Some(scratch) => Some(scratch.get()?.path()),
            None => None,
        };
        let mut bar = Progress::new(
            name.as_str(),
            before.newest.as_ref().map(|header| header.bytes),
        );
        let mut attempt = 1;
        let (header, temporary, written) = loop {
            let made = self.attempt(name, dumper, &before, path.as_deref(), &mut bar, stop);
            match made {
                Err(error) if error.is::<SnapshotLost>() && attempt < ATTEMPTS => {
                    log::warn!("{name}: {error}; trying again");
                    attempt += 1;
                }
                made => break made?,
            }
        };
        drop(bar);
        stop.check()?;
        let (bytes, published) = (header.bytes, self.publish(name, header, temporary)?);
        drop(scratch);
        let seconds = started.elapsed().as_secs_f64();
        let summary = format!(
            "{} in, {} out, {seconds:.2} s, {:.0} MB/s",
            human::bytes(bytes),
            human::bytes(written),
            bytes as f64 / 1e6 / seconds.max(1e-6)
        );
        Ok(Published {
            name: published,
            summary,
        })
    }

    /// A snapshot in a temporary file, proven; its compressed length in bytes.
    fn attempt(
        &self,
        name: &Name,
        dumper: &mut dyn Dumper,
        before: &Before,
        scratch: Option<&Path>,
        bar: &mut Progress,
        stop: Stop,
    ) -> Result<(Header, Borrowed<'a>, u64)> {
        dumper.snapshot(scratch)?;
        let mut header = Header {
            tool: concat!("dump-database ", env!("CARGO_PKG_VERSION")).to_owned(),
            identity: dumper.identity().clone(),
            formerly: before.formerly.clone(),
            database: display_name(name),
            time: clock::now(),
            format: dumper.format(),
            engine_version: dumper.engine_version(),
            checked: before.newest.as_ref().and_then(|header| header.checked),
            facts: Facts {
                settings: dumper.settings(),
                ..Facts::default()
            },
            bytes: 0,
            crc32: String::new(),
            sha256: String::new(),
            room: 0,
        };
        header.reserve()?;
        let temporary = self.owner.temporary()?;
        let written = self.write(dumper, temporary.get()?, &mut header, bar, stop)?;
        Ok((header, temporary, written))
    }

    /// Whose the dumps of this NAME are, and whether there is room for another.
    fn look(&self, name: &Name, dumper: &dyn Dumper) -> Result<Before> {
        let (name, identity) = (name.clone(), dumper.identity().clone());
        let (adopt, scratch) = (self.options.adopt, dumper.scratch_bytes());
        self.owner.ask(move |directory| {
            let series = Series::of(directory, &directory.dumps()?, &name, Some(&identity));
            let formerly = formerly(directory, &name, &series, adopt)?;
            let newest = series.dumps.into_iter().next_back();
            let expected = newest.as_ref().map_or(0, |(entry, _)| entry.bytes);
            directory.check_space(expected + scratch)?;
            let newest = newest.map(|(_, header)| header);
            Ok(Before { newest, formerly })
        })?
    }

    /// Gives the dump its name, then removes what retention does not keep.
    fn publish(&self, name: &Name, header: Header, temporary: Borrowed<'a>) -> Result<DumpName> {
        let temporary = temporary.give_back()?;
        let (name, policy) = (name.clone(), self.options.policy.clone());
        let compression = self.options.method.compression;
        self.owner.ask(move |directory| {
            let identity = Some(&header.identity);
            let before = Series::of(directory, &directory.dumps()?, &name, identity);
            let wanted = DumpName {
                sequence: before.next_sequence(header.time),
                time: header.time,
                format: header.format,
                compression,
                name: name.clone(),
            };
            let published = directory.publish(temporary, &wanted)?;
            let Some(policy) = &policy else {
                return Ok(published);
            };
            let rotated = directory.dumps().and_then(|entries| {
                let series = Series::of(directory, &entries, &name, identity);
                rotate(directory, &series, policy, Some(&published))
            });
            if let Err(error) = rotated {
                log::error!(
                    "{published} was published, but older dumps were not removed: {error:#}"
                );
            }
            Ok(published)
        })?
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
        let shown = self.options.to.display();
        let unwritable = || format!("cannot write a dump in {shown}");
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
        let (found, read) = readback
            .join()
            .with_context(|| format!("the dump could not be read back from {shown}"))?;
        ensure!(
            found == totals
                && read.encode(method.compression, &original)?
                    == header.encode(method.compression, &original)?,
            "the dump read back differs from what was written; the disk or the memory is faulty"
        );
        Ok(length)
    }
}

/// The identities to take over; an error when NAME is another source's and may not be adopted.
fn formerly(
    directory: &Locked,
    name: &Name,
    before: &Series,
    adopt: bool,
) -> Result<Vec<Identity>> {
    let mut formerly = before.identities.get(1..).unwrap_or_default().to_vec();
    if let Some(other) = &before.taken_by {
        ensure!(
            adopt,
            "the newest dump called {name} in {} is of {other}; --name gives this one another name, --adopt takes the name over after a move",
            directory.path().display()
        );
        formerly.insert(0, other.clone());
        formerly.truncate(4);
    }
    Ok(formerly)
}

fn display_name(name: &Name) -> String {
    match name.database() {
        Some(database) => String::from_utf8_lossy(&database).into_owned(),
        None => name.to_string(),
    }
}
