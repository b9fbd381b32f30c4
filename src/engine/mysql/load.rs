//! Feeds a dump to a client, into a database whose name may differ from the dumped database's name.

use std::fs::File;
use std::io::{self, BufWriter, PipeWriter, Write};
use std::process::Stdio;

use anyhow::{Context, Error, Result, bail, ensure};

use super::error::{self, LOST, PACKET_TOO_LARGE, ServerError, parse};
use super::script::StatementReader;
use super::script::created::CreatedObjects;
use super::script::located::ObjectPositions;
use super::script::rewrite::{RewriteOptions, RewriteReport, Rewriter};
use super::server::Server;
use crate::child::Child;
use crate::engine::feed::finish;
use crate::engine::load::Failure;
use crate::engine::object_lines::LocatingWriter;
use crate::human;
use crate::read::read_whole;
use crate::stop::{Stop, Stopped};

/// The number of error lines that are kept at most.
pub(super) const MOST_LINES: usize = 100_000;
/// The number of objects that a message names at most. It only counts the others.
const NAMED: usize = 10;
/// With these statements, a server accepts data that a server may already hold: rows that are older
/// than a CHECK constraint, and tables whose longest possible row is too long for a page. It also
/// ends no statement that takes long.
const TOLERANT: [&str; 3] = [
    "SET SESSION check_constraint_checks = 0;\n",
    "SET SESSION innodb_strict_mode = 0;\n",
    "SET SESSION max_statement_time = 0;\n",
];

/// How to load a dump.
pub(super) struct DumpLoad<'a> {
    pub(super) server: &'a Server,
    /// The name of the dumped database.
    pub(super) own: &'a str,
    /// If true, objects that fail are listed and do not end the restore.
    pub(super) keep_going: bool,
    /// If true, definers are left out.
    pub(super) no_owner: bool,
    pub(super) stop: Stop,
}

/// What is loaded of a dump.
enum Parts<'a> {
    All,
    /// All, and the client prints to the pipe what it created.
    Created(&'a mut CreatedObjects, PipeWriter),
    /// Views, routines, triggers and events.
    WithoutTables,
}

impl DumpLoad<'_> {
    /// Loads the dump into the database `name`, and warns of objects that are not exactly as they
    /// were dumped. Returns the objects that failed, if failures do not end the restore.
    ///
    /// # Errors
    /// When the server refuses a part of the dump, or when an object names the dumped database in a
    /// place where the name cannot be changed to `name`.
    pub(super) fn load(&self, dump: &File, name: &str) -> Result<Vec<Failure>> {
        let (report, failed) = self.feed(dump, (name, name), Parts::All)?;
        self.warn_of(&report, name);
        Ok(failed)
    }

    /// Loads views, routines, triggers and events of the dump into the database `name`, which has the
    /// dump's tables, as [`DumpLoad::load`].
    ///
    /// # Errors
    /// As [`DumpLoad::load`].
    pub(super) fn load_without_tables(&self, dump: &File, name: &str) -> Result<Vec<Failure>> {
        let (report, failed) = self.feed(dump, (name, name), Parts::WithoutTables)?;
        self.warn_of(&report, name);
        Ok(failed)
    }

    /// Loads the dump into the database `name`, as [`DumpLoad::load`], and drops nothing there but
    /// what the dump created itself. `created` then knows what that is, also after an error.
    ///
    /// # Errors
    /// As [`DumpLoad::load`].
    pub(super) fn fill(
        &self,
        dump: &File,
        name: &str,
        created: &mut CreatedObjects,
    ) -> Result<Vec<Failure>> {
        let (stdout, thread) = created.start_reading()?;
        let fed = self.feed(dump, (name, name), Parts::Created(created, stdout));
        created.finish_reading(thread);
        let (report, failed) = fed?;
        self.warn_of(&report, name);
        Ok(failed)
    }

    /// Warns of objects that are not exactly as they were dumped.
    fn warn_of(&self, report: &RewriteReport, name: &str) {
        let own = self.own;
        for (what, objects) in [
            (
                "these use other databases, as they did in",
                &report.reaching,
            ),
            (
                "these have the name of the database in a string, which stays as it was in",
                &report.quoting,
            ),
            (
                "a copy's events are disabled (ALTER EVENT ... ENABLE), and these were enabled in",
                &report.disabled,
            ),
        ] {
            if let Some(objects) = describe(objects) {
                log::warn!("{name}: {what} {own}: {objects}");
            }
        }
    }

    /// Loads the dump into the database `name`, which the caller drops afterwards, to check whether
    /// the dump can be loaded into `target`. Returns true if the tables are then as they would be in
    /// `target`: all were loaded, and none of them names its database.
    ///
    /// # Errors
    /// As [`DumpLoad::load`] into `target`.
    pub(super) fn rehearse(&self, dump: &File, name: &str, target: &str) -> Result<bool> {
        let (report, _) = self.feed(dump, (name, target), Parts::All)?;
        Ok(!self.keep_going && !report.tables_name_database)
    }

    /// Returns the message about the objects that name the dumped database where the name cannot be
    /// changed to `target`, or `None` if there are none.
    fn describe_refused(&self, report: &RewriteReport, target: &str) -> Option<String> {
        let own = self.own;
        let refused = describe(&report.refused)?;
        Some(format!(
            "these name their database {own} where the name cannot be changed safely to {target}: {refused}; restore it as {own}, on another server if {own} must stay as it is"
        ))
    }

    /// Feeds these parts of the dump to the database `target`, to check whether it can be loaded into
    /// `meant`. Returns a report of the changed names, and the objects that failed.
    fn feed(
        &self,
        dump: &File,
        (target, meant): (&str, &str),
        parts: Parts<'_>,
    ) -> Result<(RewriteReport, Vec<Failure>)> {
        let (server, stop) = (self.server, self.stop);
        let prelude = write_prelude(server, stop)?;
        let case = server
            .query_column("SELECT @@lower_case_table_names", stop)?
            .pop();
        let options = RewriteOptions {
            own: self.own,
            target,
            ignore_case: case.as_deref() != Some("0"),
            is_rehearsal: meant == self.own,
            without_tables: matches!(parts, Parts::WithoutTables),
            no_owner: self.no_owner,
        };
        let mut command = server.build_input_shell();
        if self.keep_going {
            command.args(["--force", "--skip-reconnect"]);
        }
        let (created, stdout, introduction) = match parts {
            Parts::Created(created, stdout) => {
                command.arg("--unbuffered");
                let introduction = created.write_introduction();
                (Some(created), Stdio::from(stdout), introduction)
            }
            Parts::All | Parts::WithoutTables => (None, Stdio::null(), String::new()),
        };
        command.arg("--").arg(target);
        let mut child = Child::write_to_with(&mut command, server.shell.program, stdout, stop)?;
        // The pipe ends only when this process has no end of it either.
        drop(command);
        child.keep_lines(MOST_LINES);
        // A statement is written in several parts. Without a buffer, each part would wake the
        // client.
        let mut out = LocatingWriter::new(BufWriter::with_capacity(64 << 10, child));
        let begun = out.write_all((prelude + &introduction).as_bytes());
        let mut script = StatementReader::new(Rewriter::new(out, options, created));
        let fed = begun
            .and_then(|()| read_whole(dump, stop, &mut script))
            .and_then(|_| script.end())
            .and_then(|is_whole| {
                if is_whole || self.own == meant {
                    return script.parts.out.flush();
                }
                Err(std::io::Error::other(
                    "it ends within a statement, so names in it may have stayed; restore it under its own name",
                ))
            });
        let Rewriter {
            out,
            report,
            longest,
            ..
        } = script.parts;
        let (out, lines) = out.into_parts();
        let places = ObjectPositions(lines);
        // Bytes that are still in the buffer were not written because something failed.
        let (child, _) = out.into_parts();
        if self.keep_going {
            let failed = find_failures(child, fed, &places, stop);
            let mut failed = failed.map_err(|error| self.explain_length(longest, error))?;
            failed.extend(report.refused.iter().map(|object| Failure {
                object: object.clone(),
                error: format!(
                    "it names its database {own} in a way that cannot be changed safely to {meant}",
                    own = self.own
                ),
            }));
            return Ok((report, failed));
        }
        let loaded = finish(child, fed, stop)
            .map_err(|error| {
                if error.is::<Stopped>() {
                    error
                } else {
                    let error = ServerError::from_client_error(error, |said| places.explain(said));
                    self.explain_length(longest, error)
                }
            })
            .context("the dump cannot be loaded");
        // A left-out object may be the reason why the server refuses another object.
        match (loaded, self.describe_refused(&report, meant)) {
            (Ok(()), None) => Ok((report, Vec::new())),
            (Ok(()), Some(refusal)) => bail!(refusal),
            (Err(error), None) => Err(error),
            (Err(error), Some(refusal)) => Err(error.context(refusal)),
        }
    }

    /// Adds the reason to an error, if the server ends sessions with statements as long as the
    /// longest one of the dump.
    fn explain_length(&self, longest: u64, error: Error) -> Error {
        const VARIABLE: &str = "max_allowed_packet";
        let number = error::find_number(&error);
        if !number.is_some_and(|number| LOST.contains(&number) || number == PACKET_TOO_LARGE) {
            return error;
        }
        let limit = self
            .server
            .query_column(&format!("SELECT @@GLOBAL.{VARIABLE}"), Stop::for_cleanup());
        let limit = limit.ok().and_then(|rows| rows.first()?.parse().ok());
        match limit {
            Some(limit) if longest >= limit => error.context(format!(
                "the dump has a statement of {}, and the server's {VARIABLE} is {}; SET GLOBAL {VARIABLE} = 1073741824, then restore again",
                human::format_bytes(longest),
                human::format_bytes(limit)
            )),
            _ => error,
        }
    }
}

/// Returns the objects that failed in a client that continued after each error.
///
/// # Errors
/// When the client could not be fed, was stopped or lost the connection.
pub(super) fn find_failures(
    child: Child,
    fed: io::Result<()>,
    places: &ObjectPositions,
    stop: Stop,
) -> Result<Vec<Failure>> {
    fed.context("the dump cannot be loaded")?;
    let lines = child.finish_with_lines()?;
    stop.check()?;
    let mut failed: Vec<Failure> = Vec::new();
    for line in lines {
        ensure!(
            !parse(&line).is_some_and(|(number, _)| LOST.contains(&number)),
            "the connection to the server was lost: {line}"
        );
        let Some((object, error)) = places.locate(&line) else {
            continue;
        };
        // The first error of an object usually causes its other errors.
        if failed.last().is_none_or(|last| last.object != object) {
            failed.push(Failure { object, error });
        }
    }
    Ok(failed)
}

/// Returns those statements of [`TOLERANT`] that this server knows and the user may run.
fn write_prelude(server: &Server, stop: Stop) -> Result<String> {
    let mut allowed = String::new();
    for statement in TOLERANT {
        if server.ask(statement, stop).is_ok() {
            allowed.push_str(statement);
        }
        stop.check()?;
    }
    Ok(allowed)
}

/// Returns a list of the first objects and the number of the others, or `None` for no objects.
pub(super) fn describe(objects: &[String]) -> Option<String> {
    let (named, more) = objects.split_at(objects.len().min(NAMED));
    let more = (!more.is_empty()).then(|| format!(" and {} more", more.len()));
    (!named.is_empty()).then(|| named.join(", ") + &more.unwrap_or_default())
}
