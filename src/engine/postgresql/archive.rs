//! Loads the custom format: `pg_restore` writes SQL from a pipe, and the SQL is loaded as a plain dump is, by
//! several sessions where that is faster. `pg_restore` itself could load several tables at a time only from an
//! uncompressed file, and it sends an older server even settings that it does not know.

use std::fs::File;
use std::io::{self, Write};

use anyhow::{Context, Result};

use super::programs;
use super::programs::read_version;
use super::target::TargetServer;
use crate::child::Child;
use crate::engine::feed::{finish, pass_on};
use crate::header::Header;
use crate::read::read_whole;
use crate::stop::Stop;

/// Returns the version that is needed if this machine's `pg_restore` is too old to read the
/// archive, otherwise `None`.
pub(super) fn find_missing_version(header: &Header, stop: Stop) -> Result<Option<String>> {
    let (major, version) = read_version("pg_restore", stop)?;
    let made_by = header.facts.settings.get("client_version");
    let made_by = made_by
        .and_then(|version| version.as_str())
        .unwrap_or_default();
    let needed: u32 = made_by
        .split('.')
        .next()
        .unwrap_or_default()
        .parse()
        .unwrap_or(0);
    let lacks = || format!("pg_restore {needed} (this machine's is {version})");
    Ok((needed > major).then(lacks))
}

/// Writes to psql the SQL that `pg_restore` makes of the archive `dump`.
///
/// # Errors
/// When the dump cannot be read, `pg_restore` fails, or psql does not read on.
pub(super) fn write_sql(dump: &File, psql: &mut dyn Write, stop: Stop) -> io::Result<()> {
    let (archive, mut feed) = io::pipe()?;
    std::thread::scope(|scope| {
        let feeding = scope.spawn(move || read_whole(dump, stop, &mut feed).map(drop));
        let passed = convert(archive, psql, stop);
        // The reading end of the pipe is closed at this point, whether the conversion succeeded or
        // failed.
        match feeding.join() {
            Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            Ok(_) => passed,
            Err(_) => Err(io::Error::other("the thread that reads the dump panicked")),
        }
    })
}

fn convert(archive: io::PipeReader, psql: &mut dyn Write, stop: Stop) -> io::Result<()> {
    let mut command = programs::build_command("pg_restore");
    let mut child = Child::filter(command.arg("--file=-"), "pg_restore", archive, stop)
        .map_err(io::Error::other)?;
    // The command still holds this process's own end of the pipe.
    drop(command);
    match pass_on(&mut child, psql) {
        Ok(_) => child.finish().map_err(io::Error::other),
        Err(error) => Err(error.downcast().unwrap_or_else(io::Error::other)),
    }
}

/// Lets `pg_restore` load the archive `dump` into the database `name` by itself, one table at a time. It runs no
/// commands of psql.
///
/// # Errors
/// When a statement fails, in the server's words.
pub(super) fn load_by_pg_restore(target: &TargetServer<'_>, name: &str, dump: &File) -> Result<()> {
    let mut pg_restore = target.server.build_client("pg_restore", name);
    pg_restore.arg("--exit-on-error");
    let mut child = Child::write_to(&mut pg_restore, "pg_restore", target.stop)?;
    let read = read_whole(dump, target.stop, &mut child).map(drop);
    finish(child, read, target.stop).context("the dump cannot be loaded")
}
