//! Feeds SQL to `psql`.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};

use super::entry_loader::EntryLoader;
use super::index_sessions::IndexSessions;
use super::row_sessions::{FurtherSessions, RowSessions};
use super::script::entries::Entries;
use super::script::located::ObjectPositions;
use super::script::owners::Owners;
use super::script::shown::ShownEntries;
use super::script::transaction::Transaction;
use super::script::{RestrictMode, RestrictedScript};
use super::target::TargetServer;
use crate::child::Child;
use crate::engine::feed::finish;
use crate::engine::load::Failure;
use crate::engine::object_lines::LocatingWriter;
use crate::stop::Stopped;

/// A statement that fails if the script's transaction was not committed, for example because the
/// dump ends within rows, which took the `COMMIT` for a row.
const OUTSIDE_TRANSACTION: &str = "DISCARD ALL";

/// The most memory that a restore lets the server use to create indexes, in bytes: 256 MiB.
const INDEX_MEMORY: usize = 256 << 20;

/// The transactions that a dump is loaded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Each statement is a separate transaction.
    EachStatement,
    /// All statements are one transaction, unless the restore keeps going after failures: then a
    /// failure would undo everything.
    OneTransaction,
}

/// Feeds the SQL that `feed` writes from the file `dump` to the database `name`. Returns the
/// objects that failed.
///
/// # Errors
/// When a statement fails and the restore does not keep going, in the server's words.
pub(super) fn load(
    target: &TargetServer<'_>,
    name: &str,
    dump: &File,
    scope: Scope,
    feed: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> Result<Vec<Failure>> {
    if !target.keep_going {
        let build_psql = |sessions: usize| {
            let mut psql = target.server.build_psql(name);
            if scope == Scope::EachStatement {
                for statement in speed_up(sessions) {
                    psql.arg("--command").arg(statement);
                }
            }
            psql
        };
        let further = FurtherSessions {
            psql: &|| build_psql(target.access.threads.get()),
            number: target.access.threads,
            stop: target.stop,
        };
        // The other sessions see nothing of a transaction.
        let is_shared = scope == Scope::EachStatement && further.number.get() > 1;
        let further = is_shared.then_some(further);
        return load_whole(target, build_psql(1), further, dump, scope, feed).map(|()| Vec::new());
    }
    let each = EntryLoader::new(target, name).with_feed(&feed);
    load_each(target, each, dump, &feed)
}

/// Returns the settings of one of `sessions` that load a new database at the same time. Renaming the
/// database, at the end, writes all commits before it to the disk. Together, the sessions create indexes with
/// as much memory as the server gives to its buffers, at most [`INDEX_MEMORY`], and each at least with what
/// the server is configured for.
fn speed_up(sessions: usize) -> [String; 2] {
    [
        "SET synchronous_commit = off".to_owned(),
        format!(
            "SELECT set_config('maintenance_work_mem', (bytes / 1024) || 'kB', false)
            FROM (SELECT least(pg_size_bytes(current_setting('shared_buffers')), {INDEX_MEMORY}) / {sessions}
                AS bytes) AS buffers
            WHERE bytes > pg_size_bytes(current_setting('maintenance_work_mem'))"
        ),
    ]
}

/// Feeds the SQL that `feed` writes from the file `dump` to the sessions of `each`. Returns the
/// objects that failed.
///
/// # Errors
/// When the connection was lost or the work must stop.
pub(super) fn load_each(
    target: &TargetServer<'_>,
    each: EntryLoader<'_>,
    dump: &File,
    feed: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<Vec<Failure>> {
    let restricting = find_restrict_mode(target, dump)?;
    let parts = ShownEntries::new(Owners::new(each, target.no_owner));
    let mut script =
        RestrictedScript::new(Entries::new(parts), &target.objects.parameters, restricting)?;
    let fed = feed(&mut script).and_then(|()| script.flush());
    target.stop.check()?;
    fed.context("the dump cannot be loaded")?;
    script.into_inner().parts.parts.parts.finish()
}

/// Feeds the SQL that `feed` writes from the file `dump` to `psql`, which then runs nothing but
/// SQL, and the rows of large tables and their indexes to `further` sessions.
///
/// # Errors
/// When a statement fails, in the server's words and with the name of the object.
pub(super) fn load_whole(
    target: &TargetServer<'_>,
    mut psql: Command,
    further: Option<FurtherSessions<'_>>,
    dump: &File,
    scope: Scope,
    feed: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let restricting = find_restrict_mode(target, dump)?;
    let is_one = scope == Scope::OneTransaction;
    // With `--single-transaction`, psql would also commit if its input ended too early.
    if is_one {
        psql.args(["--command", "BEGIN"]);
    }
    psql.args(["--file=-", "--output=/dev/null"]);
    if is_one {
        psql.args(["--command", OUTSIDE_TRANSACTION]);
    }
    psql.env_remove("PGCLIENTENCODING");
    let mut child = Child::write_to(&mut psql, "psql", target.stop)?;
    // The error contains these messages and the object.
    child.log_at_debug();
    let parts = Transaction::new(LocatingWriter::new(child), is_one);
    let parts = IndexSessions::new(RowSessions::new(parts, further));
    let parts = ShownEntries::new(Owners::new(parts, target.no_owner));
    let mut script =
        RestrictedScript::new(Entries::new(parts), &target.objects.parameters, restricting)?;
    let fed = feed(&mut script).and_then(|()| script.flush());
    let parts = script.into_inner().parts.parts.parts;
    let (parts, ended) = parts.finish(fed.is_ok());
    let fed = fed.and(ended);
    let mut located = parts.parts;
    let fed = fed.and_then(|()| match scope {
        Scope::OneTransaction => located.write_all(b"\nCOMMIT;\n"),
        Scope::EachStatement => Ok(()),
    });
    let (child, lines) = located.into_parts();
    let places = ObjectPositions(lines);
    finish(child, fed, target.stop)
        .map_err(|error| {
            if error.is::<Stopped>() {
                error
            } else {
                anyhow!(places.explain(&format!("{error:#}")))
            }
        })
        .context("the dump cannot be loaded")
}

/// Returns how this machine's psql handles `\restrict`.
///
/// # Errors
/// When psql does not know `\restrict` and the dump may be another user's.
fn find_restrict_mode(target: &TargetServer<'_>, dump: &File) -> Result<RestrictMode> {
    let restricting = RestrictMode::detect(target)?;
    ensure!(
        restricting != RestrictMode::Unknown || is_ours(dump)?,
        "the dump is another user's, and this machine's psql cannot be kept from running commands in it; install a psql that knows \\restrict (17.6, 16.10, 15.14, 14.19, 13.22 or newer)"
    );
    Ok(restricting)
}

/// Returns true if only this user and root can have written the file.
fn is_ours(file: &File) -> io::Result<bool> {
    let meta = file.metadata()?;
    let owners = [0, rustix::process::geteuid().as_raw()];
    Ok(owners.contains(&meta.uid()) && meta.mode() & 0o022 == 0)
}
