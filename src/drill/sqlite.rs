//! SQLite: a file.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Result;

use super::Throwaway;
use super::compare::Comparison;
use super::scratch::Scratch;
use crate::engine::sqlite;
use crate::header::Header;
use crate::source::Source;

/// A database file.
pub(super) struct Image {
    path: PathBuf,
}

impl Image {
    pub(super) fn new(scratch: &Scratch) -> Self {
        Image {
            path: scratch.path().join("restored.sqlite"),
        }
    }
}

impl Throwaway for Image {
    fn target(&mut self, _header: &Header, _dump: &File) -> Result<Source> {
        Ok(Source::Sqlite(self.path.clone()))
    }

    fn compare(&self, header: &Header) -> Result<Comparison> {
        let rows = sqlite::rows_of_sound(&self.path)?;
        Ok(Comparison::of(&header.facts, &rows))
    }
}
