//! Feeding SQL to `psql`.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::script::{Restricting, Script};
use super::target::Into;
use crate::child::Child;
use crate::engine::feed::finish;

/// Feeds what `feed` writes, SQL of the file `dump`, to `psql`, which then runs nothing but SQL.
///
/// # Errors
/// In the server's words, when a statement fails.
pub(super) fn load(
    into: &Into<'_>,
    mut psql: Command,
    dump: &File,
    feed: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let restricting = Restricting::of_psql(into)?;
    ensure!(
        restricting != Restricting::Unknown || is_ours(dump)?,
        "the dump is another user's, and this machine's psql cannot be kept from running commands in it; install a psql that knows \\restrict (17.6, 16.10, 15.14, 14.19, 13.22 or newer)"
    );
    psql.args(["--file=-", "--output=/dev/null"]);
    psql.env_remove("PGCLIENTENCODING");
    let child = Child::write_to(&mut psql, "psql", into.stop)?;
    let mut script = Script::new(child, &into.target.parameters, restricting)?;
    let fed = feed(&mut script).and_then(|()| script.flush());
    finish(script.into_inner(), fed, into.stop).context("the dump cannot be loaded")
}

/// Whether nobody but this user and root can have written a file.
fn is_ours(file: &File) -> io::Result<bool> {
    let meta = file.metadata()?;
    let owners = [0, rustix::process::geteuid().as_raw()];
    Ok(owners.contains(&meta.uid()) && meta.mode() & 0o022 == 0)
}
