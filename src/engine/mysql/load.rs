//! Feeds a dump to a client, into a database whose name may differ from the dumped database's name.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::script::StatementReader;
use super::script::located::{LocatingWriter, ObjectPositions};
use super::script::rewrite::{Names, RewriteReport, Rewriter};
use super::server::Server;
use crate::child::Child;
use crate::engine::feed::finish;
use crate::engine::load::Failure;
use crate::read::read_whole;
use crate::stop::{Stop, Stopped};

/// The number of error lines that are kept at most.
const MOST_LINES: usize = 100_000;
/// The errors of a lost connection: `CR_SERVER_GONE_ERROR` and `CR_SERVER_LOST`.
const LOST: [&str; 2] = ["ERROR 2006", "ERROR 2013"];
/// The number of objects that a message names at most. It only counts the others.
const NAMED: usize = 10;
/// With these statements, a server accepts data that a server may already hold: rows that are older
/// than a CHECK constraint, and tables whose longest possible row is too long for a page.
const TOLERANT: [&str; 2] = [
    "SET SESSION check_constraint_checks = 0;\n",
    "SET SESSION innodb_strict_mode = 0;\n",
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
    /// If true, the dump drops nothing but what it created itself.
    pub(super) keeps_existing: bool,
    pub(super) stop: Stop,
}

impl DumpLoad<'_> {
    /// Loads the dump into the database `name`, and warns of objects that are not exactly as they
    /// were dumped. Returns the objects that failed, if failures do not end the restore.
    ///
    /// # Errors
    /// When the server refuses a part of the dump, or when an object names the dumped database in a
    /// place where the name cannot be changed to `name`.
    pub(super) fn load(&self, dump: &File, name: &str) -> Result<Vec<Failure>> {
        let (report, failed) = self.feed(dump, name, name)?;
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
        Ok(failed)
    }

    /// Loads the dump into the database `name`, which the caller drops afterwards, to check whether
    /// the dump can be loaded into `target`.
    ///
    /// # Errors
    /// As [`DumpLoad::load`] into `target`.
    pub(super) fn rehearse(&self, dump: &File, name: &str, target: &str) -> Result<()> {
        self.feed(dump, name, target).map(|_| ())
    }

    /// Returns the message about the objects that name the dumped database where the name cannot be
    /// changed to `target`, or `None` if there are none.
    fn refusal(&self, report: &RewriteReport, target: &str) -> Option<String> {
        let own = self.own;
        let refused = describe(&report.refused)?;
        Some(format!(
            "these name their database {own} where the name cannot be changed safely to {target}: {refused}; restore it as {own}, on another server if {own} must stay as it is"
        ))
    }

    /// Feeds the dump to the database `target`, to check whether it can be loaded into `meant`.
    /// Returns a report of the changed names, and the objects that failed.
    fn feed(
        &self,
        dump: &File,
        target: &str,
        meant: &str,
    ) -> Result<(RewriteReport, Vec<Failure>)> {
        let (server, stop) = (self.server, self.stop);
        let prelude = prelude(server, stop)?;
        let case = server
            .column("SELECT @@lower_case_table_names", stop)?
            .pop();
        let names = Names {
            own: self.own,
            target,
            ignore_case: case.as_deref() != Some("0"),
            is_rehearsal: meant == self.own,
            no_owner: self.no_owner,
        };
        let mut command = server.input_shell();
        if self.keep_going {
            command.args(["--force", "--skip-reconnect"]);
        }
        command.arg("--").arg(target);
        let mut child = Child::write_to(&mut command, server.shell.program, stop)?;
        child.keep_lines(MOST_LINES);
        // A statement is written in several parts. Without a buffer, each part would wake the
        // client.
        let mut out = LocatingWriter::new(BufWriter::with_capacity(64 << 10, child));
        let begun = out.write_all(prelude.as_bytes());
        let mut script = StatementReader::new(Rewriter::new(out, names, self.keeps_existing));
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
        let Rewriter { out, report, .. } = script.parts;
        let (out, places) = out.into_parts();
        // Bytes that are still in the buffer were not written because something failed.
        let (child, _) = out.into_parts();
        if self.keep_going {
            let mut failed = self.failures(child, fed, &places)?;
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
                    anyhow!(places.explain(&format!("{error:#}")))
                }
            })
            .context("the dump cannot be loaded");
        // A left-out object may be the reason why the server refuses another object.
        match (loaded, self.refusal(&report, meant)) {
            (Ok(()), None) => Ok((report, Vec::new())),
            (Ok(()), Some(refusal)) => bail!(refusal),
            (Err(error), None) => Err(error),
            (Err(error), Some(refusal)) => Err(error.context(refusal)),
        }
    }

    /// Returns the objects that failed in a client that continued after each error.
    fn failures(
        &self,
        child: Child,
        fed: io::Result<()>,
        places: &ObjectPositions,
    ) -> Result<Vec<Failure>> {
        fed.context("the dump cannot be loaded")?;
        let lines = child.finish_with_lines()?;
        self.stop.check()?;
        let mut failed: Vec<Failure> = Vec::new();
        for line in lines {
            ensure!(
                !LOST.iter().any(|lost| line.starts_with(lost)),
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
}

/// Returns those statements of [`TOLERANT`] that this server knows and the user may run.
fn prelude(server: &Server, stop: Stop) -> Result<String> {
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
