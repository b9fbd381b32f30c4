//! Leaves out owners and privileges.

use std::io;

use super::entries::{Entry, EntrySink};

/// Passes a dump on. If `leaves_out` is true, it leaves out owners, privileges, and statements that
/// only an extension's owner may run.
pub(in super::super) struct Owners<P> {
    pub(in super::super) parts: P,
    leaves_out: bool,
    /// True if all SQL of the current entry is left out.
    in_left_out: bool,
}

impl<P> Owners<P> {
    pub(in super::super) fn new(parts: P, leaves_out: bool) -> Self {
        Owners {
            parts,
            leaves_out,
            in_left_out: false,
        }
    }
}

impl<P: EntrySink> EntrySink for Owners<P> {
    fn take_entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.in_left_out = self.leaves_out
            && match entry.kind.as_str() {
                "ACL" | "DEFAULT ACL" => true,
                "COMMENT" => entry.name.starts_with("EXTENSION "),
                _ => false,
            };
        self.parts.take_entry(entry)
    }

    fn take_sql(&mut self, lines: &[u8], between: bool) -> io::Result<()> {
        if self.in_left_out || (self.leaves_out && between && gives_away(lines)) {
            return Ok(());
        }
        self.parts.take_sql(lines, between)
    }

    fn take_copy(&mut self, statement: &[u8]) -> io::Result<()> {
        self.parts.take_copy(statement)
    }

    fn take_rows(&mut self, rows: &[u8]) -> io::Result<()> {
        self.parts.take_rows(rows)
    }

    fn end_rows(&mut self, line: &[u8]) -> io::Result<()> {
        self.parts.end_rows(line)
    }
}

/// Returns true for a line such as `ALTER TABLE s.t OWNER TO r;`. `pg_dump` writes such a statement
/// on a separate line. The same words within a string or a name are no change of an owner.
fn gives_away(line: &[u8]) -> bool {
    const CHANGE: &[u8] = b" OWNER TO ";
    let statement = line.strip_prefix(b"ALTER ");
    let statement = statement.and_then(|rest| rest.strip_suffix(b";\n"));
    let Some(statement) = statement else {
        return false;
    };
    memchr::memmem::rfind(statement, CHANGE).is_some_and(|at| {
        has_closed_quotes(&statement[..at]) && is_identifier(&statement[at + CHANGE.len()..])
    })
}

fn has_closed_quotes(sql: &[u8]) -> bool {
    let mut open = None;
    for byte in sql {
        match open {
            None if matches!(byte, b'\'' | b'"') => open = Some(byte),
            Some(quote) if quote == byte => open = None,
            _ => {}
        }
    }
    open.is_none()
}

/// Returns true if the text is one identifier, with or without quotes.
fn is_identifier(text: &[u8]) -> bool {
    if let [b'"', inner @ .., b'"'] = text {
        // A quote within a quoted identifier is doubled.
        let undoubled = String::from_utf8_lossy(inner).replace("\"\"", "");
        return !inner.is_empty() && !undoubled.contains('"');
    }
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_$".contains(byte) || *byte >= 0x80;
    !text.is_empty() && text.iter().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_change_of_an_owner_is_left_out() {
        for line in [
            "ALTER TABLE s.t OWNER TO r;\n",
            "ALTER FUNCTION s.f(a text) OWNER TO \"it's; \"\"odd\"\" role\";\n",
            "ALTER TABLE \"a OWNER TO b\" OWNER TO c_1$;\n",
        ] {
            assert!(gives_away(line.as_bytes()), "{line}");
        }
        for line in [
            "ALTER TABLE ONLY t ALTER COLUMN v SET DEFAULT 'the OWNER TO ask';\n",
            "ALTER TABLE ONLY t ALTER COLUMN v SET DEFAULT 'x OWNER TO y'::text;\n",
            "ALTER TABLE t ADD CONSTRAINT c CHECK ((v <> ' OWNER TO \"a\"b\"'));\n",
            "ALTER TABLE \"t OWNER TO \" ENABLE ROW LEVEL SECURITY;\n",
            "ALTER TABLE ONLY t ALTER COLUMN v SET DEFAULT 'two lines OWNER TO y;\n",
            "ALTER TABLE t OWNER TO ;\n",
            "ALTER TABLE t OWNER TO \"a\"b\"c\";\n",
        ] {
            assert!(!gives_away(line.as_bytes()), "{line}");
        }
    }
}
