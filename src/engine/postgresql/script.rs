//! Passes a plain dump on to psql, which must run nothing but SQL.
//!
//! psql can run programs as its own user (`\!`, `\g |program`, backticks), and a dump may be
//! forged. psql itself refuses such commands: `\restrict` comes first, with a key that the dump
//! cannot know, and the dump's own `\restrict` lines are left out. A second parser of SQL would
//! differ from psql's somewhere. This module closes three gaps: psql runs the text between
//! backticks after `\unrestrict` before it checks the key (15.18 and other versions of that time),
//! it continues in the next line after a zero byte, and it inserts its variables, such as a
//! database's name, into the text.
//!
//! A psql that does not know `\restrict` gets only a dump that begins with `\restrict` itself: a
//! `pg_dump` that writes `\restrict` puts no name into a dump that psql would take for a command
//! (CVE-2025-8715). Such a psql gets nothing of any other dump.

mod backticks;
pub(super) mod entries;
mod lexer;
pub(super) mod located;
pub(super) mod owners;
mod restrict_mode;
pub(super) mod shown;
#[cfg(test)]
mod tests;
pub(super) mod transaction;

use std::collections::HashSet;
use std::io::{self, Write};

use memchr::memchr;

use backticks::Backticks;
pub(super) use restrict_mode::RestrictMode;

/// The number of bytes that are held back: more than what follows the last statement of a dump.
const HELD: usize = 512;
const RESTRICT: &str = "\\restrict ";
/// psql's own variables that hold a text which others may choose.
const VARIABLES: [&str; 4] = ["DBNAME", "USER", "HOST", "PORT"];

/// The longest line of a preamble, in bytes. If a line does not end within this length, it is
/// passed on.
const LONGEST_PREAMBLE_LINE: usize = 64 << 10;

/// Passes a dump on to psql without the lines that psql or the server does not know: `SET`s of
/// unknown parameters at the start of the dump (`transaction_timeout` came with PostgreSQL 17), and
/// the `\restrict KEY` and `\unrestrict KEY` lines around the dump. [`Write::flush`] ends the
/// script.
pub(super) struct RestrictedScript<'a, W> {
    inner: W,
    parameters: &'a HashSet<String>,
    key: Option<Vec<u8>>,
    /// True until the dump's own `\restrict` is read. Until then, psql must get nothing but
    /// comments.
    awaits_key: bool,
    in_preamble: bool,
    held: Vec<u8>,
    backticks: Option<Backticks>,
}

impl<'a, W: Write> RestrictedScript<'a, W> {
    /// Begins a script for a psql that handles `\restrict` as `restricting` says.
    ///
    /// # Errors
    /// When psql does not accept the first lines.
    pub(super) fn new(
        mut inner: W,
        parameters: &'a HashSet<String>,
        restricting: RestrictMode,
    ) -> io::Result<Self> {
        for variable in VARIABLES {
            writeln!(inner, "\\unset {variable}")?;
        }
        if restricting != RestrictMode::Unknown {
            writeln!(inner, "\\restrict {}", draw_key()?)?;
        }
        Ok(RestrictedScript {
            inner,
            parameters,
            key: None,
            awaits_key: restricting == RestrictMode::Unknown,
            in_preamble: true,
            held: Vec::new(),
            backticks: (restricting == RestrictMode::ButBackticks).then(Backticks::default),
        })
    }

    pub(super) fn into_inner(self) -> W {
        self.inner
    }

    /// Passes on the whole lines at the start of `held`, as long as they belong to the preamble.
    fn pass_preamble(&mut self) -> io::Result<()> {
        while self.in_preamble {
            let Some(end) = memchr(b'\n', &self.held) else {
                return Ok(());
            };
            let line: Vec<u8> = self.held.drain(..=end).collect();
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            if let Some(key) = text.strip_prefix(RESTRICT) {
                self.key = Some(key.as_bytes().to_vec());
                self.awaits_key = false;
                continue;
            }
            if self.awaits_key && !is_comment(&line) {
                return Err(make_unrestricted_error());
            }
            // The dump of an empty database consists of the preamble alone.
            let unrestricted = text.strip_prefix("\\unrestrict ").map(str::as_bytes);
            if self.key.is_some() && unrestricted == self.key.as_deref() {
                continue;
            }
            let set = text
                .strip_prefix("SET ")
                .and_then(|rest| rest.split_once(" = "));
            match set {
                Some((name, _)) if !self.parameters.contains(name) => {
                    log::debug!("the server does not know {name}: {text} is left out");
                }
                _ => self.inner.write_all(&line)?,
            }
            self.in_preamble = set.is_some()
                || text.is_empty()
                || text.starts_with("--")
                || text.starts_with("SELECT pg_catalog.set_config(");
        }
        Ok(())
    }
}

impl<W: Write> Write for RestrictedScript<'_, W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if memchr(0, data).is_some() {
            return Err(io::Error::other("the dump is not SQL: it has a zero byte"));
        }
        if let Some(backticks) = &mut self.backticks {
            backticks.check_commands(data)?;
        }
        self.held.extend_from_slice(data);
        if self.in_preamble {
            self.pass_preamble()?;
            // No line of a preamble is that long.
            self.in_preamble &= self.held.len() <= LONGEST_PREAMBLE_LINE;
            if self.awaits_key && !self.in_preamble {
                return Err(make_unrestricted_error());
            }
        }
        if !self.in_preamble {
            let kept = if self.key.is_some() { HELD } else { 0 };
            let ready = self.held.len().saturating_sub(kept);
            self.inner.write_all(&self.held[..ready])?;
            self.held.drain(..ready);
        }
        Ok(data.len())
    }

    /// Ends the script. Nothing may be written after it.
    fn flush(&mut self) -> io::Result<()> {
        if self.awaits_key {
            return Err(make_unrestricted_error());
        }
        let mut end = std::mem::take(&mut self.held);
        if let Some(key) = &self.key {
            let line = [b"\n\\unrestrict ", key.as_slice(), b"\n"].concat();
            if let Some(at) = end.windows(line.len()).rposition(|part| part == line) {
                end.drain(at..at + line.len() - 1);
            }
        }
        self.inner.write_all(&end)?;
        self.inner.flush()
    }
}

/// Returns true for a comment and for an empty line. psql also ends a comment at a carriage return.
fn is_comment(line: &[u8]) -> bool {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    text.is_empty() || text.starts_with(b"--") && memchr(b'\r', text).is_none()
}

fn make_unrestricted_error() -> io::Error {
    io::Error::other(
        "it does not begin with \\restrict, so a name in it could be a command, and this machine's psql cannot be kept from running it; install a psql that knows \\restrict (17.6, 16.10, 15.14, 14.19, 13.22 or newer)",
    )
}

/// Returns the `\restrict` line at the beginning of a dump, or an empty string if there is none.
/// With this line, `pg_dump` and `pg_dumpall` say that they put no name into the dump that psql
/// would take for a command.
pub(super) fn find_restrict_line(script: &str) -> &str {
    let mut lines = script.split_inclusive('\n');
    let first = lines.find(|line| !is_comment(line.as_bytes()));
    first
        .filter(|line| line.starts_with(RESTRICT) && line.ends_with('\n'))
        .unwrap_or_default()
}

/// Returns a key that nobody can guess.
fn draw_key() -> io::Result<String> {
    use std::fmt::Write as _;
    use std::io::Read as _;

    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut key = String::new();
    for byte in bytes {
        let _ = write!(key, "{byte:02x}");
    }
    Ok(key)
}
