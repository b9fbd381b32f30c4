//! Restores one dump.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::choose::{RequestedDump, choose};
use super::save::Saver;
use crate::dump::OutputOptions;
use crate::engine::{Access, DamagedInside, ExistingDatabase, LoadOptions, LoadResult, Source};
use crate::header::Header;
use crate::progress;
use crate::stop::Stop;

/// What a restore does if the target database exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplaceMode {
    /// The restore is refused.
    No,
    /// The restore loads the dump into the database if it is empty.
    Empty,
    /// The restore dumps the database, then replaces it.
    Saved,
    /// The restore saves what it can of the database, then replaces it.
    SavedPartly,
    /// The restore replaces the database, whose content is lost.
    Unsaved,
}

/// The options of a restore.
#[derive(Debug, Clone)]
pub struct RestoreOptions {
    /// What to do if the target database exists.
    pub replace: ReplaceMode,
    /// True to load what can be loaded, and list what cannot.
    pub keep_going: bool,
    /// True to leave out owners, definers and privileges.
    pub no_owner: bool,
    /// How to dump the replaced database. The password and the limits also apply to the restore.
    pub output: OutputOptions,
}

/// Returns the first dump that is not among the refused ones, verified whole, its path, and its header.
pub type DumpChooser<'a> = dyn FnMut(&[PathBuf], Stop) -> Result<(File, PathBuf, Header)> + 'a;

/// Restores the dump of one database before the deadline of `access`. Logs what was restored, or why it is
/// left out. Returns what was loaded.
pub(super) fn restore(
    from: &RequestedDump,
    target: &dyn Source,
    options: &RestoreOptions,
    access: &Access,
) -> Result<LoadResult> {
    let is_named = !from.path.is_dir();
    let mut choose = |refused: &[PathBuf], stop: Stop| choose(from, refused, stop);
    restore_chosen(&mut choose, is_named, target, options, access)
}

/// Restores the dump that `choose` returns. Logs what was restored.
pub(super) fn restore_chosen(
    choose: &mut DumpChooser<'_>,
    is_named: bool,
    target: &dyn Source,
    options: &RestoreOptions,
    access: &Access,
) -> Result<LoadResult> {
    let stop = access.deadline;
    let mut refused = Vec::new();
    let accepts_a_part = options.replace == ReplaceMode::SavedPartly;
    let mut saver = Saver::new(&options.output, accepts_a_part, stop);
    let _shown = progress::show_restore(&target.to_string());
    let (path, header, loaded) = loop {
        progress::begin_phase("verifying");
        let (dump, path, header) = choose(&refused, stop)?;
        progress::begin_phase("loading");
        let load_options = LoadOptions {
            existing: match options.replace {
                ReplaceMode::No => ExistingDatabase::Refuse,
                ReplaceMode::Empty => ExistingDatabase::Fill,
                ReplaceMode::Saved | ReplaceMode::SavedPartly => ExistingDatabase::Save(&mut saver),
                ReplaceMode::Unsaved => ExistingDatabase::Lose,
            },
            keep_going: options.keep_going,
            no_owner: options.no_owner,
        };
        match load(&dump, &header, target, load_options, access) {
            Ok(loaded) => break (path, header, loaded),
            // If the user named a directory, an older dump can be restored instead.
            Err(error) if error.is::<DamagedInside>() && !is_named => {
                log::warn!("{} was skipped: {error:#}", path.display());
                refused.push(path);
            }
            Err(error) => return Err(error.context(describe_failure(target, saver.saved_path()))),
        }
    };
    if let Some(why) = loaded.left_out {
        log::warn!("{} was not restored: {why}", path.display());
        return Ok(loaded);
    }
    let but = match loaded.failed.len() {
        0 => String::new(),
        number => format!(", without {}", crate::human::format_count(number, "object")),
    };
    log::info!(
        "restored {} ({}) into {target}{but}",
        path.display(),
        header.time
    );
    if !header.left_out.is_nothing() {
        log::warn!(
            "the dump was made {}; what {target} lacks now is only in other dumps",
            header.left_out
        );
    }
    if let Some(old) = &loaded.saved {
        log::info!("the old database is in {}", old.display());
    }
    Ok(loaded)
}

fn describe_failure(target: &dyn Source, saved: Option<&Path>) -> String {
    match saved {
        None => format!("{target} was not restored"),
        Some(saved) => format!(
            "{target} was not restored; what it held before is dumped in {}",
            saved.display()
        ),
    }
}

/// Loads a verified dump into a target of the same engine. Returns what was loaded.
///
/// # Errors
/// When the dump cannot be loaded; the old database is then unchanged.
pub fn load(
    dump: &File,
    header: &Header,
    target: &dyn Source,
    options: LoadOptions<'_>,
    access: &Access,
) -> Result<LoadResult> {
    ensure!(
        header.identity.engine == target.engine(),
        "the dump is of {}, which cannot be restored into {}",
        header.identity,
        target.kind()
    );
    target.load(dump, header, options, access)
}
