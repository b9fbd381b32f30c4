//! Splits a plain dump of PostgreSQL into its entries while it passes. Each entry is about one
//! object and has SQL and rows.
//!
//! `pg_dump` writes a heading before each entry (`-- Name: t; Type: TABLE; Schema: public; ...`).
//! The same text within a string or a function's body is no heading; therefore [`Lexer`] follows
//! the quotes.

use std::io::{self, Write};

use memchr::{memchr, memmem};

use super::lexer::Lexer;

/// The longest line that is held, in bytes. Longer lines are passed on in parts. No heading or
/// `COPY` statement is that long.
const LONGEST_LINE: usize = 1 << 20;
const HEADINGS: [&str; 3] = [
    "-- Name: ",
    "-- Data for Name: ",
    "-- Statistics for Name: ",
];
const END_OF_ROWS: &[u8] = b"\\.\n";

/// The object that an entry is about, as the entry's heading names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Entry {
    pub(in super::super) kind: String,
    pub(in super::super) name: String,
    pub(in super::super) schema: Option<String>,
}

impl Entry {
    fn from_heading(line: &[u8]) -> Option<Self> {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        let rest = HEADINGS.iter().find_map(|start| line.strip_prefix(start))?;
        // A name may contain anything but a line break.
        let (rest, _) = rest.rsplit_once("; Owner:")?;
        let (rest, schema) = rest.rsplit_once("; Schema: ")?;
        let (name, kind) = rest.rsplit_once("; Type: ")?;
        Some(Entry {
            kind: kind.to_owned(),
            name: name.to_owned(),
            schema: (schema != "-").then(|| schema.to_owned()),
        })
    }

    /// Returns true if the entry has the rows of a table.
    pub(in super::super) fn is_of_rows(&self) -> bool {
        self.kind == "TABLE DATA"
    }

    /// Returns the kind and the name in one text, such as `table public.t`.
    pub(in super::super) fn object(&self) -> String {
        let kind = match self.kind.as_str() {
            "TABLE DATA" => "rows of table".to_owned(),
            "MATERIALIZED VIEW DATA" => "refresh of materialized view".to_owned(),
            "ACL" => "privileges on".to_owned(),
            "COMMENT" => "comment on".to_owned(),
            kind => kind.to_lowercase(),
        };
        match &self.schema {
            Some(schema) => format!("{kind} {schema}.{}", self.name),
            None => format!("{kind} {}", self.name),
        }
    }
}

/// Receives the parts of a dump, in order.
pub(in super::super) trait EntrySink {
    /// Receives the beginning of an entry. The entry's heading follows as SQL.
    fn take_entry(&mut self, entry: &Entry) -> io::Result<()>;
    /// Receives lines of SQL, or a part of a long line. `between` is true if no statement is open
    /// where the lines begin.
    fn take_sql(&mut self, lines: &[u8], between: bool) -> io::Result<()>;
    /// Receives a whole `COPY` statement in one line.
    fn take_copy(&mut self, statement: &[u8]) -> io::Result<()>;
    /// Receives rows of that statement, in pieces of any length.
    fn take_rows(&mut self, rows: &[u8]) -> io::Result<()>;
    /// Receives the line that ends the rows.
    fn end_rows(&mut self, line: &[u8]) -> io::Result<()>;
}

/// Returns true for a statement of `pg_dump` that changes a setting.
pub(in super::super) fn is_setting(line: &[u8]) -> bool {
    line.starts_with(b"SET ") || line.starts_with(b"SELECT pg_catalog.set_config(")
}

/// Splits the dump that is written to it. [`Write::flush`] ends the dump.
pub(in super::super) struct Entries<P> {
    pub(in super::super) parts: P,
    lexer: Lexer,
    entry_is_of_rows: bool,
    /// The beginning of a line of SQL, or bytes that may be the end of the rows.
    held: Vec<u8>,
    in_rows: bool,
    /// True if `held` begins at the start of a line.
    at_start: bool,
}

impl<P: EntrySink> Entries<P> {
    pub(in super::super) fn new(parts: P) -> Self {
        Entries {
            parts,
            lexer: Lexer::default(),
            entry_is_of_rows: false,
            held: Vec::new(),
            in_rows: false,
            at_start: true,
        }
    }

    fn take_line(&mut self, line: &[u8]) -> io::Result<()> {
        let between = self.lexer.is_between();
        if between && self.at_start {
            if line.starts_with(b"\\") {
                return self.parts.take_sql(line, true); // psql's own command
            }
            if let Some(entry) = Entry::from_heading(line) {
                self.entry_is_of_rows = entry.is_of_rows();
                self.parts.take_entry(&entry)?;
            } else if self.entry_is_of_rows
                && line.starts_with(b"COPY ")
                && line.ends_with(b" FROM stdin;\n")
            {
                self.in_rows = true;
                return self.parts.take_copy(line);
            }
        }
        self.lexer.pass(line);
        self.parts.take_sql(line, between && self.at_start)
    }

    /// Passes on the held rows, except for bytes that may be the beginning of the rows' end.
    fn pass_rows(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let end = if self.at_start && held.starts_with(END_OF_ROWS) {
            Some(0)
        } else {
            memmem::find(&held, b"\n\\.\n").map(|at| at + 1)
        };
        if let Some(end) = end {
            if end > 0 {
                self.parts.take_rows(&held[..end])?;
            }
            let rest = end + END_OF_ROWS.len();
            self.parts.end_rows(&held[end..rest])?;
            self.held = held[rest..].to_vec();
            (self.in_rows, self.at_start) = (false, true);
            return Ok(());
        }
        let ready = held.len().saturating_sub(END_OF_ROWS.len());
        if ready > 0 {
            self.parts.take_rows(&held[..ready])?;
            self.at_start = false;
        }
        self.held = held[ready..].to_vec();
        Ok(())
    }

    /// Passes on the complete parts of `held`.
    fn pass(&mut self) -> io::Result<()> {
        loop {
            if self.in_rows {
                self.pass_rows()?;
                if self.in_rows {
                    return Ok(());
                }
            }
            let held = std::mem::take(&mut self.held);
            let mut from = 0;
            while let Some(length) = memchr(b'\n', &held[from..]).filter(|_| !self.in_rows) {
                let end = from + length + 1;
                self.take_line(&held[from..end])?;
                (self.at_start, from) = (true, end);
            }
            self.held = held[from..].to_vec();
            if self.in_rows {
                continue;
            }
            if self.held.len() > LONGEST_LINE {
                let part = std::mem::take(&mut self.held);
                self.take_line(&part)?;
                self.at_start = false;
            }
            return Ok(());
        }
    }
}

impl<P: EntrySink> Write for Entries<P> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(data);
        self.pass()?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.held);
        match (rest.is_empty(), self.in_rows) {
            (true, _) => Ok(()),
            (false, true) => self.parts.take_rows(&rest),
            (false, false) => self.take_line(&rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records what it receives.
    #[derive(Default)]
    struct Recorder {
        all: String,
        between: String,
        bytes: Vec<u8>,
    }

    impl EntrySink for Recorder {
        fn take_entry(&mut self, entry: &Entry) -> io::Result<()> {
            self.all += "[";
            self.all += &entry.object();
            self.all += "]";
            Ok(())
        }

        fn take_sql(&mut self, lines: &[u8], between: bool) -> io::Result<()> {
            self.bytes.extend(lines);
            if between {
                self.between += &String::from_utf8_lossy(lines);
            }
            Ok(())
        }

        fn take_copy(&mut self, statement: &[u8]) -> io::Result<()> {
            self.bytes.extend(statement);
            self.all += "<";
            Ok(())
        }

        fn take_rows(&mut self, rows: &[u8]) -> io::Result<()> {
            self.bytes.extend(rows);
            self.all += &String::from_utf8_lossy(rows);
            Ok(())
        }

        fn end_rows(&mut self, line: &[u8]) -> io::Result<()> {
            self.bytes.extend(line);
            self.all += ">";
            Ok(())
        }
    }

    #[test]
    fn headings_and_rows_are_told_from_text_that_looks_like_them() {
        let dump = "\\restrict k\nSET a = 'x';\n\
            -- Name: f(); Type: FUNCTION; Schema: a; b; Owner: o\n--\n\n\
            CREATE FUNCTION a.f() AS $_$\n-- Name: no; Type: TABLE; Schema: s; Owner: o\n\
            COPY x FROM stdin;\nALTER TABLE t OWNER TO o;\n$_$;\n\n\
            -- Data for Name: t; x; Type: TABLE DATA; Schema: s; Owner: o\n\
            COPY s.\"t; x\" (a) FROM stdin;\n-- Name: n; Type: TABLE; Schema: s; Owner: o\n\\\\.\n\\.\n\n\
            -- Data for Name: e; Type: TABLE DATA; Schema: s; Owner: o\nCOPY s.e (a) FROM stdin;\n\\.\n\n\
            -- Name: l; Type: PROCEDURAL LANGUAGE; Schema: -; Owner: o\nCREATE LANGUAGE l;\n";
        for part in [1, 2, 3, 7, 100, 5000] {
            let mut entries = Entries::new(Recorder::default());
            for part in dump.as_bytes().chunks(part) {
                entries.write_all(part).unwrap();
            }
            entries.flush().unwrap();
            let seen = entries.parts;
            assert_eq!(
                seen.all,
                "[function a; b.f()][rows of table s.t; x]<-- Name: n; Type: TABLE; Schema: s; Owner: o\n\\\\.\n>\
                 [rows of table s.e]<>[procedural language l]",
                "in parts of {part}"
            );
            assert_eq!(String::from_utf8(seen.bytes).unwrap(), dump);
            assert!(!seen.between.contains("OWNER TO"), "{}", seen.between);
        }
    }
}
