//! The patterns of `pg_dump` for names of tables, as conditions of a query.

use super::sql::quote_literal;

/// The characters that have a meaning in a regular expression.
const SPECIAL: &str = "|*+?()[]{}.^$\\";

/// Returns the condition that selects the tables of `pattern` from the columns `nspname` and
/// `relname`. The pattern has the meaning that it has for `pg_dump`, except that one without a
/// schema selects tables of every schema.
///
/// # Errors
/// One sentence, when the pattern has more dots than a schema and a table need.
pub(super) fn write_condition(pattern: &str) -> Result<String, String> {
    let mut parts = write_expressions(pattern);
    let (Some(table), schema, None) = (parts.pop(), parts.pop(), parts.pop()) else {
        return Err(format!(
            "the pattern {pattern} has too many dots; double quotes enclose a name that has one"
        ));
    };
    let matches = |column: &str, expression: &str| {
        let whole = quote_literal(&format!("^({expression})$"));
        format!("{column}::text COLLATE \"default\" ~ {whole}")
    };
    let table = matches("relname", &table);
    Ok(match schema {
        Some(schema) => format!("{} AND {table}", matches("nspname", &schema)),
        None => table,
    })
}

/// Returns a regular expression for each part of the pattern, as `patternToSQLRegex` of PostgreSQL
/// makes them.
fn write_expressions(pattern: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut is_quoted = false;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                part.push('"');
            }
            '"' => is_quoted = !is_quoted,
            '*' if !is_quoted => part.push_str(".*"),
            '?' if !is_quoted => part.push('.'),
            '.' if !is_quoted => parts.push(std::mem::take(&mut part)),
            // A pair of brackets is part of the name of an array type.
            '[' if characters.peek() == Some(&']') => part.push_str("\\["),
            '$' => part.push_str("\\$"),
            _ if is_quoted && SPECIAL.contains(character) => part.extend(['\\', character]),
            _ if is_quoted => part.push(character),
            _ => part.push(character.to_ascii_lowercase()),
        }
    }
    parts.push(part);
    parts
}

/// Returns patterns for `pg_dump` that select exactly these tables, each given by its schema and its
/// name. One pattern selects many tables of one schema.
pub(super) fn write_patterns(tables: &[(String, String)]) -> Vec<String> {
    /// The length at which another pattern begins; Linux takes arguments of up to 128 KiB.
    const LONG: usize = 64 << 10;
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut patterns: Vec<String> = Vec::new();
    let mut last = None;
    for (schema, table) in tables {
        match patterns.last_mut() {
            Some(pattern) if last == Some(schema) && pattern.len() < LONG => {
                pattern.push('|');
                pattern.push_str(&quoted(table));
            }
            _ => patterns.push(format!("{}.({}", quoted(schema), quoted(table))),
        }
        last = Some(schema);
    }
    for pattern in &mut patterns {
        pattern.push(')');
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_pg_dump() {
        for (pattern, parts) in [
            ("log_*", &["log_.*"][..]),
            ("Public.Log?", &["public", "log."]),
            ("\"A.b\".\"c*\"\"\"", &["A\\.b", "c\\*\""]),
            ("a|b$", &["a|b\\$"]),
            ("t[0-9]", &["t[0-9]"]),
            ("t[]", &["t\\[]"]),
            ("", &[""]),
        ] {
            assert_eq!(write_expressions(pattern), parts, "{pattern}");
        }
        assert!(write_condition("a.b.c").is_err());
        let both = write_condition("s.it's").unwrap();
        assert_eq!(
            both,
            "nspname::text COLLATE \"default\" ~ '^(s)$' AND relname::text COLLATE \"default\" ~ '^(it''s)$'"
        );
    }

    #[test]
    fn tables_of_one_schema_share_a_pattern() {
        let table = |schema: &str, name: &str| (schema.to_owned(), name.to_owned());
        let tables = [table("a", "x"), table("a", "y\""), table("b", "x")];
        assert_eq!(
            write_patterns(&tables),
            ["\"a\".(\"x\"|\"y\"\"\")", "\"b\".(\"x\")"]
        );
        let many: Vec<_> = (0..20_000).map(|n| table("a", &format!("t{n}"))).collect();
        assert!(
            write_patterns(&many)
                .iter()
                .all(|pattern| pattern.len() < 128 << 10)
        );
    }
}
