//! Finds the object that a statement is about, and the names in a statement.

use super::lexer::TokenKind;
use super::statement::Statement;

/// The kind of object that a statement creates or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ObjectKind {
    /// `USE`, or `CREATE`, `ALTER` or `DROP DATABASE`.
    Database,
    Table,
    View,
    Trigger,
    Event,
    Routine,
}

/// The object that a statement is about, and the token that names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObjectReference {
    pub(super) object: ObjectKind,
    /// The index of the last token of the object's name.
    pub(super) name: usize,
}

const KINDS: [(&str, ObjectKind); 8] = [
    ("TABLE", ObjectKind::Table),
    ("SEQUENCE", ObjectKind::Table),
    ("VIEW", ObjectKind::View),
    ("TRIGGER", ObjectKind::Trigger),
    ("EVENT", ObjectKind::Event),
    ("FUNCTION", ObjectKind::Routine),
    ("PROCEDURE", ObjectKind::Routine),
    ("PACKAGE", ObjectKind::Routine),
];
/// The words that begin an option of a database in a statement without the database's name.
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
    /// Returns the object that the statement is about. Returns `None` if it is about no object, or
    /// about a database whose name is left out.
    pub(super) fn find_object(&self) -> Option<ObjectReference> {
        if self.is(0, &["USE"]) {
            let object = ObjectKind::Database;
            return Some(ObjectReference { object, name: 1 });
        }
        if !self.is(0, &["CREATE", "ALTER", "DROP"]) {
            return None;
        }
        let (name, object) = if self.is(1, &["DATABASE", "SCHEMA"]) {
            (2, ObjectKind::Database)
        } else {
            self.kind().filter(|_| self.is(0, &["CREATE"]))?
        };
        let mut name = self.skip_conditions(name);
        if object == ObjectKind::Database && self.is(name, &OPTIONS) {
            return None;
        }
        if self.is(name + 1, &["."]) {
            name += 2;
        }
        Some(ObjectReference { object, name })
    }

    /// Returns the first word for a kind of object, as the index of the next token and the kind.
    fn kind(&self) -> Option<(usize, ObjectKind)> {
        let of = |at| KINDS.iter().find(|(word, _)| self.is(at, &[word]));
        (1..self.tokens.len()).find_map(|at| of(at).map(|of| (at + 1, of.1)))
    }

    /// Returns the index of the first token from `at` on that is not a word such as `IF EXISTS`.
    fn skip_conditions(&self, mut at: usize) -> usize {
        while self.is(at, &["BODY", "IF", "NOT", "EXISTS"]) {
            at += 1;
        }
        at
    }

    /// Returns the kind and the name of the object that the statement drops, if it drops one.
    pub(super) fn find_dropped(&self) -> Option<(ObjectKind, String)> {
        let (name, object) = self.kind().filter(|_| self.is(0, &["DROP"]))?;
        let name = self.skip_conditions(name);
        let is_qualified = self.is(name + 1, &["."]);
        Some((
            object,
            self.name(if is_qualified { name + 2 } else { name })?,
        ))
    }

    /// Returns the kind and the name of the object that the statement creates, if it creates one.
    pub(super) fn find_created(&self) -> Option<(ObjectKind, String)> {
        let about = self.find_object().filter(|_| self.is(0, &["CREATE"]))?;
        Some((about.object, self.name(about.name)?))
    }

    /// Returns the table that the statement creates, if it creates one.
    pub(super) fn find_created_table(&self) -> Option<String> {
        let about = self
            .find_object()
            .filter(|about| about.object == ObjectKind::Table);
        about.and_then(|about| self.name(about.name))
    }

    /// Returns the table that the statement inserts rows into, if it inserts any.
    pub(super) fn find_filled_table(&self) -> Option<String> {
        let word = (0..self.tokens.len()).find(|at| self.is(*at, &["INTO"]));
        word.and_then(|at| self.name(at + 1))
    }

    /// Returns the name that the token at `at` stands for, or `None` if the token is no name.
    pub(super) fn name(&self, at: usize) -> Option<String> {
        let text = self.token(at);
        match self.tokens.get(at)?.kind {
            TokenKind::Word => Some(String::from_utf8_lossy(text).into_owned()),
            TokenKind::Name => {
                let quote = char::from(text[0]);
                let inner = String::from_utf8_lossy(&text[1..text.len().max(2) - 1]);
                Some(inner.replace(&format!("{quote}{quote}"), &quote.to_string()))
            }
            _ => None,
        }
    }

    /// Returns true if the name at `at` follows the word `DATABASE`, as in
    /// `DROP DATABASE IF EXISTS`.
    pub(super) fn names_database(&self, at: usize) -> bool {
        let mut word = at.wrapping_sub(1);
        while self.is(word, &["IF", "NOT", "EXISTS"]) {
            word = word.wrapping_sub(1);
        }
        self.is(word, &["DATABASE", "SCHEMA"])
    }

    /// Returns true if the name at `at` stands before a dot, and not after a dot or an `@`.
    pub(super) fn qualifies(&self, at: usize) -> bool {
        let before = at.wrapping_sub(1);
        self.is(at + 1, &["."]) && !self.is(before, &[".", "@"])
    }

    /// Returns true if the name at `at` stands alone: not next to a dot, and not in an account or a
    /// user variable.
    pub(super) fn is_bare(&self, at: usize) -> bool {
        let before = at.wrapping_sub(1);
        !self.is(at + 1, &[".", "@"]) && !self.is(before, &[".", "@"])
    }
}
