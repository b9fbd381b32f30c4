//! Dumping the database that a restore is about to replace.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::directory::Directory;
use crate::dump::{Keep, Options, Run};
use crate::engine::Dumper;
use crate::stop::Stop;

/// Dumps the database of `dumper` into `options.to` and returns the dump's path. Its NAME is that
/// of the dumps which the directory already holds of this database, else the database's own.
/// Nothing is rotated out: the dump that is being restored may be the oldest.
///
/// # Errors
/// When the database cannot be dumped whole.
pub(super) fn save(dumper: &mut dyn Dumper, options: &Options, stop: Stop) -> Result<PathBuf> {
    dump(dumper, options, stop)
        .context("the database to be replaced could not be dumped first (--to says where to)")
}

fn dump(dumper: &mut dyn Dumper, options: &Options, stop: Stop) -> Result<PathBuf> {
    let options = Options {
        keep: Keep::Everything,
        ..options.clone()
    };
    let directory = Directory::open_or_create(&options.to)?.lock()?;
    directory.remove_stale(options.timeout)?;
    let run = Run::new(&directory, &options)?;
    let name = run.name_of(dumper)?;
    let dumped = run.dump(&name, dumper, stop)?;
    Ok(directory.path_of(&dumped.name))
}
