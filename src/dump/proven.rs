//! A dump of one database under its temporary name: written, read back and compared.

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use super::options::{OutputOptions, SeriesOptions};
use super::previous::PreviousDumps;
use crate::clock;
use crate::compress::Encoder;
use crate::content::Fingerprint;
use crate::directory::{LockedDirectory, Temporary};
use crate::engine::dumper::{Dumper, ScratchFile};
use crate::gzip::Pool;
use crate::header::{Facts, Header};
use crate::meter::Meter;
use crate::name::Name;
use crate::progress::Progress;
use crate::readback;
use crate::stop::Stop;

/// A dump under its temporary name. It was read back and equals what the source gave.
pub(super) struct ProvenDump<'a> {
    pub(super) header: Header,
    pub(super) temporary: Temporary<'a>,
    /// The compressed length in bytes.
    pub(super) length: u64,
}

/// Writes dumps of one database.
pub(super) struct DumpWriter<'a> {
    pub(super) directory: &'a LockedDirectory,
    pub(super) pool: &'a Arc<Pool>,
    pub(super) output: &'a OutputOptions,
    pub(super) series: &'a SeriesOptions,
    pub(super) name: &'a Name,
    pub(super) previous: &'a PreviousDumps,
    pub(super) stop: Stop,
}

impl<'a> DumpWriter<'a> {
    /// Takes a snapshot, writes it to a temporary file and reads that back. Returns the dump.
    pub(super) fn write(
        &self,
        dumper: &mut dyn Dumper,
        scratch: Option<ScratchFile<'_>>,
        bar: &mut Progress,
    ) -> Result<ProvenDump<'a>> {
        dumper.take_snapshot(scratch)?;
        let mut header = Header {
            tool: concat!("dump-database ", env!("CARGO_PKG_VERSION")).to_owned(),
            identity: dumper.identity().clone(),
            kind: self.series.keep.kind(),
            left_out: dumper.left_out(),
            formerly: self.previous.formerly.clone(),
            database: display_name(self.name),
            time: clock::now(),
            format: dumper.format(),
            engine_version: dumper.engine_version(),
            checked: self.previous.checked,
            facts: Facts {
                settings: dumper.settings(),
                ..Facts::default()
            },
            bytes: 0,
            length: None,
            end: None,
            crc32: String::new(),
            sha256: String::new(),
            fingerprint: None,
            room: 0,
        };
        header.reserve(&dumper.tables())?;
        let temporary = self.directory.create_temporary()?;
        let length = self.prove(dumper, &temporary, &mut header, bar)?;
        Ok(ProvenDump {
            header,
            temporary,
            length,
        })
    }

    /// Writes the dump and its header, and reads both back. Returns the compressed length in bytes.
    fn prove(
        &self,
        dumper: &mut dyn Dumper,
        temporary: &Temporary<'_>,
        header: &mut Header,
        bar: &mut Progress,
    ) -> Result<u64> {
        let stop = self.stop;
        let shown = self.output.to.display();
        let unwritable = || format!("cannot write a dump in {shown}");
        let method = self.output.method;
        let original = dumper.file_name();
        let empty = header.encode(method.compression, &original)?;
        let (file, readback) = readback::start(temporary.file(), empty.len(), method.compression)
            .with_context(unwritable)?;
        let mut file = file; // declared after `readback`, so dropped before it
        file.write_all(&empty).with_context(unwritable)?;
        let encoder = Encoder::new(file, method, self.pool, stop)?;
        let skips = self.series.skip_unchanged;
        let fingerprint = skips.then(|| Fingerprint::new(header.identity.engine, header.format));
        let mut meter = Meter::new(encoder, fingerprint, bar, stop);
        let streamed = dumper.stream(&mut meter);
        if let Some(error) = meter.take_failure() {
            return Err(error).with_context(unwritable);
        }
        streamed?;
        let (encoder, sha256, fingerprint) = meter.finish();
        let (file, totals) = encoder.finish().with_context(unwritable)?;

        header.fingerprint = fingerprint;
        let thorough = self.previous.check_is_due(header, self.output.full_check);
        header.facts = dumper.check(thorough)?;
        header.checked = if thorough {
            Some(header.time)
        } else {
            self.previous.checked_until(header)
        };
        header.bytes = totals.bytes;
        header.crc32 = format!("{:08x}", totals.crc32);
        header.sha256 = sha256;
        header.length = Some(file.length());
        header
            .record_end(temporary.file(), file.length(), method.compression)
            .with_context(|| format!("cannot read a dump in {shown}"))?;
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
