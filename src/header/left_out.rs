//! What the user left out of a dump.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::human::escape;

/// The patterns by which the user left tables or rows out of a dump, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LeftOut {
    /// Patterns of the tables that the dump lacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
    /// Patterns of the tables that the dump holds without their rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<String>,
}

impl LeftOut {
    /// Returns these patterns, sorted and each once.
    #[must_use]
    pub fn new(mut tables: Vec<String>, mut rows: Vec<String>) -> Self {
        for patterns in [&mut tables, &mut rows] {
            patterns.sort();
            patterns.dedup();
        }
        LeftOut { tables, rows }
    }

    /// Returns true if nothing is left out: the dump is whole.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == LeftOut::default()
    }

    /// Returns a number that is 0 if nothing is left out, and otherwise differs between dumps that
    /// lack different things. It holds for one run of the program.
    #[must_use]
    pub fn group(&self) -> u64 {
        if self.is_nothing() {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish().max(1)
    }
}

impl fmt::Display for LeftOut {
    /// Writes words such as `without the tables audit_*, and without the rows of log_*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |patterns: &[String]| escape(&patterns.join(", "));
        if !self.tables.is_empty() {
            write!(f, "without the tables {}", list(&self.tables))?;
        }
        if !self.tables.is_empty() && !self.rows.is_empty() {
            f.write_str(", and ")?;
        }
        if !self.rows.is_empty() {
            write!(f, "without the rows of {}", list(&self.rows))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::LeftOut;

    fn left_out(tables: &[&str], rows: &[&str]) -> LeftOut {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        LeftOut::new(owned(tables), owned(rows))
    }

    #[test]
    fn dumps_that_lack_the_same_are_of_one_group() {
        assert_eq!(left_out(&[], &[]).group(), 0);
        let some = left_out(&["b", "a", "b"], &["c"]);
        assert_eq!(some.group(), left_out(&["a", "b"], &["c"]).group());
        for other in [
            left_out(&["a"], &["b", "c"]),
            left_out(&["a", "b"], &[]),
            left_out(&["ab"], &["c"]),
        ] {
            assert_ne!(some.group(), other.group(), "{other:?}");
        }
    }

    #[test]
    fn it_is_said_in_words() {
        for (tables, rows, words) in [
            (&["a", "b"][..], &[][..], "without the tables a, b"),
            (&[], &["log_*"], "without the rows of log_*"),
            (
                &["a"],
                &["b"],
                "without the tables a, and without the rows of b",
            ),
        ] {
            assert_eq!(left_out(tables, rows).to_string(), words);
        }
    }
}
