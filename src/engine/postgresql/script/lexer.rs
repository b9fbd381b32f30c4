//! Finds where PostgreSQL's statements begin and end.

/// Follows the quotes in the SQL that `pg_dump` writes (`standard_conforming_strings` is on).
#[derive(Debug, Default)]
pub(super) struct Lexer {
    within: LexerState,
    /// True if a statement is open.
    open: bool,
    parentheses: u32,
}

#[derive(Debug, Default)]
enum LexerState {
    #[default]
    Nothing,
    Text {
        escapes: bool,
    },
    Name,
    /// The opening `$tag$`. The same text ends the string.
    Dollar(Vec<u8>),
    Comment {
        depth: u32,
    },
}

impl Lexer {
    /// Returns true if no statement is open.
    pub(super) fn is_between(&self) -> bool {
        !self.open && matches!(self.within, LexerState::Nothing)
    }

    /// Reads more text. Only a quoted token may continue in the next call.
    pub(super) fn pass(&mut self, text: &[u8]) {
        let mut at = 0;
        while at < text.len() {
            at += self.read_token(&text[at..], at.checked_sub(1).map(|before| text[before]));
        }
    }

    /// Reads one token or a part of one. Returns the length of what it read, in bytes.
    fn read_token(&mut self, text: &[u8], before: Option<u8>) -> usize {
        match &mut self.within {
            LexerState::Nothing => self.pass_plain(text, before),
            LexerState::Text { escapes: true } if text[0] == b'\\' => 2,
            LexerState::Text { .. } => self.pass_quoted(text, b'\''),
            LexerState::Name => self.pass_quoted(text, b'"'),
            LexerState::Dollar(tag) => {
                if text.starts_with(tag) {
                    let length = tag.len();
                    self.within = LexerState::Nothing;
                    return length;
                }
                1 + memchr::memchr(b'$', &text[1..]).unwrap_or(text.len() - 1)
            }
            LexerState::Comment { depth } => {
                if text.starts_with(b"/*") {
                    *depth += 1;
                    return 2;
                }
                if !text.starts_with(b"*/") {
                    return 1;
                }
                *depth -= 1;
                if *depth == 0 {
                    self.within = LexerState::Nothing;
                }
                2
            }
        }
    }

    /// Reads one byte of a quoted token. A doubled quote ends one string and begins the next, which
    /// makes no difference here.
    fn pass_quoted(&mut self, text: &[u8], quote: u8) -> usize {
        if text[0] == quote {
            self.within = LexerState::Nothing;
        }
        1
    }

    fn pass_plain(&mut self, text: &[u8], before: Option<u8>) -> usize {
        if text.starts_with(b"--") {
            return memchr::memchr(b'\n', text).map_or(text.len(), |end| end + 1);
        }
        if text.starts_with(b"/*") {
            self.within = LexerState::Comment { depth: 1 };
            return 2;
        }
        match text[0] {
            b';' if self.parentheses == 0 => self.open = false,
            byte if byte.is_ascii_whitespace() => {}
            byte => {
                self.open = true;
                let in_word = before.is_some_and(|before| {
                    before.is_ascii_alphanumeric() || b"_$".contains(&before) || before >= 0x80
                });
                match byte {
                    b'\'' => {
                        let escapes = matches!(before, Some(b'E' | b'e'));
                        self.within = LexerState::Text { escapes };
                    }
                    b'"' => self.within = LexerState::Name,
                    b'(' => self.parentheses += 1,
                    b')' => self.parentheses = self.parentheses.saturating_sub(1),
                    b'$' if !in_word => {
                        let is_tag = |byte: &u8| {
                            byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80
                        };
                        let length = text[1..].iter().take_while(|byte| is_tag(byte)).count();
                        if text.get(1 + length) == Some(&b'$') {
                            self.within = LexerState::Dollar(text[..length + 2].to_vec());
                            return length + 2;
                        }
                    }
                    _ => {}
                }
            }
        }
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_their_own_semicolons() {
        for (text, between) in [
            ("SELECT 1;\n", true),
            ("SELECT 1\n", false),
            ("SELECT ';\n", false),
            ("SELECT 'it''s;';\n", true),
            ("SELECT E'\\';\n", false),
            ("SELECT E'\\\\';\n", true),
            ("SELECT '\\';\n", true),
            ("SELECT $1 || $a$;$$;$a$;\n", true),
            ("SELECT $a$;$b$;\n", false),
            ("SELECT a$b$;\n", true),
            ("-- it's\n", true),
            ("/* /* ' */ \" */ SELECT 1;\n", true),
            (
                "CREATE RULE r AS ON DELETE TO t DO (SELECT 1; SELECT 2\n",
                false,
            ),
            (
                "CREATE RULE r AS ON DELETE TO t DO (SELECT 1; SELECT 2);\n",
                true,
            ),
            ("SELECT \"it's;\";\n", true),
        ] {
            let mut lexer = Lexer::default();
            lexer.pass(text.as_bytes());
            assert_eq!(lexer.is_between(), between, "{text}");
        }
    }
}
