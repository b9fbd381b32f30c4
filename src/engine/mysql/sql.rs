//! Names and strings as SQL and the clients write them.

/// As `--batch` escapes.
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

/// An SQL identifier.
#[must_use]
pub fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// An SQL string, whatever the SQL mode says of backslashes.
#[must_use]
pub fn literal(text: &str) -> String {
    let hex = crate::human::hexadecimal(text.as_bytes());
    if text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b" ._-".contains(&byte))
    {
        format!("'{text}'")
    } else {
        format!("CONVERT(0x{hex} USING utf8mb4)")
    }
}

/// The name that an SQL identifier stands for.
pub(super) fn unquoted(identifier: &str) -> String {
    let inner = identifier
        .strip_prefix('`')
        .and_then(|rest| rest.strip_suffix('`'));
    inner.unwrap_or(identifier).replace("``", "`")
}
