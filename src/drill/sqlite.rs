//! SQLite: a file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;

use super::Throwaway;
use super::compare::Comparison;
use crate::engine::Source;
use crate::engine::sqlite::{self, SqliteSource};
use crate::header::Header;
use crate::stop::Stop;

/// A database file.
pub(super) struct Image {
    path: PathBuf,
    stop: Stop,
}

impl Image {
    pub(super) fn new(work: &Path, stop: Stop) -> Self {
        Image {
            path: work.join("restored.sqlite"),
            stop,
        }
    }
}

impl Throwaway for Image {
    fn target(&mut self, _header: &Header, _dump: &File) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(SqliteSource::new(&self.path)))
    }

    fn compare(&self, header: &Header) -> Result<Comparison> {
        let rows = sqlite::rows_of_sound(&self.path, self.stop)?;
        Ok(Comparison::of(&header.facts, &rows))
    }
}
