//! Finds where the text of an object uses the name of a database.
//!
//! The server writes the text of views, tables and sequences, and puts every name in a known place.
//! Routines, triggers and events have the text that their author wrote.

use super::lexer::TokenKind;
use super::statement::Statement;

/// How a name before a dot is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameUse {
    /// The name stands for a database.
    Database,
    /// The name stands for a table, an alias or a variable.
    Other,
    /// The name may stand for a database or for something else.
    Unclear,
}

/// Words after which a table, a routine, a trigger or an event stands.
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
/// Words that may stand between `INSERT`, `REPLACE`, `UPDATE` or `DELETE` and a table.
const MODIFIERS: [&str; 5] = [
    "DELAYED",
    "HIGH_PRIORITY",
    "IGNORE",
    "LOW_PRIORITY",
    "QUICK",
];
/// Words after which a value stands.
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
/// Words that begin tables if a parenthesis follows. Any other word before a parenthesis is a
/// function or expects values.
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
    /// Returns how the name before a dot is used in text that the server wrote.
    pub(super) fn use_in_written(&self, at: usize) -> NameUse {
        let refers = self.is(at.wrapping_sub(1), &["REFERENCES"]);
        if self.is_in_front(at) || refers || self.is_sequence(at) || self.follows_tables(at) {
            NameUse::Database
        } else {
            NameUse::Other
        }
    }

    /// Returns how the name before a dot is used in text that an author wrote, if the name also
    /// stands for a table, an alias or a variable.
    pub(super) fn use_in_authored(&self, at: usize) -> NameUse {
        let before = at.wrapping_sub(1);
        if self.is_in_front(at) || self.is_sequence(at) || self.follows_table_word(at) {
            return NameUse::Database;
        }
        let word = self.skip_parentheses(at);
        if self.is(word, &["FROM"]) {
            return self.use_after_from(word);
        }
        let is_value = if word != before {
            self.is_value_in_parentheses(word)
        } else if self.is(before, &["ON"]) {
            self.is_on_of_join(before)
        } else if self.is(before, &["UPDATE"]) {
            // This is ON DUPLICATE KEY UPDATE.
            self.is(before.wrapping_sub(1), &["KEY"])
        } else {
            // In Oracle mode, a routine may be called without CALL and without parentheses.
            let may_call = self.is(before, &["THEN", "ELSE"]) && self.is_statement_end(at + 3);
            (self.is(before, &VALUES) && !may_call) || self.is(before, &OPERATORS)
        };
        if is_value {
            NameUse::Other
        } else {
            NameUse::Unclear
        }
    }

    /// Returns true if the name follows a word after which only a table or a routine can stand.
    pub(super) fn follows_table_word(&self, at: usize) -> bool {
        let before = at.wrapping_sub(1);
        let of_into = self.skip_modifiers(before.wrapping_sub(1));
        let head = self.skip_modifiers(before);
        let updates = self.is(head, &["UPDATE"]) && !self.is(head.wrapping_sub(1), &["KEY"]);
        self.is(before, &TABLES)
            || (self.is(before, &["INTO"]) && self.is(of_into, &["INSERT", "REPLACE"]))
            || self.is(head, &["INSERT", "REPLACE"])
            || updates
            || self.follows_tables(at)
    }

    /// Returns true if the name is the first of three names, or if a parenthesis follows the second
    /// name. Neither is ever a column of a table.
    fn is_in_front(&self, at: usize) -> bool {
        self.is(at + 3, &[".", "("])
    }

    /// Returns true if the name is the database of a sequence whose value is requested.
    fn is_sequence(&self, at: usize) -> bool {
        let (before, second) = (at.wrapping_sub(1), at.wrapping_sub(2));
        (self.is(before, &["("]) && self.is(second, &["nextval", "lastval", "setval"]))
            || (self.is(before, &["FOR"]) && self.is(second, &["VALUE"]))
    }

    /// Returns true if the name follows a `FROM` that names tables, or a `JOIN`.
    fn follows_tables(&self, at: usize) -> bool {
        let word = self.skip_parentheses(at);
        self.is(word, &["JOIN", "STRAIGHT_JOIN"])
            || (self.is(word, &["FROM"]) && self.use_after_from(word) == NameUse::Database)
    }

    /// Returns how a name after this `FROM` is used. `FROM` also occurs in `EXTRACT(YEAR FROM x)`,
    /// `TRIM(x FROM y)` and `PREPARE s FROM x`.
    fn use_after_from(&self, from: usize) -> NameUse {
        for (before, is_opening) in self.walk_outer_tokens(from) {
            if is_opening {
                return NameUse::Other;
            } else if self.is(before, &["SELECT", "DELETE", "SHOW"]) {
                return NameUse::Database;
            } else if self.is(before, &["FROM", "PREPARE"]) {
                return NameUse::Unclear;
            } else if self.is(before, &[";"]) {
                break;
            }
        }
        NameUse::Unclear
    }

    /// Returns true if the condition of a join follows this `ON`. `ON` also occurs in
    /// `CREATE INDEX`, `DROP INDEX`, `GRANT` and `REVOKE`.
    fn is_on_of_join(&self, on: usize) -> bool {
        const OTHERS: [&str; 8] = [
            ";", "ALTER", "CREATE", "DELETE", "DROP", "GRANT", "REVOKE", "SELECT",
        ];
        for (before, is_opening) in self.walk_outer_tokens(on) {
            if self.is(before, &["JOIN", "STRAIGHT_JOIN"]) {
                return true;
            } else if is_opening || self.is(before, &OTHERS) {
                return false;
            }
        }
        false
    }

    /// Returns true if a name in the parentheses that follow this token is a value.
    fn is_value_in_parentheses(&self, word: usize) -> bool {
        let Some(token) = self.tokens.get(word) else {
            return false;
        };
        match token.kind {
            TokenKind::Word => !self.is(word, &GROUPING),
            TokenKind::Name => true,
            // A MERGE table has a UNION=(...).
            _ => self.is(word, &OPERATORS) && !self.is(word.wrapping_sub(1), &["UNION"]),
        }
    }

    /// Returns the tokens before `at`, backwards, without those in parentheses that close before
    /// `at`. The last one is the parenthesis that opens around `at`; only for it, the second value
    /// is true.
    fn walk_outer_tokens(&self, at: usize) -> impl Iterator<Item = (usize, bool)> {
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

    /// Returns true if the token at `at` is a `;` or begins a `:=`, or if there is no such token.
    fn is_statement_end(&self, at: usize) -> bool {
        at >= self.tokens.len() || self.is(at, &[";", ":"])
    }

    /// Returns the last token before this name and before the parentheses that open before it.
    fn skip_parentheses(&self, at: usize) -> usize {
        let mut word = at.wrapping_sub(1);
        while self.is(word, &["("]) {
            word = word.wrapping_sub(1);
        }
        word
    }

    /// Returns this token, or the token before the modifiers that end with this token.
    fn skip_modifiers(&self, mut at: usize) -> usize {
        while self.is(at, &MODIFIERS) {
            at = at.wrapping_sub(1);
        }
        at
    }
}
