//! A lexer for the SQL that MySQL and MariaDB write. It recognizes names, strings and comments, and
//! knows no grammar.

/// The settings that change how SQL is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Mode {
    /// True if `"` quotes a name, not a string.
    pub(in super::super) ansi_quotes: bool,
    /// True if a backslash in a string has no special meaning.
    pub(in super::super) plain_backslashes: bool,
    /// True inside of an executable comment (`/*!`). Only there, `*/` is the end of a comment.
    pub(in super::super) in_code: bool,
    pub(in super::super) encoding: Encoding,
}

/// The encoding of a statement's bytes: `character_set_client`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) enum Encoding {
    #[default]
    Utf8,
    /// Another encoding in which each ASCII byte is an ASCII character.
    Other,
    /// The encodings sjis and cp932: a backslash or a backtick may be the second byte of a
    /// character.
    Kanji,
    /// The encodings big5, gbk and gb18030, for which the same is true.
    Hanzi,
}

impl Encoding {
    /// Returns the encoding with this name, which may be in quotes. A variable stands for the
    /// dump's own encoding, UTF-8.
    pub(in super::super) fn parse(name: &[u8]) -> Self {
        let name = String::from_utf8_lossy(name).to_lowercase();
        match name.trim_matches(['\'', '"', '`']) {
            "@" | "default" => Encoding::Utf8,
            utf8 if utf8.starts_with("utf8") => Encoding::Utf8,
            "sjis" | "cp932" => Encoding::Kanji,
            "big5" | "gbk" | "gb18030" => Encoding::Hanzi,
            _ => Encoding::Other,
        }
    }

    /// Returns true if a character of two bytes begins at `at`.
    fn is_double(self, text: &[u8], at: usize) -> bool {
        let begins = match self {
            Encoding::Utf8 | Encoding::Other => false,
            Encoding::Kanji => matches!(text[at], 0x81..=0x9f | 0xe0..=0xfc),
            Encoding::Hanzi => matches!(text[at], 0x81..=0xfe),
        };
        begins && text.get(at + 1).is_none_or(|second| *second >= 0x40)
    }
}

impl Mode {
    /// Returns the mode that a value of `sql_mode` sets.
    pub(in super::super) fn parse(sql_mode: &[u8]) -> Self {
        let upper = sql_mode.to_ascii_uppercase();
        let has = |word: &[u8]| memchr::memmem::find(&upper, word).is_some();
        Mode {
            ansi_quotes: has(b"ANSI"),
            plain_backslashes: has(b"NO_BACKSLASH_ESCAPES"),
            ..Mode::default()
        }
    }
}

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum TokenKind {
    /// Blanks or a comment.
    Nothing,
    /// The beginning of an executable comment, such as `/*!50003`. `Closing` is its end.
    Opening,
    Closing,
    /// A keyword, a number or a name without quotes.
    Word,
    /// A name in quotes.
    Name,
    /// A string.
    Text,
    /// Any other byte.
    Symbol,
}

/// A token, which is the text `text[start..end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Token {
    pub(in super::super) kind: TokenKind,
    pub(in super::super) start: usize,
    pub(in super::super) end: usize,
}

/// No server runs an executable comment for this version.
const NO_VERSION: u64 = 999_999;

/// Returns the token of `text` that starts at `start`, which must be inside of `text`. Returns
/// `None` if `text` ends before the token does, unless `is_last` says that no more text follows. A
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
            let kind = if is_name {
                TokenKind::Name
            } else {
                TokenKind::Text
            };
            (
                kind,
                whole(measure_quoted(
                    rest,
                    quote,
                    (escapes, mode.encoding),
                    is_last,
                ))?,
            )
        }
        byte if byte.is_ascii_whitespace() || byte == 0x0b => {
            let length = rest.iter().position(|byte| !byte.is_ascii_whitespace());
            (TokenKind::Nothing, length.unwrap_or(rest.len()).max(1))
        }
        byte if is_word(byte) => (
            TokenKind::Word,
            whole(measure_word(rest, delimiter, mode.encoding))?,
        ),
        b'#' => (TokenKind::Nothing, whole(measure_line(rest))?),
        // The bytes that follow decide what these bytes begin.
        b'/' | b'*' | b'-' if rest.len() < 4 && !is_last => return None,
        b'-' if is_dashes(rest) => (TokenKind::Nothing, whole(measure_line(rest))?),
        b'*' if mode.in_code && rest.starts_with(b"*/") => (TokenKind::Closing, 2),
        b'/' if rest.starts_with(b"/*!") || rest.starts_with(b"/*M!") => {
            let from = if rest[2] == b'!' { 3 } else { 4 };
            let code = skip_digits(rest, from);
            let version = std::str::from_utf8(&rest[from..code.unwrap_or(from)]);
            if version.is_ok_and(|version| version.parse().is_ok_and(|of: u64| of >= NO_VERSION)) {
                (TokenKind::Nothing, whole(measure_comment(rest, 2, true))?)
            } else {
                (TokenKind::Opening, whole(code)?)
            }
        }
        b'/' if rest.starts_with(b"/*") => {
            (TokenKind::Nothing, whole(measure_comment(rest, 2, false))?)
        }
        _ => (TokenKind::Symbol, 1),
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

/// Returns true if a comment begins here: `--` begins one if a blank or a control character
/// follows.
fn is_dashes(rest: &[u8]) -> bool {
    let after = rest.get(2).copied().unwrap_or(b' ');
    rest.starts_with(b"--") && (after.is_ascii_whitespace() || after.is_ascii_control())
}

fn measure_line(rest: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', rest).map(|end| end + 1)
}

fn skip_digits(rest: &[u8], from: usize) -> Option<usize> {
    let digits = rest[from..].iter().position(|byte| !byte.is_ascii_digit());
    digits.map(|digits| from + digits)
}

/// Returns the end of a comment whose text begins at `at`. If `nests` is true, the comment may
/// contain other comments.
fn measure_comment(rest: &[u8], mut at: usize, nests: bool) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'*', b'/', rest.get(at..)?)?;
        at = match &rest[at..] {
            [b'*', b'/', ..] => return Some(at + 2),
            [b'/', b'*', ..] if nests => measure_comment(rest, at + 2, false)?,
            _ => at + 1,
        };
    }
}

fn measure_word(rest: &[u8], delimiter: &[u8], encoding: Encoding) -> Option<usize> {
    let mut at = 0;
    while at == 0 || (is_word(*rest.get(at)?) && !rest[at..].starts_with(delimiter)) {
        at += if encoding.is_double(rest, at) { 2 } else { 1 };
    }
    (at < rest.len()).then_some(at)
}

/// Returns the length of a quoted name or string in bytes, including the quotes.
fn measure_quoted(
    rest: &[u8],
    quote: u8,
    (escapes, encoding): (bool, Encoding),
    is_last: bool,
) -> Option<usize> {
    let special = if escapes { b'\\' } else { quote };
    let mut at = 1;
    loop {
        if matches!(encoding, Encoding::Utf8 | Encoding::Other) {
            at += memchr::memchr2(quote, special, &rest[at.min(rest.len())..])?;
        } else {
            while ![quote, special].contains(rest.get(at)?) {
                at += if encoding.is_double(rest, at) { 2 } else { 1 };
            }
        }
        let doubles = rest[at] == quote && rest.get(at + 1) == Some(&quote);
        if rest[at] == quote && !doubles {
            // The next byte may double the quote.
            return (is_last || at + 1 < rest.len()).then_some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &[u8], mut mode: Mode) -> Vec<Token> {
        let mut all = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let Some(token) = next(text, at, mode, b";", true) else {
                break;
            };
            at = token.end;
            mode.in_code = (mode.in_code || token.kind == TokenKind::Opening)
                && token.kind != TokenKind::Closing;
            if !matches!(
                token.kind,
                TokenKind::Nothing | TokenKind::Opening | TokenKind::Closing
            ) {
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
        let plain = Mode::parse(b"NO_BACKSLASH_ESCAPES,ANSI_QUOTES");
        assert_eq!(words("'\\' \"a\\\"", plain), ["'\\'", "\"a\\\""]);
        assert_eq!(words("/*M!100203 SELECT*/ 1", plain), ["SELECT", "1"]);
    }

    #[test]
    fn an_end_of_a_comment_ends_only_what_began() {
        let words = |text| words(text, Mode::default());
        assert_eq!(words("2*/*it's*/3"), ["2", "*", "3"]);
        assert_eq!(
            words("/*!50003 2*/ + 3*/ 'a'"),
            ["2", "+", "3", "*", "/", "'a'"]
        );
        assert_eq!(words("/*!999999 don't /* can't */ won't */ 1"), ["1"]);
        assert_eq!(words("/*M!999999 don't */ 1"), ["1"]);
        assert_eq!(words("/*!50003 /* don't */ a */ b"), ["a", "b"]);
    }

    #[test]
    fn a_backslash_may_be_half_a_character() {
        let text = b"'\x83\x5c' \x83\x5c + '\\''";
        for (name, expected) in [("'sjis'", 4), ("gbk", 4), ("latin1", 3)] {
            let mode = Mode {
                encoding: Encoding::parse(name.as_bytes()),
                ..Mode::default()
            };
            assert_eq!(tokens(text, mode).len(), expected, "{name}");
        }
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
