//! Counts the rows of a dump while it is written.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Result, ensure};

use super::script::StatementReader;
use super::script::rows::Counter;
use crate::content::marker::Tail;
use crate::identity::Engine;

/// A writer that passes a dump on to another writer and counts its rows.
pub(super) struct CountingWriter<'a> {
    out: &'a mut dyn Write,
    tail: Tail,
    /// `None` after the dump could not be parsed.
    script: Option<StatementReader<Counter>>,
}

impl<'a> CountingWriter<'a> {
    /// Returns a writer that passes a dump on to `out`.
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        CountingWriter {
            out,
            tail: Tail::default(),
            script: Some(StatementReader::new(Counter::default())),
        }
    }

    /// Checks that what the client `program` wrote ended with its last line. Another run of the
    /// client may follow.
    ///
    /// # Errors
    /// When the last line is missing.
    pub(super) fn end_part(&mut self, program: &str) -> Result<()> {
        ensure!(
            std::mem::take(&mut self.tail).is_end(Engine::Mysql),
            "{program} exited with 0 and did not print its last line; the dump is not whole"
        );
        Ok(())
    }

    /// Returns the number of rows of each table, or an empty map if the dump was not parsed to its
    /// end: no count is better than a wrong one.
    pub(super) fn count(&mut self) -> BTreeMap<String, u64> {
        let Some(mut script) = self.script.take() else {
            return BTreeMap::new();
        };
        match script.end() {
            Ok(true) => script.parts.finish(),
            Ok(false) => warn_not_counted("it seems to end within a statement"),
            Err(error) => warn_not_counted(&error.to_string()),
        }
    }
}

fn warn_not_counted(why: &str) -> BTreeMap<String, u64> {
    log::warn!("the rows in the dump were not counted, so a drill compares none: {why}");
    BTreeMap::new()
}

impl Write for CountingWriter<'_> {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(data)?;
        self.tail.add(&data[..written]);
        if let Some(script) = &mut self.script
            && let Err(error) = script.write_all(&data[..written])
        {
            warn_not_counted(&error.to_string());
            self.script = None;
        }
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
