//! Where the text of an object says the name of a database.
//!
//! Views, tables and sequences are written by the server, which puts every name in its place.
//! Routines, triggers and events have the text their author wrote.

use super::Statement;
use super::lexer::Kind;

/// What a statement creates or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    /// `USE`, or `CREATE`, `ALTER` or `DROP DATABASE`.
    Database,
    Table,
    View,
    Trigger,
    Event,
    Routine,
}

/// A statement of an object, and which token names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub(super) object: Object,
    /// The last token of its name.
    pub(super) name: usize,
}

/// How a name before a dot, or alone, is used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It names a database.
    Database,
    /// It names a table, an alias or a variable.
    Other,
    /// It may be either.
    Unclear,
}

const KINDS: [(&str, Object); 8] = [
    ("TABLE", Object::Table),
    ("SEQUENCE", Object::Table),
    ("VIEW", Object::View),
    ("TRIGGER", Object::Trigger),
    ("EVENT", Object::Event),
    ("FUNCTION", Object::Routine),
    ("PROCEDURE", Object::Routine),
    ("PACKAGE", Object::Routine),
];
/// The words that an option of a database begins with, where its name is left out.
const OPTIONS: [&str; 8] = [
    "CHARACTER",
    "CHARSET",
    "COLLATE",
    "COMMENT",
    "DEFAULT",
    "ENCRYPTION",
    "READ",
    "UPGRADE",
];

impl Statement<'_> {
    /// What it is about, where it is about an object; `None` of a database whose name is left out.
    pub(super) fn about(&self) -> Option<About> {
        if self.is(0, &["USE"]) {
            let object = Object::Database;
            return Some(About { object, name: 1 });
        }
        if !self.is(0, &["CREATE", "ALTER", "DROP"]) {
            return None;
        }
        let (mut name, object) = if self.is(1, &["DATABASE", "SCHEMA"]) {
            (2, Object::Database)
        } else {
            let of = |at| KINDS.iter().find(|(word, _)| self.is(at, &[word]));
            let found = (1..self.tokens.len()).find_map(|at| of(at).map(|of| (at + 1, of.1)));
            found.filter(|_| self.is(0, &["CREATE"]))?
        };
        while self.is(name, &["BODY", "IF", "NOT", "EXISTS"]) {
            name += 1;
        }
        if object == Object::Database && self.is(name, &OPTIONS) {
            return None;
        }
        if self.is(name + 1, &["."]) {
            name += 2;
        }
        Some(About { object, name })
    }

    /// The table that it creates, if it does.
    pub(super) fn creates_table(&self) -> Option<String> {
        let about = self.about().filter(|about| about.object == Object::Table);
        about.and_then(|about| self.name(about.name))
    }

    /// The name that a token stands for; `None` where it is no name.
    pub(super) fn name(&self, at: usize) -> Option<String> {
        let text = self.token(at);
        match self.tokens.get(at)?.kind {
            Kind::Word => Some(String::from_utf8_lossy(text).into_owned()),
            Kind::Name => {
                let quote = char::from(text[0]);
                let inner = String::from_utf8_lossy(&text[1..text.len().max(2) - 1]);
                Some(inner.replace(&format!("{quote}{quote}"), &quote.to_string()))
            }
            _ => None,
        }
    }

    /// Does this name stand before a dot, and after none?
    pub(super) fn qualifies(&self, at: usize) -> bool {
        let before = at.wrapping_sub(1);
        self.is(at + 1, &["."]) && !self.is(before, &[".", "@"])
    }

    /// Does this name stand for itself: not beside a dot, and not in an account or a user variable?
    pub(super) fn is_bare(&self, at: usize) -> bool {
        let before = at.wrapping_sub(1);
        !self.is(at + 1, &[".", "@"]) && !self.is(before, &[".", "@"])
    }

    /// How the name before a dot is used in what the server wrote.
    pub(super) fn use_in_written(&self, at: usize) -> Use {
        let is_three = self.is(at + 3, &["."]);
        let calls = self.is(at + 3, &["("]) && self.touches(at + 2);
        let refers = self.is(at.wrapping_sub(1), &["REFERENCES"]);
        if is_three || calls || refers || self.is_sequence(at) || self.follows_from(at, true) {
            Use::Database
        } else {
            Use::Other
        }
    }

    /// How the name before a dot is used in what an author wrote, where the name alone stands for a
    /// table, an alias or a variable as well.
    pub(super) fn use_in_authored(&self, at: usize) -> Use {
        const TABLES: [&str; 7] = [",", "DELETE", "INTO", "LIKE", "TABLES", "TO", "USING"];
        let is_three = self.is(at + 3, &["."]);
        let calls = self.is(at + 3, &["("]) && self.touches(at + 2);
        if is_three || calls || self.is_sequence(at) || self.follows_table_word(at) {
            Use::Database
        } else if self.is(at.wrapping_sub(1), &TABLES) {
            Use::Unclear
        } else {
            Use::Other
        }
    }

    /// Does a word precede this name after which only a table or a routine can stand?
    pub(super) fn follows_table_word(&self, at: usize) -> bool {
        const WORDS: [&str; 11] = [
            "CALL",
            "EVENT",
            "EXISTS",
            "FUNCTION",
            "OF",
            "PROCEDURE",
            "SEQUENCE",
            "TABLE",
            "TRIGGER",
            "TRUNCATE",
            "VIEW",
        ];
        const INSERTS: [&str; 6] = [
            "INSERT",
            "REPLACE",
            "IGNORE",
            "DELAYED",
            "LOW_PRIORITY",
            "HIGH_PRIORITY",
        ];
        let (before, second) = (at.wrapping_sub(1), at.wrapping_sub(2));
        self.is(before, &WORDS)
            || (self.is(before, &["INTO"]) && self.is(second, &INSERTS))
            || (self.is(before, &["UPDATE"]) && !self.is(second, &["KEY"]))
            || self.follows_from(at, false)
    }

    /// Is this the database of a sequence whose value is asked for?
    fn is_sequence(&self, at: usize) -> bool {
        let (before, second) = (at.wrapping_sub(1), at.wrapping_sub(2));
        (self.is(before, &["("]) && self.is(second, &["nextval", "lastval", "setval"]))
            || (self.is(before, &["FOR"]) && self.is(second, &["VALUE"]))
    }

    /// Does this name follow a `FROM` that names tables, or a `JOIN`? `FROM` also stands in
    /// `EXTRACT(YEAR FROM x)` and `TRIM(x FROM y)`.
    fn follows_from(&self, at: usize, is_written: bool) -> bool {
        let mut word = at.wrapping_sub(1);
        while self.is(word, &["("]) {
            word = word.wrapping_sub(1);
        }
        if self.is(word, &["JOIN", "STRAIGHT_JOIN"]) {
            return true;
        }
        let deletes = ["DELETE", "QUICK", "IGNORE", "LOW_PRIORITY"];
        if !self.is(word, &["FROM"]) {
            return false;
        }
        if !is_written && self.is(word.wrapping_sub(1), &deletes) {
            return true;
        }
        let mut depth = 0_usize;
        for before in (0..word).rev() {
            if self.is(before, &[")"]) {
                depth += 1;
            } else if self.is(before, &["("]) {
                if depth == 0 {
                    return false;
                }
                depth -= 1;
            } else if depth == 0 && self.is(before, &["SELECT"]) {
                return true;
            } else if depth == 0 && self.is(before, &[";", "FROM"]) {
                return false;
            }
        }
        false
    }

    /// Does the next token begin where this one ends?
    fn touches(&self, at: usize) -> bool {
        let (this, next) = (self.tokens.get(at), self.tokens.get(at + 1));
        this.zip(next)
            .is_some_and(|(this, next)| this.end == next.start)
    }
}
