//! Rewrites the dump of one database while it is loaded into another: where the dump names the
//! dumped database, it then names the target database.

mod body;
mod options;
#[cfg(test)]
mod tests;

use std::io;

use super::created::CreatedObjects;
use super::located::ObjectSink;
use super::names::{ObjectKind, ObjectReference};
use super::statement::{Statement, StatementSink};
use crate::engine::mysql::sql::quote_identifier;
use body::ObjectBody;
pub(in super::super) use options::RewriteOptions;

/// What happened to objects. Each object is given by its kind and name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct RewriteReport {
    /// Objects that were left out, because they name the database where its name cannot be changed.
    pub(in super::super) refused: Vec<String>,
    /// Objects that have the database's name in a string, which stays as it is.
    pub(in super::super) quoting: Vec<String>,
    /// Objects that use other databases, whose names stay as they are.
    pub(in super::super) reaching: Vec<String>,
    /// Events that were enabled and are now disabled.
    pub(in super::super) disabled: Vec<String>,
    /// True if a table names its database, as the default value `nextval(db.seq)` does. Such a table
    /// cannot be moved to another database.
    pub(in super::super) tables_name_database: bool,
}

/// Passes a dump on to `out`, with the target's name in place of the dumped database's name.
pub(in super::super) struct Rewriter<'a, W> {
    pub(in super::super) out: W,
    options: RewriteOptions<'a>,
    pub(in super::super) report: RewriteReport,
    /// The length in bytes of the last statement that began, and of the longest one.
    length: u64,
    pub(in super::super) longest: u64,
    /// The objects that the dump creates, if it may drop only those.
    created: Option<&'a mut CreatedObjects>,
}

type Edits = Vec<(usize, Vec<u8>)>;

impl<'a, W: ObjectSink> Rewriter<'a, W> {
    /// Returns a rewriter. If `created` is given, a `DROP ... IF EXISTS` of an object that the dump
    /// did not create is left out, so that an object of another session makes the dump's `CREATE`
    /// fail.
    pub(in super::super) fn new(
        out: W,
        options: RewriteOptions<'a>,
        created: Option<&'a mut CreatedObjects>,
    ) -> Self {
        Rewriter {
            out,
            options,
            report: RewriteReport::default(),
            length: 0,
            longest: 0,
            created,
        }
    }

    /// Takes the beginning of a statement, or the next part of it.
    fn measure(&mut self, text: &[u8], is_beginning: bool) {
        let before = if is_beginning { 0 } else { self.length };
        self.length = before + text.len() as u64;
        self.longest = self.longest.max(self.length);
    }

    /// Returns the database that the token at `at` names, and whether it is the dumped database.
    fn find_database(&self, statement: &Statement<'_>, at: usize) -> Option<(String, bool)> {
        let name = statement.name(at)?;
        let is_own = self.options.is_own(&name);
        Some((name, is_own))
    }

    /// Returns the changes to a statement, or `None` if the statement must not be run.
    fn find_edits(
        &mut self,
        statement: &Statement<'_>,
        about: ObjectReference,
    ) -> io::Result<Option<Edits>> {
        let shown = describe(statement, about);
        let named = match about.object {
            ObjectKind::Database => Some(about.name),
            // A qualified name: the database, a dot, the object.
            _ if statement.is(about.name - 1, &["."]) => Some(about.name - 2),
            _ => None,
        };
        if let Some((name, false)) = named.and_then(|at| self.find_database(statement, at)) {
            return Err(io::Error::other(format!(
                "it holds a statement about another database, {name}, and a dump of {} has none; it was changed after it was made, or belongs to {name}",
                self.options.own
            )));
        }
        let mut edits: Edits = Vec::new();
        if self.options.no_owner {
            edits.extend(find_definer(statement, about).map(|at| (at, Vec::new())));
        }
        if !self.options.is_copy() {
            return Ok(Some(edits));
        }
        let target = quote_identifier(self.options.target).into_bytes();
        edits.extend(named.map(|at| (at, target.clone())));
        if about.object == ObjectKind::Database {
            return Ok(Some(edits));
        }
        let body = ObjectBody::read(statement, about, &self.options);
        edits.extend(body.own.iter().map(|at| (*at, target.clone())));
        self.report.tables_name_database |=
            about.object == ObjectKind::Table && (body.is_unclear || !body.own.is_empty());
        if about.object == ObjectKind::Event
            && let Some(at) = find_enable(statement, about)
        {
            edits.push((at, b"DISABLE".to_vec()));
            self.report.disabled.push(shown.clone());
        }
        if !body.others.is_empty() {
            let others = body.others.join(", ");
            self.report.reaching.push(format!("{shown} ({others})"));
        }
        if body.is_unclear && !self.options.is_rehearsal {
            self.report.refused.push(shown);
            return Ok(None);
        }
        if body.is_quoted {
            self.report.quoting.push(shown);
        }
        edits.sort();
        edits.dedup();
        Ok(Some(edits))
    }
}

impl<W: ObjectSink> StatementSink for Rewriter<'_, W> {
    fn pass_between(&mut self, text: &[u8]) -> io::Result<()> {
        self.out.write_all(text)
    }

    fn take_statement(&mut self, statement: &Statement<'_>) -> io::Result<()> {
        self.measure(statement.text, true);
        // Locks are left out: no other session uses the tables yet, and under a lock a sequence
        // gives no default value.
        if statement.is(0, &["LOCK"]) || (self.options.without_tables && makes_tables(statement)) {
            return Ok(());
        }
        if let Some(created) = &mut self.created
            && let Some(dropped) = statement.find_dropped()
            && !created.contains(&dropped)
        {
            return Ok(());
        }
        let edits = match statement.find_object() {
            Some(about) => {
                self.out.begin(describe(statement, about));
                self.find_edits(statement, about)?
            }
            None => Some(Vec::new()),
        };
        let Some(edits) = edits else {
            return Ok(());
        };
        let mut from = 0;
        for (at, new) in edits {
            let token = &statement.tokens[at];
            self.out.write_all(&statement.text[from..token.start])?;
            self.out.write_all(&new)?;
            from = token.end;
        }
        self.out.write_all(&statement.text[from..])?;
        match (&mut self.created, statement.find_created()) {
            (Some(created), Some(object)) => {
                let confirm = created.add(object, statement.delimiter);
                self.out.write_all(&confirm)
            }
            _ => Ok(()),
        }
    }

    fn take_insert(&mut self, statement: &Statement<'_>) -> io::Result<()> {
        if self.options.without_tables {
            return Ok(());
        }
        let table = statement.find_filled_table().unwrap_or_default();
        self.out.begin(format!("rows of table {table}"));
        self.measure(statement.text, true);
        self.out.write_all(statement.text)
    }

    fn take_rows(&mut self, rows: &[u8]) -> io::Result<()> {
        if self.options.without_tables {
            return Ok(());
        }
        self.measure(rows, false);
        self.out.write_all(rows)
    }
}

/// Returns true if a statement may create, change or drop tables or sequences: it is neither `SET` nor
/// about an object of another kind.
fn makes_tables(statement: &Statement<'_>) -> bool {
    let about = statement.find_object().map(|about| about.object);
    let about = about.or_else(|| Some(statement.find_dropped()?.0));
    !statement.is(0, &["SET"]) && about.is_none_or(|kind| kind == ObjectKind::Table)
}

/// Returns the kind and the name of the object, such as `view v`.
fn describe(statement: &Statement<'_>, about: ObjectReference) -> String {
    let kind = match about.object {
        ObjectKind::Database => "database",
        ObjectKind::Table => "table",
        ObjectKind::View => "view",
        ObjectKind::Trigger => "trigger",
        ObjectKind::Event => "event",
        ObjectKind::Routine => "routine",
    };
    let name = statement.name(about.name).unwrap_or_default();
    format!("{kind} {name}")
}

/// Returns the range of the tokens of `DEFINER = user@host`, which stand before the object's name.
/// The range is empty if there is no definer.
fn find_definer(statement: &Statement<'_>, about: ObjectReference) -> std::ops::Range<usize> {
    let header = 0..about.name;
    let found = header
        .clone()
        .find(|at| statement.is(*at, &["DEFINER"]) && statement.is(at + 1, &["="]));
    let Some(first) = found else {
        return 0..0;
    };
    // A role has no host.
    let has_host = statement.is(first + 3, &["@"]);
    first..first + if has_host { 5 } else { 3 }
}

/// Returns the index of the `ENABLE` of an event, which stands before the event's `DO`.
fn find_enable(statement: &Statement<'_>, about: ObjectReference) -> Option<usize> {
    let mut tokens = about.name + 1..statement.tokens.len();
    tokens
        .find(|at| statement.is(*at, &["ENABLE", "DO"]))
        .filter(|at| statement.is(*at, &["ENABLE"]))
}
