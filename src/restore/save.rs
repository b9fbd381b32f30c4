//! Dumps the database that a restore is about to replace.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::directory::{Directory, LockedDirectory};
use crate::dump::{OutputOptions, RetentionChoice, Run, SeriesOptions};
use crate::engine::{Dumper, Save};
use crate::progress;
use crate::stop::Stop;

/// Every older dump stays: the dump that is being restored may be the oldest. A NAME of another database is
/// not taken over, and an unchanged database is dumped as well.
const SERIES: SeriesOptions = SeriesOptions {
    adopt: false,
    keep: RetentionChoice::Everything,
    skip_unchanged: false,
};

/// Dumps databases into `output.to`. The NAME of a dump is the NAME of the dumps of its database
/// that the directory already holds, else the database's own name.
pub(super) struct Saver {
    output: OutputOptions,
    stop: Stop,
    accepts_a_part: bool,
    directory: Option<LockedDirectory>,
    saved: Option<PathBuf>,
}

impl Saver {
    pub(super) fn new(output: &OutputOptions, accepts_a_part: bool, stop: Stop) -> Self {
        Saver {
            output: output.clone(),
            stop,
            accepts_a_part,
            directory: None,
            saved: None,
        }
    }

    /// Returns the path of the dump, if one was made.
    pub(super) fn saved_path(&self) -> Option<&Path> {
        self.saved.as_deref()
    }

    fn lock(&mut self) -> Result<()> {
        if self.directory.is_none() {
            let directory = Directory::open_or_create(&self.output.to)?.lock()?;
            directory.remove_stale(self.output.timeout)?;
            self.directory = Some(directory);
        }
        Ok(())
    }

    fn dump(&mut self, dumper: &mut dyn Dumper) -> Result<PathBuf> {
        self.lock()?;
        let directory = self.directory.as_ref().context("it is not locked")?;
        let run = Run::new(directory, &self.output, &SERIES)?;
        let name = run.find_name(dumper)?;
        let dumped = run.dump(&name, dumper, self.stop)?;
        let path = directory.path_of(&dumped.name);
        self.saved = Some(path.clone());
        Ok(path)
    }
}

impl Save for Saver {
    fn prepare(&mut self) -> Result<()> {
        self.lock()
            .context("the database to be replaced could not be dumped first (--to says where to)")
    }

    fn save(&mut self, dumper: &mut dyn Dumper) -> Result<PathBuf> {
        progress::begin_phase("dumping the old database");
        let saved = self.dump(dumper);
        progress::begin_phase("replacing the old database");
        saved
    }

    fn accepts_a_part(&self) -> bool {
        self.accepts_a_part
    }
}
