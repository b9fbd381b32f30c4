//! The command `restore`: chooses a dump and loads it into a target.

mod choose;
mod database;
mod save;
mod whole;

use anyhow::Result;

use crate::engine::Source;
pub use choose::RequestedDump;
use database::restore;
pub use database::{Options, Replace, load};

/// Restores a dump into `target`. If `target` is a whole server and `from` a directory, restores
/// the dumps of every database. A dump is verified whole before the target is touched, and is
/// loaded through the same descriptor. Returns the number of databases or objects that could not be
/// restored.
///
/// # Errors
/// When the dump cannot be restored; the old database is then unchanged.
pub fn run(from: &RequestedDump, target: &dyn Source, options: &Options) -> Result<usize> {
    if target.is_whole() && from.name.is_none() && from.path.is_dir() {
        return whole::run(&from.path, target, options);
    }
    let loaded = restore(from, target, options)?;
    let access = options.dump.access();
    let denied = target.grant(&loaded.grants, &access)?;
    let failed = loaded.failed.len() + denied.len();
    for failure in loaded.failed.iter().chain(&denied) {
        log::error!("not restored: {failure}");
    }
    if !denied.is_empty() {
        log::error!(
            "these grants are on what is not there; restore the databases, then run them (restore DIR {target} restores all in that order)"
        );
    }
    Ok(failed)
}
