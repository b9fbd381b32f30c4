//! Loads the custom format with `pg_restore`. It restores several tables at a time if there is
//! space for the uncompressed archive, because `pg_restore` cannot do that from a pipe.
//! `pg_restore` sends an older server even settings that it does not know. For an older server,
//! `pg_restore` therefore writes SQL, and psql gets the SQL without these settings.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::load::{Scope, load};
use super::programs;
use super::programs::read_version;
use super::target::TargetServer;
use crate::child::{self, Child};
use crate::engine::feed::{finish, pass_on};
use crate::engine::load::Failure;
use crate::header::Header;
use crate::read::read_whole;
use crate::stop::Stop;

/// The first server version that knows `SET transaction_timeout`. Programs since that version
/// always send it.
const TRANSACTION_TIMEOUT: u32 = 17;

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

/// How an archive is loaded.
pub(super) enum ArchiveLoad {
    /// `pg_restore` writes SQL for psql.
    Sql,
    /// `pg_restore` reads the archive from a pipe.
    Pipe,
    /// `pg_restore` reads the uncompressed archive from this file.
    File(File),
}

impl ArchiveLoad {
    /// Chooses how to load the archive, and uncompresses it if `pg_restore` needs it uncompressed.
    /// This takes time, so it comes before a new database is created: a database without a session
    /// for minutes looks like one that a killed restore left.
    ///
    /// # Errors
    /// When the archive cannot be uncompressed.
    pub(super) fn prepare(
        target: &TargetServer<'_>,
        dump: &File,
        header: &Header,
        scope: Scope,
    ) -> Result<Self> {
        let (major, _) = read_version("pg_restore", target.stop)?;
        let is_older = major >= TRANSACTION_TIMEOUT && target.facts.major < TRANSACTION_TIMEOUT;
        if is_older {
            log::info!("the server is older than pg_restore, so one table is restored at a time");
        }
        // `pg_restore` loads several tables at a time in as many transactions.
        if is_older || target.keep_going || target.no_owner || scope == Scope::OneTransaction {
            return Ok(ArchiveLoad::Sql);
        }
        let Some(archive) = create_temporary_file(header.bytes) else {
            log::info!("no space for the archive uncompressed, so one table is restored at a time");
            return Ok(ArchiveLoad::Pipe);
        };
        let mut writer = BufWriter::with_capacity(1 << 20, &archive);
        read_whole(dump, target.stop, &mut writer)
            .and_then(|_| writer.flush())
            .context("the dump cannot be uncompressed")?;
        drop(writer);
        target.stop.check()?;
        Ok(ArchiveLoad::File(archive))
    }

    /// Loads the archive into the database `name`. Returns the objects that failed.
    pub(super) fn load(
        self,
        target: &TargetServer<'_>,
        dump: &File,
        name: &str,
        scope: Scope,
    ) -> Result<Vec<Failure>> {
        let pg_restore = || {
            let mut pg_restore = target.server.build_client("pg_restore", name);
            pg_restore.arg("--exit-on-error");
            pg_restore
        };
        let loaded = match self {
            ArchiveLoad::Sql => {
                return load(target, name, dump, scope, |psql| {
                    load_by_psql(dump, psql, target.stop)
                });
            }
            ArchiveLoad::Pipe => from_pipe(target, dump, pg_restore()),
            ArchiveLoad::File(archive) => from_file(target, archive, pg_restore()),
        };
        loaded.context("the dump cannot be loaded")?;
        Ok(Vec::new())
    }
}

fn from_pipe(target: &TargetServer<'_>, dump: &File, mut pg_restore: Command) -> Result<()> {
    let mut child = Child::write_to(&mut pg_restore, "pg_restore", target.stop)?;
    let read = read_whole(dump, target.stop, &mut child).map(|_| ());
    finish(child, read, target.stop)
}

/// Feeds psql the SQL that `pg_restore` makes of the archive.
fn load_by_psql(dump: &File, psql: &mut dyn Write, stop: Stop) -> io::Result<()> {
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

fn from_file(target: &TargetServer<'_>, archive: File, mut pg_restore: Command) -> Result<()> {
    let archive = child::pass(&mut pg_restore, Arc::new(archive));
    pg_restore
        .arg(format!("--jobs={}", target.access.threads))
        .arg(archive);
    child::read_output(&mut pg_restore, "pg_restore", target.stop).map(|_| ())
}

/// Returns a file that only this process can use (0600, without a name), if there is space for
/// `bytes` bytes.
#[cfg(target_os = "linux")]
fn create_temporary_file(bytes: u64) -> Option<File> {
    use rustix::fs::{Mode, OFlags};
    use std::path::PathBuf;

    let place = std::env::var_os("TMPDIR").map_or(PathBuf::from("/var/tmp"), PathBuf::from);
    let stat = rustix::fs::statvfs(&place).ok()?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    // The server may keep its data on the same disk.
    if free < bytes.saturating_mul(4) {
        return None;
    }
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let fd = rustix::fs::open(&place, flags, Mode::from_raw_mode(0o600)).ok()?;
    Some(File::from(fd))
}

/// Returns `None`. Other systems have no files without a name, so the archive goes through a pipe.
#[cfg(not(target_os = "linux"))]
fn create_temporary_file(_bytes: u64) -> Option<File> {
    None
}
