//! Converts names and strings to and from the forms that SQL and the clients use.

/// Returns the value of a field that a client printed with `--batch`.
pub(super) fn unescape(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('0') => '\0',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    text
}

/// Returns `name` as an SQL identifier.
#[must_use]
pub fn quote_identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Returns `text` as an SQL string that does not depend on how the SQL mode treats backslashes.
#[must_use]
pub fn quote_literal(text: &str) -> String {
    let hex = crate::human::format_hexadecimal(text.as_bytes());
    if text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b" ._-".contains(&byte))
    {
        format!("'{text}'")
    } else {
        format!("CONVERT(0x{hex} USING utf8mb4)")
    }
}

/// Returns the name that an SQL identifier stands for.
pub(super) fn unquote_identifier(identifier: &str) -> String {
    let inner = identifier
        .strip_prefix('`')
        .and_then(|rest| rest.strip_suffix('`'));
    inner.unwrap_or(identifier).replace("``", "`")
}
