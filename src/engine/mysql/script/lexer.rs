//! The tokens of SQL as MySQL and MariaDB write it: names, strings and comments, and nothing of a
//! grammar.

/// What changes how SQL is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Mode {
    /// `"` quotes a name, not a string.
    pub(in super::super) ansi_quotes: bool,
    /// A backslash in a string is a backslash.
    pub(in super::super) plain_backslashes: bool,
}

impl Mode {
    /// The mode that a value of `sql_mode` sets.
    pub(in super::super) fn of(sql_mode: &[u8]) -> Self {
        let upper = sql_mode.to_ascii_uppercase();
        let has = |word: &[u8]| memchr::memmem::find(&upper, word).is_some();
        Mode {
            ansi_quotes: has(b"ANSI"),
            plain_backslashes: has(b"NO_BACKSLASH_ESCAPES"),
        }
    }
}

/// What a piece of SQL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
    /// Blanks, a comment, or an end of a comment whose content is code: `/*!50003`, `*/`.
    Nothing,
    /// A keyword, a number or a name without quotes.
    Word,
    /// A name in quotes.
    Name,
    /// A string.
    Text,
    /// Any other byte.
    Symbol,
}

/// A piece of SQL: `text[start..end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Token {
    pub(in super::super) kind: Kind,
    pub(in super::super) start: usize,
    pub(in super::super) end: usize,
}

/// Returns the piece of `text` that starts at `start`, which must be inside of `text`; `None`
/// where `text` ends before the piece does, unless `is_last` says that no more text follows. A
/// word ends before `delimiter`.
pub(in super::super) fn next(
    text: &[u8],
    start: usize,
    mode: Mode,
    delimiter: &[u8],
    is_last: bool,
) -> Option<Token> {
    let rest = &text[start..];
    let whole = |length: Option<usize>| match length {
        None if is_last => Some(rest.len()),
        length => length,
    };
    let (kind, length) = match rest[0] {
        quote @ (b'\'' | b'"' | b'`') => {
            let is_name = quote == b'`' || (quote == b'"' && mode.ansi_quotes);
            let escapes = !is_name && !mode.plain_backslashes;
            let kind = if is_name { Kind::Name } else { Kind::Text };
            (kind, whole(quoted(rest, quote, escapes, is_last))?)
        }
        byte if byte.is_ascii_whitespace() || byte == 0x0b => {
            let length = rest.iter().position(|byte| !byte.is_ascii_whitespace());
            (Kind::Nothing, length.unwrap_or(rest.len()).max(1))
        }
        byte if is_word(byte) => {
            let ends = |at: &usize| !is_word(rest[*at]) || rest[*at..].starts_with(delimiter);
            (Kind::Word, whole((1..rest.len()).find(ends))?)
        }
        b'#' => (Kind::Nothing, whole(line(rest))?),
        // What these begin shows in the bytes that follow.
        b'/' | b'*' | b'-' if rest.len() < 4 && !is_last => return None,
        b'-' if is_dashes(rest) => (Kind::Nothing, whole(line(rest))?),
        b'*' if rest.starts_with(b"*/") => (Kind::Nothing, 2),
        b'/' if rest.starts_with(b"/*!") => (Kind::Nothing, whole(after_digits(rest, 3))?),
        b'/' if rest.starts_with(b"/*M!") => (Kind::Nothing, whole(after_digits(rest, 4))?),
        b'/' if rest.starts_with(b"/*") => {
            let end = memchr::memmem::find(&rest[2..], b"*/");
            (Kind::Nothing, whole(end.map(|end| end + 4))?)
        }
        _ => (Kind::Symbol, 1),
    };
    Some(Token {
        kind,
        start,
        end: start + length,
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

/// `--` begins a comment before a blank.
fn is_dashes(rest: &[u8]) -> bool {
    let after = rest.get(2).copied().unwrap_or(b' ');
    rest.starts_with(b"--") && (after.is_ascii_whitespace() || after.is_ascii_control())
}

fn line(rest: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', rest).map(|end| end + 1)
}

fn after_digits(rest: &[u8], from: usize) -> Option<usize> {
    let digits = rest[from..].iter().position(|byte| !byte.is_ascii_digit());
    digits.map(|digits| from + digits)
}

/// The length of what is in quotes, the quotes included.
fn quoted(rest: &[u8], quote: u8, escapes: bool, is_last: bool) -> Option<usize> {
    let mut at = 1;
    loop {
        let special = if escapes { b'\\' } else { quote };
        at += memchr::memchr2(quote, special, &rest[at.min(rest.len())..])?;
        let doubles = rest[at] == quote && rest.get(at + 1) == Some(&quote);
        if rest[at] == quote && !doubles {
            // The next byte may double it.
            return (is_last || at + 1 < rest.len()).then_some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &[u8], mode: Mode) -> Vec<Token> {
        let mut all = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let Some(token) = next(text, at, mode, b";", true) else {
                break;
            };
            at = token.end;
            if token.kind != Kind::Nothing {
                all.push(token);
            }
        }
        all
    }

    fn words(text: &str, mode: Mode) -> Vec<&str> {
        let tokens = tokens(text.as_bytes(), mode);
        tokens
            .iter()
            .map(|token| &text[token.start..token.end])
            .collect()
    }

    #[test]
    fn strings_names_and_comments_are_told_apart() {
        let text = "SELECT /* 'x */ `a``;` -- it's\n, 'b\\';''' # \"\n+ \"c\"--1 /*!50003 d*/;";
        let expected = [
            "SELECT",
            "`a``;`",
            ",",
            "'b\\';'''",
            "+",
            "\"c\"",
            "-",
            "-",
            "1",
            "d",
            ";",
        ];
        assert_eq!(words(text, Mode::default()), expected);
        let plain = Mode::of(b"NO_BACKSLASH_ESCAPES,ANSI_QUOTES");
        assert_eq!(words("'\\' \"a\\\"", plain), ["'\\'", "\"a\\\""]);
        assert_eq!(words("/*M!100203 SELECT*/ 1", plain), ["SELECT", "1"]);
    }

    #[test]
    fn what_is_not_whole_waits_for_more() {
        for text in [
            "'a", "'a'", "'a\\", "`a", "/", "/*", "/* a *", "-- a", "wor", "/*!50",
        ] {
            let token = next(text.as_bytes(), 0, Mode::default(), b";", false);
            assert_eq!(token, None, "{text}");
            let token = next(text.as_bytes(), 0, Mode::default(), b";", true);
            assert!(token.is_some_and(|token| token.end <= text.len()), "{text}");
        }
    }
}
