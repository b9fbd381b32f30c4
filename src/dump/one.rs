//! One database: dumped, proven, published, rotated.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;

use super::Options;
use super::before::Before;
use super::owner::{Borrowed, Owner};
use crate::clock;
use crate::compress::Encoder;
use crate::content::Content;
use crate::directory::{Locked, Temporary};
use crate::engine::{Dumper, SnapshotLost};
use crate::gzip::Pool;
use crate::header::{Facts, Header};
use crate::human;
use crate::meter::Meter;
use crate::name::{DumpName, Name};
use crate::progress::Progress;
use crate::readback;
use crate::rotate::{self, Series, rotate};
use crate::stop::{Stop, Unless};
use crate::verify::read_whole;

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
    /// It was there before: the database is still what it holds.
    pub(super) unchanged: bool,
    /// The database's last thorough check.
    pub(super) checked: Option<Timestamp>,
    /// What it took, in words.
    pub(super) summary: String,
}

/// A proven dump under its temporary name.
struct Written<'a> {
    header: Header,
    temporary: Borrowed<'a>,
    /// Compressed length in bytes.
    length: u64,
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

    /// The NAME of a database's dumps: what they are called already, or by its own.
    pub(crate) fn called(&self, dumper: &dyn Dumper, database: &[u8]) -> Result<Name> {
        let identity = dumper.identity().clone();
        let called = self
            .owner
            .ask(move |directory| rotate::called(directory, &identity))??;
        called
            .or_else(|| Name::of_database(database))
            .context("it has no name")
    }

    /// One database, from its snapshot to rotation.
    pub(crate) fn dump(
        &self,
        name: &Name,
        dumper: &mut dyn Dumper,
        stop: Stop,
    ) -> Result<Published> {
        let started = Instant::now();
        let before = Before::look(&self.owner, name, dumper, self.options)?;
        let scratch = match dumper.scratch_bytes() {
            0 => None,
            _ => Some(self.owner.temporary()?),
        };
        let path = match &scratch {
            Some(scratch) => Some(scratch.get()?.path()),
            None => None,
        };
        let mut bar = Progress::new(name.as_str(), before.header().map(|header| header.bytes));
        let mut attempt = 1;
        let written = loop {
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
        let (bytes, length, checked) =
            (written.header.bytes, written.length, written.header.checked);
        let unchanged = match before.same(&written.header) {
            Some(newest) if self.still_reads(newest, stop)? => Some(newest.clone()),
            _ => None,
        };
        let (name, unchanged) = match unchanged {
            Some(newest) => (newest, true),
            None => (self.publish(name, written)?, false),
        };
        drop(scratch);
        let seconds = started.elapsed().as_secs_f64();
        let summary = if unchanged {
            let bytes = human::bytes(bytes);
            format!("unchanged since {name}, {bytes} in, {seconds:.2} s")
        } else {
            format!(
                "{} in, {} out, {seconds:.2} s, {:.0} MB/s",
                human::bytes(bytes),
                human::bytes(length),
                bytes as f64 / 1e6 / seconds.max(1e-6)
            )
        };
        Ok(Published {
            name,
            unchanged,
            checked,
            summary,
        })
    }

    /// Is this dump still whole? One that nothing replaces must be.
    fn still_reads(&self, dump: &DumpName, stop: Stop) -> Result<bool> {
        let wanted = dump.clone();
        let file = self.owner.ask(move |directory| directory.read(&wanted))?;
        let read = file.and_then(|file| read_whole(&file, &mut Unless(stop)));
        stop.check()?;
        if let Err(error) = &read {
            log::warn!("{dump} is what the database still is, but {error}; it is dumped again");
        }
        Ok(read.is_ok())
    }

    /// A snapshot in a temporary file, proven.
    fn attempt(
        &self,
        name: &Name,
        dumper: &mut dyn Dumper,
        before: &Before,
        scratch: Option<&Path>,
        bar: &mut Progress,
        stop: Stop,
    ) -> Result<Written<'a>> {
        dumper.snapshot(scratch)?;
        let mut header = Header {
            tool: concat!("dump-database ", env!("CARGO_PKG_VERSION")).to_owned(),
            identity: dumper.identity().clone(),
            formerly: before.formerly.clone(),
            database: display_name(name),
            time: clock::now(),
            format: dumper.format(),
            engine_version: dumper.engine_version(),
            checked: before.checked,
            facts: Facts {
                settings: dumper.settings(),
                ..Facts::default()
            },
            bytes: 0,
            crc32: String::new(),
            sha256: String::new(),
            content: None,
            room: 0,
        };
        header.reserve(&dumper.tables())?;
        let temporary = self.owner.temporary()?;
        let length = self.write(dumper, temporary.get()?, &mut header, before, bar, stop)?;
        Ok(Written {
            header,
            temporary,
            length,
        })
    }

    /// Gives the dump its name, then removes what retention does not keep.
    fn publish(&self, name: &Name, written: Written<'a>) -> Result<DumpName> {
        let Written {
            header, temporary, ..
        } = written;
        let temporary = temporary.give_back()?;
        let (name, keep) = (name.clone(), self.options.keep.clone());
        let compression = self.options.method.compression;
        self.owner.ask(move |directory| {
            let identity = Some(&header.identity);
            let before = Series::of(directory, &directory.dumps_of(&name)?, &name, identity);
            let wanted = DumpName {
                sequence: before.next_sequence(header.time),
                time: header.time,
                format: header.format,
                compression,
                name: name.clone(),
            };
            if let Some((newest, _)) = before.dumps.last() {
                temporary.belong_with(newest);
            }
            let published = directory.publish(temporary, &wanted)?;
            let Some(policy) = keep.policy(directory.state().policy(&name)) else {
                return Ok(published);
            };
            let rotated = directory.dumps_of(&name).and_then(|entries| {
                let series = Series::of(directory, &entries, &name, identity);
                rotate(directory, &series, &policy, Some(&published))
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
        before: &Before,
        bar: &mut Progress,
        stop: Stop,
    ) -> Result<u64> {
        let shown = self.options.to.display();
        let unwritable = || format!("cannot write a dump in {shown}");
        let method = self.options.method;
        let original = dumper.file_name();
        let empty = header.encode(method.compression, &original)?;
        let (file, readback) = readback::start(temporary.file(), empty.len(), method.compression)
            .with_context(unwritable)?;
        let mut file = file; // declared after, so dropped before
        file.write_all(&empty).with_context(unwritable)?;
        let encoder = Encoder::new(file, method, &self.pool)?;
        let content = self.options.skip_unchanged;
        let content = content.then(|| Content::new(header.identity.engine, header.format));
        let mut meter = Meter::new(encoder, content, bar, stop);
        let streamed = dumper.stream(&mut meter);
        if let Some(error) = meter.failure() {
            return Err(error).with_context(unwritable);
        }
        streamed?;
        let (encoder, sha256, content) = meter.finish();
        let (file, totals) = encoder.finish().with_context(unwritable)?;

        header.content = content;
        let thorough = before.check_is_due(header, self.options.full_check);
        header.facts = dumper.check(thorough)?;
        header.checked = if thorough {
            Some(header.time)
        } else {
            before.checked_until(header)
        };
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

fn display_name(name: &Name) -> String {
    match name.database() {
        Some(database) => String::from_utf8_lossy(&database).into_owned(),
        None => name.to_string(),
    }
}
