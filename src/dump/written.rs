//! A snapshot of one database, written to a temporary file and proven.

use std::io::Write;

use anyhow::{Context, Result, ensure};

use super::before::Before;
use super::one::Run;
use super::owner::Borrowed;
use crate::clock;
use crate::compress::Encoder;
use crate::content::Fingerprint;
use crate::directory::Temporary;
use crate::engine::Dumper;
use crate::engine::dumper::Scratch;
use crate::header::{Facts, Header};
use crate::meter::Meter;
use crate::name::Name;
use crate::progress::Progress;
use crate::readback;
use crate::stop::Stop;

/// A proven dump under its temporary name.
pub(super) struct Written<'a> {
    pub(super) header: Header,
    pub(super) temporary: Borrowed<'a>,
    /// Compressed length in bytes.
    pub(super) length: u64,
}

impl<'a> Run<'a> {
    /// A snapshot in a temporary file, proven.
    pub(super) fn write(
        &self,
        name: &Name,
        dumper: &mut dyn Dumper,
        before: &Before,
        scratch: Option<Scratch<'_>>,
        bar: &mut Progress,
        stop: Stop,
    ) -> Result<Written<'a>> {
        dumper.snapshot(scratch)?;
        let mut header = Header {
            tool: concat!("dump-database ", env!("CARGO_PKG_VERSION")).to_owned(),
            identity: dumper.identity().clone(),
            kind: self.options.keep.kind(),
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
            length: None,
            crc32: String::new(),
            sha256: String::new(),
            content: None,
            room: 0,
        };
        header.reserve(&dumper.tables())?;
        let temporary = self.owner.temporary()?;
        let length = self.prove(dumper, temporary.get()?, &mut header, before, bar, stop)?;
        Ok(Written {
            header,
            temporary,
            length,
        })
    }

    /// Writes the dump and its header, and reads both back. The compressed length in bytes.
    fn prove(
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
        let encoder = Encoder::new(file, method, &self.pool, stop)?;
        let skips = self.options.skip_unchanged;
        let fingerprint = skips.then(|| Fingerprint::new(header.identity.engine, header.format));
        let mut meter = Meter::new(encoder, fingerprint, bar, stop);
        let streamed = dumper.stream(&mut meter);
        if let Some(error) = meter.failure() {
            return Err(error).with_context(unwritable);
        }
        streamed?;
        let (encoder, sha256, fingerprint) = meter.finish();
        let (file, totals) = encoder.finish().with_context(unwritable)?;

        header.content = fingerprint;
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
        header.length = Some(file.length());
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
