//! A throwaway SQLite file.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rustix::fs::CWD;

use super::source::SqliteSource;
use super::{check, facts, lock_free, watch};
use crate::engine::source::Source;
use crate::engine::throwaway::{RestoredContent, Throwaway};
use crate::follow::open_regular;
use crate::header::Header;
use crate::stop::Stop;

/// A database file that only this process knows.
pub(in crate::engine) struct ThrowawayFile {
    path: PathBuf,
    stop: Stop,
}

impl ThrowawayFile {
    /// Returns the throwaway file in the directory `work`.
    pub(in crate::engine) fn new(work: &Path, stop: Stop) -> Self {
        ThrowawayFile {
            path: work.join("restored.sqlite"),
            stop,
        }
    }
}

impl Throwaway for ThrowawayFile {
    fn prepare(&mut self, _header: &Header, _dump: &File) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(SqliteSource::new(&self.path)))
    }

    fn read_contents(&self, _header: &Header) -> Result<Option<RestoredContent>> {
        Ok(Some(RestoredContent {
            rows: count_sound(&self.path, self.stop)?,
            ..RestoredContent::default()
        }))
    }
}

/// Checks a database thoroughly. Returns the number of rows of each table, or `None` for a table
/// that only its own program can read. No other process may know the file.
///
/// # Errors
/// When the database is damaged or cannot be read.
fn count_sound(path: &Path, stop: Stop) -> Result<BTreeMap<String, Option<u64>>> {
    let file = open_regular(CWD, path)?;
    let db = lock_free::open(path, &file, stop)?;
    let path = path.to_owned();
    let (_, rows) = watch::run(db, stop, move |db| {
        check::check_integrity(db, &path, true)?;
        let tables = facts::list_tables(db)?.into_iter();
        let rows = tables.map(|table| {
            let rows = facts::count(db, &table);
            (table, rows)
        });
        Ok(rows.collect())
    })?;
    rows
}
