//! A statement of a dump, and the trait for receiving the parts of a dump.

use std::io;

use super::lexer::{Encoding, Mode, Token, TokenKind};

/// Receives the parts of a dump: all of its bytes in order, except for the sandbox line.
pub(in super::super) trait StatementSink {
    /// Receives blanks, comments and `DELIMITER` lines between statements.
    fn pass_between(&mut self, text: &[u8]) -> io::Result<()>;
    /// Receives a whole statement with its delimiter.
    fn take_statement(&mut self, statement: &Statement<'_>) -> io::Result<()>;
    /// Receives the beginning of an `INSERT`, including `VALUES`.
    fn take_insert(&mut self, statement: &Statement<'_>) -> io::Result<()>;
    /// Receives rows of that `INSERT`, in pieces of any length. The last piece includes the
    /// delimiter.
    fn take_rows(&mut self, rows: &[u8]) -> io::Result<()>;
}

/// A statement: its text, its tokens, its encoding, and the delimiter that ends it.
#[derive(Debug)]
pub(in super::super) struct Statement<'a> {
    pub(in super::super) text: &'a [u8],
    pub(in super::super) tokens: &'a [Token],
    pub(in super::super) encoding: Encoding,
    pub(in super::super) delimiter: &'a [u8],
}

impl Statement<'_> {
    pub(in super::super) fn token(&self, at: usize) -> &[u8] {
        let token = self.tokens.get(at);
        token.map_or(&[], |token| &self.text[token.start..token.end])
    }

    /// Returns true if the token at `at` is not in quotes and is one of these words.
    pub(in super::super) fn is(&self, at: usize, words: &[&str]) -> bool {
        let is_word =
            |token: &Token| token.kind != TokenKind::Name && token.kind != TokenKind::Text;
        self.tokens.get(at).is_some_and(is_word)
            && words
                .iter()
                .any(|word| self.token(at).eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Returns the encoding that the statement sets for the statements after it, if it sets one.
    pub(super) fn find_encoding(&self) -> Option<Encoding> {
        if !self.is(0, &["SET"]) {
            return None;
        }
        let sets = |at: &usize| self.is(*at, &["character_set_client"]) && self.is(at + 1, &["="]);
        let at = (1..self.tokens.len()).rfind(sets).map(|at| at + 2);
        let at = at.or(self.is(1, &["NAMES"]).then_some(2))?;
        Some(Encoding::parse(self.token(at)))
    }

    /// Returns the mode that the statement sets for the statements after it, if it sets one. A
    /// value that is not a string is a mode that was saved before, and neither client saves a mode
    /// that changes how SQL is read.
    pub(super) fn find_mode(&self) -> Option<Mode> {
        if !self.is(0, &["SET"]) {
            return None;
        }
        let sets = |at: &usize| {
            let is_own = self.is(at - 1, &["@"]) && !self.is(at.wrapping_sub(2), &["@"]);
            self.is(*at, &["sql_mode"]) && self.is(at + 1, &["="]) && !is_own
        };
        let at = (1..self.tokens.len()).rfind(sets)?;
        let is_text = self.tokens.get(at + 2)?.kind == TokenKind::Text;
        Some(if is_text {
            Mode::parse(self.token(at + 2))
        } else {
            Mode::default()
        })
    }
}
