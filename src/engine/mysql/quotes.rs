//! Finds words, names and the ends of statements outside of quotes.

/// Walks over a text and tells which characters stand outside of quotes. A backslash escapes the
/// next character in a string, and not in a name in backticks.
struct Quotes {
    open: Option<char>,
    is_escaped: bool,
}

impl Quotes {
    const NONE: Self = Quotes {
        open: None,
        is_escaped: false,
    };

    /// Takes the next character. Returns true if it stands outside of quotes and is no quote.
    fn take(&mut self, character: char) -> bool {
        if self.is_escaped {
            self.is_escaped = false;
            return false;
        }
        match (self.open, character) {
            (None, '`' | '\'' | '"') => self.open = Some(character),
            (None, _) => return true,
            (Some(open), _) if open == character => self.open = None,
            (Some('\'' | '"'), '\\') => self.is_escaped = true,
            (Some(_), _) => {}
        }
        false
    }
}

/// Returns the text after the first `word`, which begins with a blank, outside of quotes.
pub(super) fn find_after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let mut quotes = Quotes::NONE;
    let mut places = text.char_indices();
    places.find_map(|(at, character)| {
        let is_outside = quotes.take(character);
        (is_outside && character == ' ' && text[at..].starts_with(word))
            .then(|| &text[at + word.len()..])
    })
}

/// Splits a script whose statements begin and end at line ends. A line break within quotes belongs
/// to its statement.
pub(super) fn split_statements(script: &str) -> impl Iterator<Item = &str> {
    let mut rest = script;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut quotes = Quotes::NONE;
        // A comment may have an apostrophe.
        let is_comment = rest.starts_with("--");
        let end = rest.char_indices().find(|(_, character)| {
            let is_outside = quotes.take(*character);
            *character == '\n' && (is_outside || is_comment)
        });
        let (statement, after) = match end {
            Some((at, _)) => (&rest[..at], &rest[at + 1..]),
            None => (rest, ""),
        };
        rest = after;
        Some(statement)
    })
}

/// Returns true if a text has one semicolon outside of quotes, as its last character.
pub(super) fn is_one_statement(text: &str) -> bool {
    let mut quotes = Quotes::NONE;
    let ends: Vec<_> = text
        .char_indices()
        .filter(|(_, character)| quotes.take(*character) && *character == ';')
        .map(|(at, _)| at)
        .collect();
    ends == [text.len().saturating_sub(1)]
}

/// Returns the quoted name at the start of `text`, without quotes, and the text that follows it.
pub(super) fn read_quoted(text: &str) -> Option<(String, &str)> {
    let quote = text
        .chars()
        .next()
        .filter(|first| "`'\"".contains(*first))?;
    let mut name = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return Some((name, &text[at + 1..]));
        }
        if character == '\\' && quote != '`' {
            name.push(characters.next()?.1);
        } else {
            name.push(character);
        }
    }
    None
}

/// Returns the account at the start of `text`, such as `` `u`@`h` ``, as it is written there.
pub(super) fn read_account(text: &str) -> Option<&str> {
    let (_, rest) = read_quoted(text)?;
    let (_, rest) = read_quoted(rest.strip_prefix('@')?)?;
    Some(&text[..text.len() - rest.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_in_a_name_ends_no_statement() {
        let script = "-- it's\nGRANT SELECT ON `own`.`x\nDROP DATABASE shop;#` TO `u`@`h`;\nSET x = 'a\\'\n';\nlast;";
        let found: Vec<_> = split_statements(script).collect();
        let expected = [
            "-- it's",
            "GRANT SELECT ON `own`.`x\nDROP DATABASE shop;#` TO `u`@`h`;",
            "SET x = 'a\\'\n';",
            "last;",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn two_statements_in_a_line_are_not_one() {
        for (text, is_one) in [
            ("GRANT `a;b` TO `u`@`h`;", true),
            ("CREATE USER `u`@`h` AS 'a\\';b';", true),
            ("GRANT `a` TO `u`@`h`; DROP DATABASE shop;", false),
            ("GRANT `a` TO `u`@`h`", false),
            ("GRANT `a` TO `u`@`h`;#", false),
            ("", false),
        ] {
            assert_eq!(is_one_statement(text), is_one, "{text}");
        }
    }

    #[test]
    fn an_account_is_found_as_it_is_written() {
        for (text, account) in [
            ("`u`@`h` IDENTIFIED BY 'x'", Some("`u`@`h`")),
            ("'a\\'b'@'%' x", Some("'a\\'b'@'%'")),
            ("`r` x", None),
        ] {
            assert_eq!(read_account(text), account, "{text}");
        }
    }
}
