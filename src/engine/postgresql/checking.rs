//! Checks that `pg_dump`'s output is whole.

use std::io::Write;

use anyhow::{Result, bail};

use crate::content::archive::ArchiveCheck;
use crate::content::marker::Tail;
use crate::identity::Engine;
use crate::name::Format;

/// Passes a dump on and remembers the parts that show whether it is whole.
pub(super) struct CheckingWriter<'a> {
    out: &'a mut dyn Write,
    tail: Tail,
    archive: Option<ArchiveCheck>,
}

impl<'a> CheckingWriter<'a> {
    pub(super) fn new(out: &'a mut dyn Write, format: Format) -> Self {
        CheckingWriter {
            out,
            tail: Tail::default(),
            archive: (format == Format::Pgdump).then(ArchiveCheck::default),
        }
    }

    /// Checks that the dump is whole.
    ///
    /// # Errors
    /// When the dump that passed is not whole.
    pub(super) fn finish(mut self) -> Result<()> {
        match &mut self.archive {
            Some(archive) => archive.check().map_err(anyhow::Error::msg),
            None if self.tail.is_end(Engine::Postgresql) => Ok(()),
            None => bail!(
                "pg_dump exited with 0 and did not print its last line; the dump is not whole"
            ),
        }
    }
}

impl Write for CheckingWriter<'_> {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(data)?;
        match &mut self.archive {
            Some(archive) => archive.add(&data[..written]),
            None => self.tail.add(&data[..written]),
        }
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
