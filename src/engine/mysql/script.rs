//! Splits a dump into statements and rows while it passes.
//!
//! This is no parser. The reader recognizes strings, names, comments and `DELIMITER`, which is
//! enough to find the end of a statement. It does not look into rows: the clients that dump write
//! no line break inside a value, so a line that ends with `;` ends the rows, and finding line ends
//! takes almost no time.

pub(super) mod created;
pub(super) mod lexer;
pub(super) mod located;
mod names;
pub(super) mod rewrite;
pub(super) mod rows;
mod statement;
mod uses;

use std::io::{self, Write};

use lexer::{Mode, Token, TokenKind};
use statement::{Statement, StatementSink};

/// The longest statement that is held, in bytes. Rows are not held.
const LONGEST: usize = 64 << 20;
/// The beginnings of the sandbox line: a comment with which MariaDB's clients forbid themselves
/// commands.
const SANDBOX: [&[u8]; 2] = [b"/*M!999999\\-", b"/*!999999\\-"];

/// Splits the dump that is written to it. [`StatementReader::end`] must follow the last byte.
pub(super) struct StatementReader<P> {
    pub(super) parts: P,
    /// The bytes that were not passed on yet. They begin with an incomplete statement.
    held: Vec<u8>,
    /// The complete tokens at the start of `held`. They end at the offset `at`.
    tokens: Vec<Token>,
    at: usize,
    /// The next token cannot be complete while `held` has fewer bytes than this.
    enough: usize,
    mode: Mode,
    delimiter: Vec<u8>,
    /// True inside an `INSERT`, after its `VALUES`. `last` is the last byte that was read there.
    in_rows: bool,
    last: u8,
}

impl<P: StatementSink> StatementReader<P> {
    pub(super) fn new(parts: P) -> Self {
        StatementReader {
            parts,
            held: Vec::new(),
            tokens: Vec::new(),
            at: 0,
            enough: 0,
            mode: Mode::default(),
            delimiter: b";".to_vec(),
            in_rows: false,
            last: 0,
        }
    }

    /// Passes on the rest. Returns true if the dump ended where a statement may begin. Otherwise
    /// this reader did not read the dump as the server does.
    ///
    /// # Errors
    /// An error of the parts, or a `DELIMITER` line without a delimiter.
    pub(super) fn end(&mut self) -> io::Result<bool> {
        self.pass(&[], true)?;
        let is_whole = self.tokens.is_empty() && !self.in_rows && self.delimiter == b";";
        if !self.held.is_empty() {
            self.pass_statement(self.held.len())?;
        }
        Ok(is_whole)
    }

    fn pass(&mut self, mut rest: &[u8], is_last: bool) -> io::Result<()> {
        loop {
            if !self.in_rows {
                self.take_apart(is_last)?;
            }
            if self.in_rows && !self.held.is_empty() {
                let held = std::mem::take(&mut self.held);
                self.held = self.pass_rows(&held)?.to_vec();
            } else if rest.is_empty() {
                return Ok(());
            } else if self.in_rows {
                rest = self.pass_rows(rest)?;
            } else {
                // The data is taken in small pieces, because rows may begin in it.
                let (some, more) = rest.split_at(rest.len().min(4096));
                self.held.extend_from_slice(some);
                rest = more;
            }
        }
    }

    /// Passes rows on. Returns the data that follows the rows.
    fn pass_rows<'a>(&mut self, data: &'a [u8]) -> io::Result<&'a [u8]> {
        let starts = self.last == b';' && data.first() == Some(&b'\n');
        let end = if starts {
            Some(0)
        } else {
            memchr::memmem::find(data, b";\n").map(|end| end + 1)
        };
        if let Some(end) = end {
            self.in_rows = false;
            self.parts.take_rows(&data[..end])?;
            return Ok(&data[end..]);
        }
        self.last = data.last().copied().unwrap_or(self.last);
        self.parts.take_rows(data)?;
        Ok(&[])
    }

    /// Passes on the complete parts of `held`, until rows begin.
    fn take_apart(&mut self, is_last: bool) -> io::Result<()> {
        while self.at < self.held.len() && (is_last || self.held.len() >= self.enough) {
            if self.at == 0 && !self.pass_lines(is_last)? {
                break;
            }
            let (held, at) = (&self.held, self.at);
            if held[at..].starts_with(&self.delimiter) {
                self.pass_statement(at + self.delimiter.len())?;
                continue;
            }
            if !is_last && self.delimiter.starts_with(&held[at..]) {
                break; // the delimiter may be incomplete
            }
            let Some(token) = lexer::next(held, at, self.mode, &self.delimiter, is_last) else {
                // An incomplete token is read again only when `held` has twice as many bytes of it.
                // Otherwise a long string would be read again and again.
                self.enough = at + 2 * (held.len() - at);
                break;
            };
            self.at = token.end;
            match token.kind {
                TokenKind::Opening => self.mode.in_code = true,
                TokenKind::Closing => self.mode.in_code = false,
                TokenKind::Nothing if at == 0 => {
                    self.parts.pass_between(&self.held[..self.at])?;
                    self.drain(self.at);
                }
                TokenKind::Nothing => {}
                TokenKind::Word | TokenKind::Name | TokenKind::Text | TokenKind::Symbol => {
                    self.tokens.push(token);
                    if self.begins_rows() {
                        return self.pass_insert();
                    }
                }
            }
        }
        if self.held.len() > LONGEST && !is_last {
            let begin = String::from_utf8_lossy(&self.held[..60]);
            return Err(io::Error::other(format!(
                "a statement exceeds 64 MiB, it begins with {begin:?}; restore the dump with the server's own client"
            )));
        }
        Ok(())
    }

    /// Passes on the `DELIMITER` lines at the start of `held`, and leaves out sandbox lines.
    /// Returns false if more bytes are needed to decide.
    fn pass_lines(&mut self, is_last: bool) -> io::Result<bool> {
        const WORD: &[u8] = b"delimiter";
        loop {
            let held = &self.held;
            let begins = |word: &[u8]| {
                let length = word.len().min(held.len());
                held[..length].eq_ignore_ascii_case(&word[..length])
            };
            if !begins(WORD) && !SANDBOX.iter().any(|line| begins(line)) {
                return Ok(true);
            }
            let Some(end) = memchr::memchr(b'\n', held) else {
                return Ok(is_last && !held.is_empty());
            };
            let line = &held[..end];
            let is_sandbox = SANDBOX.iter().any(|start| line.starts_with(start));
            if !is_sandbox {
                let words = line.get(WORD.len()..).filter(|_| begins(WORD));
                let Some([blank, words @ ..]) = words else {
                    return Ok(true);
                };
                if !blank.is_ascii_whitespace() {
                    return Ok(true);
                }
                let mut words = words.split(u8::is_ascii_whitespace);
                let named = words.find(|word| !word.is_empty());
                let named =
                    named.ok_or_else(|| io::Error::other("a DELIMITER line names no delimiter"))?;
                self.delimiter = named.to_vec();
                self.parts.pass_between(&held[..=end])?;
            }
            self.drain(end + 1);
        }
    }

    fn begins_rows(&self) -> bool {
        let statement = Statement {
            text: &self.held,
            tokens: &self.tokens,
            encoding: self.mode.encoding,
            delimiter: &self.delimiter,
        };
        self.delimiter == b";"
            && statement.is(self.tokens.len() - 1, &["VALUES"])
            && statement.is(0, &["INSERT", "REPLACE"])
    }

    fn pass_insert(&mut self) -> io::Result<()> {
        let statement = Statement {
            text: &self.held[..self.at],
            tokens: &self.tokens,
            encoding: self.mode.encoding,
            delimiter: &self.delimiter,
        };
        self.parts.take_insert(&statement)?;
        self.drain(self.at);
        (self.in_rows, self.last) = (true, 0);
        Ok(())
    }

    fn pass_statement(&mut self, end: usize) -> io::Result<()> {
        let statement = Statement {
            text: &self.held[..end],
            tokens: &self.tokens,
            encoding: self.mode.encoding,
            delimiter: &self.delimiter,
        };
        let mode = statement.find_mode().unwrap_or(self.mode);
        let encoding = statement.find_encoding().unwrap_or(self.mode.encoding);
        self.parts.take_statement(&statement)?;
        self.mode = Mode { encoding, ..mode };
        self.drain(end);
        Ok(())
    }

    fn drain(&mut self, end: usize) {
        self.held.drain(..end);
        self.tokens.clear();
        (self.at, self.enough) = (0, 0);
        self.mode.in_code = false;
    }
}

impl<P: StatementSink> Write for StatementReader<P> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.pass(data, false)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
