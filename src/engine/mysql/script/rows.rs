//! Counts the rows that a dump holds.

use std::collections::BTreeMap;
use std::io;

use super::statement::{Statement, StatementSink};

/// Counts the rows of each table while a dump passes. It includes tables without rows.
#[derive(Debug, Default)]
pub(in super::super) struct Counter {
    rows: BTreeMap<String, u64>,
    table: Option<String>,
    /// The number of rows in the table's current statement.
    count: u64,
    layout: RowLayout,
}

/// How the rows of a statement are laid out.
#[derive(Debug, Clone, Copy, Default)]
enum RowLayout {
    /// No row was read yet.
    #[default]
    Unknown,
    /// Each row is on a separate line.
    Lines,
    /// All rows are on one line, as MySQL's client and earlier clients of MariaDB write them. The
    /// position is outside of a string (`Outside`), inside of one (`Inside`), or after a backslash
    /// in one (`Escaped`).
    Outside,
    Inside,
    Escaped,
}

impl Counter {
    /// Returns the number of rows of each table.
    pub(in super::super) fn finish(mut self) -> BTreeMap<String, u64> {
        self.end_statement();
        self.rows
    }

    fn end_statement(&mut self) {
        if let Some(table) = self.table.take() {
            *self.rows.entry(table).or_default() += self.count;
        }
        (self.count, self.layout) = (0, RowLayout::Unknown);
    }

    /// Counts the opening parentheses outside of strings. Values contain none: a value that is not
    /// a number is in quotes or hexadecimal.
    fn count_on_a_line(&mut self, mut rest: &[u8]) {
        while !rest.is_empty() {
            let at = match self.layout {
                RowLayout::Inside => memchr::memchr2(b'\'', b'\\', rest),
                RowLayout::Escaped => Some(0),
                _ => memchr::memchr2(b'\'', b'(', rest),
            };
            let Some(at) = at else {
                return;
            };
            self.layout = match (self.layout, rest[at]) {
                (RowLayout::Inside, b'\\') => RowLayout::Escaped,
                (RowLayout::Inside, _) => RowLayout::Outside,
                (RowLayout::Escaped, _) | (_, b'\'') => RowLayout::Inside,
                _ => {
                    self.count += 1;
                    RowLayout::Outside
                }
            };
            rest = &rest[at + 1..];
        }
    }
}

impl StatementSink for Counter {
    fn pass_between(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn take_statement(&mut self, statement: &Statement<'_>) -> io::Result<()> {
        if let Some(table) = statement.find_created_table() {
            self.rows.entry(table).or_default();
        }
        Ok(())
    }

    fn take_insert(&mut self, statement: &Statement<'_>) -> io::Result<()> {
        self.end_statement();
        self.table = statement.find_filled_table();
        Ok(())
    }

    fn take_rows(&mut self, rows: &[u8]) -> io::Result<()> {
        if let (RowLayout::Unknown, Some(first)) = (self.layout, rows.first()) {
            self.layout = match first {
                b'\n' => RowLayout::Lines,
                _ => RowLayout::Outside,
            };
        }
        match self.layout {
            // The line break before the first row is part of the rows; the one after the last row
            // is not.
            RowLayout::Lines => self.count += count_line_breaks(rows),
            _ => self.count_on_a_line(rows),
        }
        Ok(())
    }
}

/// Returns the number of line breaks. The compiler turns this form into vector instructions.
fn count_line_breaks(data: &[u8]) -> u64 {
    let of = |part: &[u8]| {
        let breaks = part.iter().map(|byte| u8::from(*byte == b'\n'));
        u64::from(breaks.sum::<u8>())
    };
    data.chunks(192).map(of).sum()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::StatementReader;
    use super::*;

    #[test]
    fn rows_are_counted_in_either_layout() {
        let values = [
            "(1,'a),(b;')",
            "(2,'it\\'s (\\\\')",
            "(-3,NULL)",
            "(4,0x28)",
            "(5,'''(')",
        ];
        let write_dump = |start: &str, between: &str| {
            let rows = values.join(&format!(",{between}"));
            format!(
                "INSERT INTO `t``(` (`a (`,`b`) VALUES{start}{rows};\n-- x\nINSERT INTO `u` VALUES{start}(1);\n"
            )
        };
        for dump in [write_dump("\n", "\n"), write_dump(" ", "")] {
            for size in [1, 3, 100_000] {
                let mut script = StatementReader::new(Counter::default());
                for part in dump.as_bytes().chunks(size) {
                    script.write_all(part).unwrap();
                }
                // A table has more than one statement.
                script.write_all(dump.as_bytes()).unwrap();
                script.end().unwrap();
                let expected = [("t`(".to_owned(), 10), ("u".to_owned(), 2)];
                assert_eq!(script.parts.finish(), BTreeMap::from(expected), "{dump}");
            }
        }
    }
}
