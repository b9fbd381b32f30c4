//! Replaces an old database with a restored one. The old database is dumped before it is dropped.

use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Error, Result};
use serde::Deserialize;

use super::database::Postgresql;
use super::fresh::{NewDatabase, drop_database, make_new_name};
use super::reach::ask;
use super::sql::{quote_identifier, quote_literal};
use super::target::TargetServer;
use crate::engine::access::Part;
use crate::engine::load::{Save, explain_not_saved};
use crate::stop::{self, Stop};

/// The time for which statements are repeated while sessions reconnect at once.
const RETRY_TIME: Duration = Duration::from_secs(20);

/// The time after which sessions are ended again.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// What can be done about an old database that cannot be dumped.
const WAYS: &str = "--replace --save-partly keeps it on the server under another name, --replace --without-saving drops it";

/// Gives the new database the name of the old one, and drops the old one. Returns the path of the
/// old database's dump, if `save` is given. An old database that cannot be dumped stays under
/// another name, if `save` accepts that.
pub(super) fn replace(
    target: &TargetServer<'_>,
    new: &NewDatabase<'_>,
    name: &str,
    save: Option<&mut dyn Save>,
) -> Result<Option<PathBuf>> {
    let replaced_name = make_new_name(name, "replaced");
    let old = DatabaseById::find(target, name)?;
    exchange(target, name, &replaced_name, &new.name)
        .map_err(|error| explain(error, old.describe_name(target, name, &replaced_name)))?;
    let accepts_a_part = save.as_ref().is_some_and(|save| save.accepts_a_part());
    let saved = match save.map(|save| dump_old(target, name, &replaced_name, save)) {
        None => None,
        Some(Ok(saved)) => Some(saved),
        Some(Err(error)) if accepts_a_part && target.stop.reason().is_none() => {
            warn_that_it_stays(&replaced_name, &error);
            return Ok(None);
        }
        Some(Err(error)) => {
            let error = explain_not_saved(error, WAYS);
            let back = exchange(target, name, &new.name, &replaced_name);
            let now = old.describe_name(target, name, &replaced_name);
            return Err(explain(
                error,
                match back {
                    Ok(()) => now,
                    Err(undone) => format!("{now}; renaming it back failed ({undone:#})"),
                },
            ));
        }
    };
    if let Err(error) = drop_database(target, &replaced_name) {
        log::warn!("the old database was replaced, but stays as {replaced_name}: {error:#}");
    }
    Ok(saved)
}

/// Gives the old database another name, which `load` gets, and lets `load` create and fill the
/// database `name`: an extension may insist on the name of its database. Then drops the old
/// database. Returns the path of the old database's dump, if `save` is given, and what `load`
/// returns. If anything fails, the old database gets its name back.
pub(super) fn replace_under_own_name<T>(
    target: &TargetServer<'_>,
    name: &str,
    save: Option<&mut dyn Save>,
    load: impl FnOnce(Option<&str>) -> Result<T>,
) -> Result<(Option<PathBuf>, T)> {
    let replaced_name = make_new_name(name, "replaced");
    let old = DatabaseById::find(target, name)?;
    log::info!("the old database is called {replaced_name} until the dump is loaded");
    let mut stays = false;
    let replaced = old.rename(target, name, &replaced_name).and_then(|()| {
        let saved = match save {
            None => None,
            Some(save) => match dump_old(target, name, &replaced_name, save) {
                Ok(saved) => Some(saved),
                Err(error) if save.accepts_a_part() && target.stop.reason().is_none() => {
                    warn_that_it_stays(&replaced_name, &error);
                    stays = true;
                    None
                }
                Err(error) => return Err(explain_not_saved(error, WAYS)),
            },
        };
        Ok((saved, load(Some(&replaced_name))?))
    });
    let (saved, loaded) = replaced.map_err(|error| {
        let back = old.move_back(target, name, &replaced_name);
        let now = old.describe_name(target, name, &replaced_name);
        let what = match back {
            Ok(()) => now,
            Err(undone) => format!("{now}; renaming it back failed ({undone:#})"),
        };
        explain(error, what)
    })?;
    if stays {
        return Ok((None, loaded));
    }
    if let Err(error) = drop_database(target, &replaced_name) {
        log::warn!("the old database was replaced, but stays as {replaced_name}: {error:#}");
    }
    Ok((saved, loaded))
}

fn warn_that_it_stays(replaced_name: &str, error: &Error) {
    log::warn!(
        "the old database could not be dumped and stays on the server as {replaced_name}; dumps of the whole server leave it out; DROP DATABASE {} removes it: {error:#}",
        quote_identifier(replaced_name)
    );
}

/// Adds to the error what happened to the old database. Also logs it if the error is not shown
/// because a signal is the reason.
fn explain(error: Error, what: String) -> Error {
    if stop::get_signal().is_some() {
        log::error!("{what}");
    }
    error.context(what)
}

/// Renames `name` to `replaced_name` and `new_name` to `name` in one transaction. No signal interrupts this: it
/// must happen completely or not at all.
fn exchange(
    target: &TargetServer<'_>,
    name: &str,
    replaced_name: &str,
    new_name: &str,
) -> Result<()> {
    let leaving = DatabaseById::find(target, name)?;
    let exchange = [
        "BEGIN".to_owned(),
        rename(name, replaced_name),
        rename(new_name, name),
        "COMMIT".to_owned(),
    ];
    rename_without_sessions(target, &[name, new_name], &exchange, || {
        leaving.name(target).is_ok_and(|now| now == replaced_name)
    })
}

/// A database, whatever its current name is.
#[derive(Deserialize)]
struct DatabaseById {
    oid: i64,
}

impl DatabaseById {
    fn find(target: &TargetServer<'_>, name: &str) -> Result<Self> {
        let query = format!(
            "SELECT json_build_object('oid', oid::bigint) FROM pg_database WHERE datname = {}",
            quote_literal(name)
        );
        ask(
            target.server,
            &target.maintenance,
            &query,
            Stop::for_cleanup(),
        )
    }

    fn name(&self, target: &TargetServer<'_>) -> Result<String> {
        let query = format!(
            "SELECT to_json(datname) FROM pg_database WHERE oid = {}",
            self.oid
        );
        ask(
            target.server,
            &target.maintenance,
            &query,
            Stop::for_cleanup(),
        )
    }

    fn describe_name(&self, target: &TargetServer<'_>, name: &str, replaced_name: &str) -> String {
        match self.name(target) {
            Ok(now) if now == name => "the old database is as it was".to_owned(),
            Ok(now) => format!("the old database is now called {now}"),
            Err(error) => format!(
                "the old database is called {name} or {replaced_name}, the server cannot be asked which ({error:#})"
            ),
        }
    }

    /// Renames this database from `from` to `to`.
    fn rename(&self, target: &TargetServer<'_>, from: &str, to: &str) -> Result<()> {
        rename_without_sessions(target, &[from], &[rename(from, to)], || {
            self.name(target).is_ok_and(|now| now == to)
        })
    }

    /// Renames this database from `replaced_name` to `name`, unless that is its name.
    fn move_back(&self, target: &TargetServer<'_>, name: &str, replaced_name: &str) -> Result<()> {
        if self.name(target)? == replaced_name {
            self.rename(target, replaced_name, name)?;
        }
        Ok(())
    }
}

/// Gives the new database the name `name`, which no other database has. Ends sessions of others in
/// the new database, such as a monitor's.
///
/// # Errors
/// When the database cannot be renamed, in the server's words.
pub(super) fn name_new(target: &TargetServer<'_>, new: &NewDatabase<'_>, name: &str) -> Result<()> {
    DatabaseById::find(target, &new.name)?.rename(target, &new.name, name)
}

/// Runs statements that rename the databases `renamed`, whose sessions are ended meanwhile. The
/// server lets no session begin in a database that is being renamed, and waits five seconds for those
/// that it has, so that nothing needs to be changed that a killed restore could leave behind. Runs the
/// statements again until they succeed or `is_done` returns true, for at most [`RETRY_TIME`].
fn rename_without_sessions(
    target: &TargetServer<'_>,
    renamed: &[&str],
    statements: &[String],
    is_done: impl Fn() -> bool,
) -> Result<()> {
    // The role may have room for one session only.
    let statements = [&[end_sessions(renamed)], statements].concat();
    let until = Instant::now() + RETRY_TIME;
    loop {
        let renaming = || target.execute(&statements, Stop::for_cleanup());
        let Err(error) = end_sessions_during(target, renamed, renaming) else {
            return Ok(());
        };
        // The connection may have been lost after the server finished the statements.
        if is_done() {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(error);
        }
    }
}

/// Ends the sessions in these databases again and again until `work` ends. Returns its result.
fn end_sessions_during<T>(
    target: &TargetServer<'_>,
    databases: &[&str],
    work: impl FnOnce() -> T,
) -> T {
    let (done, is_done) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while is_done.recv_timeout(RETRY_AFTER) == Err(RecvTimeoutError::Timeout) {
                let end = [end_sessions(databases)];
                if let Err(error) = target.execute(&end, Stop::for_cleanup()) {
                    log::debug!(
                        "cannot end the sessions of {}: {error:#}",
                        databases.join(", ")
                    );
                }
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// Returns the statement that ends those sessions in these databases that this role may end. It
/// ends no other sessions and no workers of the server's own, such as autovacuum. Those are left to
/// the renaming, which waits for the workers.
fn end_sessions(databases: &[&str]) -> String {
    let databases: Vec<_> = databases.iter().map(|name| quote_literal(name)).collect();
    format!(
        "SELECT pg_terminate_backend(pid)
            FROM pg_stat_activity JOIN pg_roles its ON its.oid = usesysid
            WHERE datname IN ({}) AND pid <> pg_backend_pid()
                AND ((SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
                    OR NOT its.rolsuper AND (pg_has_role(usesysid, 'MEMBER')
                        OR pg_has_role('pg_signal_backend', 'MEMBER')))",
        databases.join(", ")
    )
}

fn rename(from: &str, to: &str) -> String {
    let (from, to) = (quote_identifier(from), quote_identifier(to));
    format!("ALTER DATABASE {from} RENAME TO {to}")
}

/// Dumps the old database, now called `old`, under its former name. Returns the dump's path.
fn dump_old(
    target: &TargetServer<'_>,
    name: &str,
    old: &str,
    save: &mut dyn Save,
) -> Result<PathBuf> {
    let part = Part::Database(old.to_owned());
    let mut dumper = Postgresql::open(target.server, &part, target.access)?;
    dumper.identity.database = Some(name.to_owned());
    save.save(&mut dumper)
}
