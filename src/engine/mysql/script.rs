//! A dump as it passes: its statements one by one, its rows as they come.
//!
//! This is no parser. It knows strings, names, comments and `DELIMITER`, which is enough to see
//! where a statement ends. Rows are not looked into: the clients that dump write no line break
//! inside a value, so a line that ends with `;` ends the rows, and finding line ends takes next to
//! no time.

pub(super) mod lexer;
pub(super) mod located;
mod names;
pub(super) mod rewrite;
pub(super) mod rows;
mod statement;
mod uses;

use std::io::{self, Write};

use lexer::{Kind, Mode, Token};
use statement::{Parts, Statement};

/// A statement that is not rows may have as many bytes.
const LONGEST: usize = 64 << 20;
/// How the comment begins by which MariaDB's clients forbid themselves commands.
const SANDBOX: [&[u8]; 2] = [b"/*M!999999\\-", b"/*!999999\\-"];

/// Takes a dump apart that is written to it. [`StatementReader::end`] must follow the last byte.
pub(super) struct StatementReader<P> {
    pub(super) parts: P,
    /// What begins with the statement that is not whole yet.
    held: Vec<u8>,
    /// The tokens of `held` so far, and where they end.
    tokens: Vec<Token>,
    at: usize,
    /// With fewer bytes held the next token cannot be whole.
    enough: usize,
    mode: Mode,
    delimiter: Vec<u8>,
    /// Inside an `INSERT`, behind its `VALUES`; and the last byte there.
    in_rows: bool,
    last: u8,
}

impl<P: Parts> StatementReader<P> {
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

    /// Passes on what is left. Returns whether the dump ended where a statement may begin; otherwise
    /// it was not read as the server reads it.
    ///
    /// # Errors
    /// Any of the parts'.
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
                // Not all at once: rows may begin in it.
                let (some, more) = rest.split_at(rest.len().min(4096));
                self.held.extend_from_slice(some);
                rest = more;
            }
        }
    }

    /// Passes rows on; returns what follows them.
    fn pass_rows<'a>(&mut self, data: &'a [u8]) -> io::Result<&'a [u8]> {
        let starts = self.last == b';' && data.first() == Some(&b'\n');
        let end = if starts {
            Some(0)
        } else {
            memchr::memmem::find(data, b";\n").map(|end| end + 1)
        };
        if let Some(end) = end {
            self.in_rows = false;
            self.parts.rows(&data[..end])?;
            return Ok(&data[end..]);
        }
        self.last = data.last().copied().unwrap_or(self.last);
        self.parts.rows(data)?;
        Ok(&[])
    }

    /// Passes on what is whole of what is held, until rows begin.
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
                break; // one byte of two
            }
            let Some(token) = lexer::next(held, at, self.mode, &self.delimiter, is_last) else {
                // Not looked at again before twice as much of it is here: else a long string
                // would be read again and again.
                self.enough = at + 2 * (held.len() - at);
                break;
            };
            self.at = token.end;
            match token.kind {
                Kind::Opening => self.mode.in_code = true,
                Kind::Closing => self.mode.in_code = false,
                Kind::Nothing if at == 0 => {
                    self.parts.between(&self.held[..self.at])?;
                    self.drain(self.at);
                }
                Kind::Nothing => {}
                Kind::Word | Kind::Name | Kind::Text | Kind::Symbol => {
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

    /// Passes on `DELIMITER` lines that are next, and leaves out sandbox lines. False where more
    /// must be held to tell.
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
                let named = named.ok_or_else(|| io::Error::other("a DELIMITER line names none"))?;
                self.delimiter = named.to_vec();
                self.parts.between(&held[..=end])?;
            }
            self.drain(end + 1);
        }
    }

    fn begins_rows(&self) -> bool {
        let statement = Statement {
            text: &self.held,
            tokens: &self.tokens,
            encoding: self.mode.encoding,
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
        };
        self.parts.insert(&statement)?;
        self.drain(self.at);
        (self.in_rows, self.last) = (true, 0);
        Ok(())
    }

    fn pass_statement(&mut self, end: usize) -> io::Result<()> {
        let statement = Statement {
            text: &self.held[..end],
            tokens: &self.tokens,
            encoding: self.mode.encoding,
        };
        let mode = statement.sets_mode().unwrap_or(self.mode);
        let encoding = statement.sets_encoding().unwrap_or(self.mode.encoding);
        self.parts.statement(&statement)?;
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

impl<P: Parts> Write for StatementReader<P> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.pass(data, false)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
