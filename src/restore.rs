//! The command `restore`: chooses a dump and loads it into a target.

mod choose;
mod database;
mod save;
mod whole;

use anyhow::Result;

use crate::engine::{Access, LoadResult, Source};
pub use choose::RequestedDump;
use database::restore;
pub use database::{DumpChooser, ReplaceMode, RestoreOptions, load};

/// Restores a dump into `target`. If `target` is a whole server and `from` a directory, restores
/// the dumps of every database. A dump is verified whole before the target is touched, and is
/// loaded through the same descriptor. Returns the number of databases or objects that could not be
/// restored.
///
/// # Errors
/// When the dump cannot be restored; the old database is then unchanged.
pub fn run(from: &RequestedDump, target: &dyn Source, options: &RestoreOptions) -> Result<usize> {
    if target.is_whole() && from.name.is_none() && from.path.is_dir() {
        return whole::run(&from.path, target, options);
    }
    let access = options.output.begin_access();
    let loaded = restore(from, target, options, &access)?;
    grant(&loaded, target, &access)
}

/// Restores the dump that `choose` returns into `target`, as [`run`] does. A dump that the user did not
/// name (`is_named`) and that is damaged inside is passed over: `choose` is called again. Returns how
/// many objects could not be restored.
///
/// # Errors
/// As [`run`].
#[cfg(feature = "copies")]
pub fn run_chosen(
    choose: &mut DumpChooser<'_>,
    is_named: bool,
    target: &dyn Source,
    options: &RestoreOptions,
) -> Result<usize> {
    let access = options.output.begin_access();
    let loaded = database::restore_chosen(choose, is_named, target, options, &access)?;
    grant(&loaded, target, &access)
}

/// Grants the privileges that a dump of a server has, and logs what could not be restored. Returns how
/// many objects and grants that is.
fn grant(loaded: &LoadResult, target: &dyn Source, access: &Access) -> Result<usize> {
    let denied = target.grant(&loaded.grants, access)?;
    let failed = loaded.failed.len() + denied.len();
    for failure in loaded.failed.iter().chain(&denied) {
        log::error!("not restored: {failure}");
    }
    if !denied.is_empty() {
        log::error!(
            "these grants are on objects that do not exist; restore the databases, then run them (restore DIR {target} restores all in that order)"
        );
    }
    Ok(failed)
}
