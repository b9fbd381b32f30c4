//! Where the text of an object says the name of a database.
//!
//! Views, tables and sequences are written by the server, which puts every name in its place.
//! Routines, triggers and events have the text their author wrote.

use super::lexer::Kind;
use super::statement::Statement;

/// How a name before a dot is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It names a database.
    Database,
    /// It names a table, an alias or a variable.
    Other,
    /// It may be either.
    Unclear,
}

/// After these words stands a table, a routine, a trigger or an event.
const TABLES: [&str; 11] = [
    "CALL",
    "EVENT",
    "EXISTS",
    "FUNCTION",
    "HANDLER",
    "PROCEDURE",
    "SEQUENCE",
    "TABLE",
    "TRIGGER",
    "TRUNCATE",
    "VIEW",
];
/// Between `INSERT`, `REPLACE`, `UPDATE` or `DELETE` and a table these words may stand.
const MODIFIERS: [&str; 5] = [
    "DELAYED",
    "HIGH_PRIORITY",
    "IGNORE",
    "LOW_PRIORITY",
    "QUICK",
];
/// After these words stands a value.
const VALUES: [&str; 29] = [
    "ALL",
    "AND",
    "BETWEEN",
    "BINARY",
    "BY",
    "CASE",
    "DISTINCT",
    "DISTINCTROW",
    "DIV",
    "ELSE",
    "ELSEIF",
    "HAVING",
    "IF",
    "INTERVAL",
    "MOD",
    "NOT",
    "OR",
    "REGEXP",
    "RETURN",
    "RETURNING",
    "RLIKE",
    "SELECT",
    "SET",
    "THEN",
    "UNTIL",
    "WHEN",
    "WHERE",
    "WHILE",
    "XOR",
];
const OPERATORS: [&str; 12] = ["=", "<", ">", "+", "-", "*", "/", "%", "|", "&", "^", "~"];
/// Before a parenthesis, these words begin tables. Any other word is a function or asks for values.
const GROUPING: [&str; 10] = [
    "DELETE",
    "INTO",
    "JOIN",
    "LIKE",
    "OJ",
    "STRAIGHT_JOIN",
    "TABLE",
    "UNION",
    "UPDATE",
    "USING",
];

impl Statement<'_> {
    /// How the name before a dot is used in what the server wrote.
    pub(super) fn use_in_written(&self, at: usize) -> Use {
        let refers = self.is(at.wrapping_sub(1), &["REFERENCES"]);
        if self.is_in_front(at) || refers || self.is_sequence(at) || self.follows_tables(at) {
            Use::Database
        } else {
            Use::Other
        }
    }

    /// How the name before a dot is used in what an author wrote, where the name also stands for a
    /// table, an alias or a variable.
    pub(super) fn use_in_authored(&self, at: usize) -> Use {
        let before = at.wrapping_sub(1);
        if self.is_in_front(at) || self.is_sequence(at) || self.follows_table_word(at) {
            return Use::Database;
        }
        let word = self.before_parentheses(at);
        if self.is(word, &["FROM"]) {
            return self.use_after_from(word);
        }
        let is_value = if word != before {
            self.is_value_in_parentheses(word)
        } else if self.is(before, &["ON"]) {
            self.is_on_of_join(before)
        } else if self.is(before, &["UPDATE"]) {
            // ON DUPLICATE KEY UPDATE.
            self.is(before.wrapping_sub(1), &["KEY"])
        } else {
            // A routine of Oracle's mode is called without CALL and without parentheses.
            let may_call = self.is(before, &["THEN", "ELSE"]) && self.ends(at + 3);
            (self.is(before, &VALUES) && !may_call) || self.is(before, &OPERATORS)
        };
        if is_value { Use::Other } else { Use::Unclear }
    }

    /// Does a word precede this name after which only a table or a routine can stand?
    pub(super) fn follows_table_word(&self, at: usize) -> bool {
        let before = at.wrapping_sub(1);
        let of_into = self.before_modifiers(before.wrapping_sub(1));
        let head = self.before_modifiers(before);
        let updates = self.is(head, &["UPDATE"]) && !self.is(head.wrapping_sub(1), &["KEY"]);
        self.is(before, &TABLES)
            || (self.is(before, &["INTO"]) && self.is(of_into, &["INSERT", "REPLACE"]))
            || self.is(head, &["INSERT", "REPLACE"])
            || updates
            || self.follows_tables(at)
    }

    /// Is this the first of three names, or does a parenthesis follow the second? Neither is ever a
    /// column of a table.
    fn is_in_front(&self, at: usize) -> bool {
        self.is(at + 3, &[".", "("])
    }

    /// Is this the database of a sequence whose value is asked for?
    fn is_sequence(&self, at: usize) -> bool {
        let (before, second) = (at.wrapping_sub(1), at.wrapping_sub(2));
        (self.is(before, &["("]) && self.is(second, &["nextval", "lastval", "setval"]))
            || (self.is(before, &["FOR"]) && self.is(second, &["VALUE"]))
    }

    /// Does this name follow a `FROM` that names tables, or a `JOIN`?
    fn follows_tables(&self, at: usize) -> bool {
        let word = self.before_parentheses(at);
        self.is(word, &["JOIN", "STRAIGHT_JOIN"])
            || (self.is(word, &["FROM"]) && self.use_after_from(word) == Use::Database)
    }

    /// How a name is used after this `FROM`, which also stands in `EXTRACT(YEAR FROM x)`,
    /// `TRIM(x FROM y)` and `PREPARE s FROM x`.
    fn use_after_from(&self, from: usize) -> Use {
        for (before, is_opening) in self.outer_before(from) {
            if is_opening {
                return Use::Other;
            } else if self.is(before, &["SELECT", "DELETE", "SHOW"]) {
                return Use::Database;
            } else if self.is(before, &["FROM", "PREPARE"]) {
                return Use::Unclear;
            } else if self.is(before, &[";"]) {
                break;
            }
        }
        Use::Unclear
    }

    /// Does the condition of a join follow this `ON`? It also stands in `CREATE INDEX`, `DROP INDEX`,
    /// `GRANT` and `REVOKE`.
    fn is_on_of_join(&self, on: usize) -> bool {
        const OTHERS: [&str; 8] = [
            ";", "ALTER", "CREATE", "DELETE", "DROP", "GRANT", "REVOKE", "SELECT",
        ];
        for (before, is_opening) in self.outer_before(on) {
            if self.is(before, &["JOIN", "STRAIGHT_JOIN"]) {
                return true;
            } else if is_opening || self.is(before, &OTHERS) {
                return false;
            }
        }
        false
    }

    /// Does a value follow the parentheses that follow this token?
    fn is_value_in_parentheses(&self, word: usize) -> bool {
        let Some(token) = self.tokens.get(word) else {
            return false;
        };
        match token.kind {
            Kind::Word => !self.is(word, &GROUPING),
            Kind::Name => true,
            // A MERGE table has a UNION=(...).
            _ => self.is(word, &OPERATORS) && !self.is(word.wrapping_sub(1), &["UNION"]),
        }
    }

    /// The tokens before this one that are in no parentheses which close before it, backwards, until
    /// a parenthesis that opens around it, of which the second value tells.
    fn outer_before(&self, at: usize) -> impl Iterator<Item = (usize, bool)> {
        let (mut depth, mut is_done) = (0_usize, false);
        (0..at).rev().filter_map(move |before| {
            let (opens, closes) = (self.is(before, &["("]), self.is(before, &[")"]));
            if is_done || closes {
                depth += usize::from(closes);
                return None;
            }
            let is_outer = depth == 0;
            is_done = opens && is_outer;
            depth -= usize::from(opens && !is_outer);
            is_outer.then_some((before, opens))
        })
    }

    /// Is this a `;` or `:=`, or behind the last token?
    fn ends(&self, at: usize) -> bool {
        at >= self.tokens.len() || self.is(at, &[";", ":"])
    }

    /// The last token before this name and the parentheses that open before it.
    fn before_parentheses(&self, at: usize) -> usize {
        let mut word = at.wrapping_sub(1);
        while self.is(word, &["("]) {
            word = word.wrapping_sub(1);
        }
        word
    }

    /// This token, or the one before the modifiers that end with it.
    fn before_modifiers(&self, mut at: usize) -> usize {
        while self.is(at, &MODIFIERS) {
            at = at.wrapping_sub(1);
        }
        at
    }
}
