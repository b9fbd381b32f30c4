//! Compares a restored database with the facts of the snapshot it was dumped from.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::throwaway::RestoredContent;
use crate::header::{Facts, Header, Rows};
use crate::human;
use crate::identity::Engine;

/// The most differences that a comparison lists; it only counts the others.
const LISTED: usize = 5;

/// What the tables and rows of an engine are called.
struct TableWords {
    table: &'static str,
    row: &'static str,
}

impl TableWords {
    fn new(of_keys: bool) -> Self {
        let (table, row) = if of_keys {
            ("database", "key")
        } else {
            ("table", "row")
        };
        TableWords { table, row }
    }
}

/// The result of a comparison.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Comparison {
    /// The number of tables in the restored database.
    pub(super) tables: usize,
    /// The number of rows in all its tables.
    pub(super) rows: u64,
    /// The number of tables whose rows were counted at the snapshot and have the same number now.
    pub(super) counted: usize,
    /// The number of tables whose rows the engine only estimated at the snapshot.
    pub(super) estimated: usize,
    /// The number of tables whose rows the dump's header has no room for.
    #[serde(default)]
    pub(super) unlisted: usize,
    /// True if the dump was only loaded, without an error, and nothing was compared: it holds what
    /// belongs to no single database, so it has no tables.
    pub(super) only_loaded: bool,
    /// What the user left out of the dump, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) left_out: String,
    /// True if the tables are the databases of a server, and their rows are its keys.
    #[serde(default)]
    pub(super) of_keys: bool,
    /// Differences and faults that make the drill fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) problems: Vec<String>,
    /// Remarks that do not make the drill fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
}

impl Comparison {
    /// Compares a restored database with the header of its dump.
    pub(super) fn new(header: &Header, contents: RestoredContent) -> Self {
        let of_keys = header.identity.engine == Engine::Redis;
        let mut this = Comparison::compare_tables(&header.facts, &contents.rows, of_keys);
        this.left_out = header.left_out.to_string();
        this.problems.extend(contents.problems);
        if let Some(version) = contents.version {
            this.note_version(&header.engine_version, &version);
        }
        this
    }

    /// Compares the number of rows of each table `now` with the number at the snapshot.
    fn compare_tables(facts: &Facts, now: &BTreeMap<String, Option<u64>>, of_keys: bool) -> Self {
        let TableWords { table: thing, row } = TableWords::new(of_keys);
        let mut this = Comparison {
            tables: now.len(),
            rows: now.values().flatten().sum(),
            unlisted: facts
                .table_count
                .saturating_sub(facts.tables.len())
                .min(now.len()),
            of_keys,
            ..Comparison::default()
        };
        let mut differences = Vec::new();
        let mut far = Vec::new();
        for (table, then) in &facts.tables {
            let Some(now) = now.get(table) else {
                differences.push(format!("the {thing} {table} is missing"));
                continue;
            };
            match (now, then) {
                (Some(now), Some(Rows::Exact(then))) if now == then => this.counted += 1,
                (Some(now), Some(Rows::Exact(then))) => {
                    let now = human::format_count(*now, row);
                    differences.push(format!("{table} has {now} and had {then}"));
                }
                (None, Some(Rows::Exact(then))) => {
                    let then = human::format_count(*then, row);
                    differences.push(format!("{table} cannot be counted and had {then}"));
                }
                (Some(now), Some(Rows::About { about })) if is_far(*now, *about) => {
                    this.estimated += 1;
                    far.push(format!("{table} has {now} and was estimated at {about}"));
                }
                (_, Some(Rows::About { .. })) => this.estimated += 1,
                (_, None) => {}
            }
        }
        // A header without facts, which another version of this program may write, claims nothing.
        let claims = *facts != Facts::default() && facts.table_count >= facts.tables.len();
        if claims && now.len() != facts.table_count {
            let then = facts.table_count;
            let tables = human::format_count(now.len(), thing);
            differences.push(format!("it has {tables} and had {then}"));
        }
        this.problems.extend(describe_list(differences));
        this.notes.extend(
            describe_list(far).map(|far| format!("rows differ from the engine's estimate: {far}")),
        );
        this
    }
}

impl Comparison {
    /// Adds a note if the server that restored the dump is of another release series than the
    /// dumped server.
    fn note_version(&mut self, dumped: &str, restored: &str) {
        let series = |version: &str| -> Vec<String> {
            // The second number is part of the release series in MariaDB's versions and in
            // `8.4.2`, and only a minor release in `15.2`.
            let two = version.contains("Maria") || version.as_bytes().get(1) == Some(&b'.');
            let numbers = version.split(|c: char| !c.is_ascii_digit());
            let numbers = numbers.filter(|number| !number.is_empty());
            let numbers = numbers.take(1 + usize::from(two));
            numbers.map(str::to_owned).collect()
        };
        if series(dumped) != series(restored) {
            let note = format!("it was dumped from version {dumped} and restored by {restored}");
            self.notes.push(note);
        }
    }
}

/// Returns true if one of the two numbers of rows is more than three times the other, and above
/// 1000. An engine's estimate is rarely further off, except for a table that has just changed.
fn is_far(now: u64, about: u64) -> bool {
    now.max(about) > 1000 && (now > about.saturating_mul(3) || about > now.saturating_mul(3))
}

fn describe_list(mut all: Vec<String>) -> Option<String> {
    let more = all.len().saturating_sub(LISTED);
    all.truncate(LISTED);
    if more > 0 {
        all.push(format!("{more} more"));
    }
    (!all.is_empty()).then(|| all.join(", "))
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.only_loaded {
            return f.write_str("all of it loaded; nothing else was compared");
        }
        let words = TableWords::new(self.of_keys);
        let tables = human::format_count(self.tables, words.table);
        let rows = human::format_count(self.rows, words.row);
        write!(f, "{tables} with {rows}")?;
        match self.counted {
            0 => {}
            all if all == self.tables => f.write_str(", each as many as were dumped")?,
            some => write!(f, ", in {some} of them counted as many as were dumped")?,
        }
        let known = self.counted + self.estimated + self.unlisted;
        let unknown = self.tables.saturating_sub(known);
        for (number, how) in [(self.estimated, "only estimated"), (unknown, "not counted")] {
            if number > 0 {
                let tables = human::format_count(number, words.table);
                write!(f, "; the rows of {tables} were {how} when it was dumped")?;
            }
        }
        if !self.left_out.is_empty() {
            write!(f, "; dumped {}", self.left_out)?;
        }
        if self.unlisted > 0 {
            let tables = human::format_count(self.unlisted, "table");
            write!(
                f,
                "; the dump's header has no room for the rows of {tables}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare_rows(now: &[(&str, u64)], then: &[(&str, Option<Rows>)]) -> Comparison {
        let facts = Facts {
            tables: then
                .iter()
                .map(|(name, rows)| ((*name).to_owned(), *rows))
                .collect(),
            table_count: then.len(),
            ..Facts::default()
        };
        let now = now
            .iter()
            .map(|(name, rows)| ((*name).to_owned(), Some(*rows)));
        Comparison::compare_tables(&facts, &now.collect(), false)
    }

    #[test]
    fn another_release_series_is_noted() {
        let noted = |dumped, restored| {
            let mut comparison = Comparison::default();
            comparison.note_version(dumped, restored);
            comparison.notes.len()
        };
        assert_eq!(noted("15.14 (Debian 15.14-0+deb12u1)", "15.2"), 0);
        assert_eq!(noted("15.14", "17.1"), 1);
        assert_eq!(noted("10.11.14-MariaDB-0+deb12u2", "10.11.2-MariaDB"), 0);
        assert_eq!(noted("10.6.1-MariaDB", "10.11.2-MariaDB"), 1);
        assert_eq!(noted("8.0.40", "8.4.2"), 1);
    }

    #[test]
    fn what_is_missing_or_counted_otherwise_is_a_problem() {
        let about = |about| Some(Rows::About { about });
        let good = compare_rows(
            &[("a", 3), ("b", 900), ("c", 7)],
            &[("a", Some(Rows::Exact(3))), ("b", about(0)), ("c", None)],
        );
        assert!(
            good.problems.is_empty() && good.notes.is_empty(),
            "{good:?}"
        );
        assert_eq!((good.tables, good.rows, good.counted), (3, 910, 1));
        assert_eq!(
            good.to_string(),
            "3 tables with 910 rows, in 1 of them counted as many as were dumped; \
             the rows of 1 table were only estimated when it was dumped; \
             the rows of 1 table were not counted when it was dumped"
        );
        let globals = Comparison {
            only_loaded: true,
            ..Comparison::default()
        };
        assert_eq!(
            globals.to_string(),
            "all of it loaded; nothing else was compared"
        );

        let facts = Facts {
            tables: vec![("a".to_owned(), Some(Rows::Exact(0)))],
            table_count: 3,
            ..Facts::default()
        };
        let now = ["a", "b", "c"].map(|name| (name.to_owned(), Some(0)));
        assert_eq!(
            Comparison::compare_tables(&facts, &BTreeMap::from(now), false).to_string(),
            "3 tables with 0 rows, in 1 of them counted as many as were dumped; \
             the dump's header has no room for the rows of 2 tables"
        );

        let fewer = compare_rows(&[("a", 2)], &[("a", Some(Rows::Exact(3)))]);
        assert_eq!(fewer.problems, ["a has 2 rows and had 3"]);
        let facts = Facts {
            tables: vec![("a".to_owned(), Some(Rows::Exact(3)))],
            table_count: 1,
            ..Facts::default()
        };
        let uncountable =
            Comparison::compare_tables(&facts, &BTreeMap::from([("a".into(), None)]), false);
        assert_eq!(uncountable.problems, ["a cannot be counted and had 3 rows"]);
        let none = compare_rows(&[], &[("a", None)]);
        assert_eq!(
            none.problems,
            ["the table a is missing, it has 0 tables and had 1"]
        );
        let unknown = Comparison::compare_tables(
            &Facts::default(),
            &BTreeMap::from([("a".into(), None)]),
            false,
        );
        assert!(unknown.problems.is_empty());
        let one_more = compare_rows(&[("a", 1), ("b", 1)], &[("a", None)]);
        assert_eq!(one_more.problems, ["it has 2 tables and had 1"]);
        let far = compare_rows(&[("a", 0)], &[("a", about(5000))]);
        assert!(far.problems.is_empty());
        assert_eq!(
            far.notes,
            ["rows differ from the engine's estimate: a has 0 and was estimated at 5000"]
        );
    }
}
