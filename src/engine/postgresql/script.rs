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

pub(super) mod entries;
mod lexer;
pub(super) mod located;
pub(super) mod owners;
pub(super) mod shown;
pub(super) mod transaction;

use std::collections::HashSet;
use std::io::{self, Write};

use anyhow::{Result, ensure};
use memchr::{memchr, memmem};

use super::target::TargetServer;
use crate::child::Child;

/// The number of bytes that are held back: more than what follows the last statement of a dump.
const HELD: usize = 512;
const RESTRICT: &str = "\\restrict ";
/// The only command that `\restrict` still allows.
const UNRESTRICT: &[u8] = b"\\unrestrict";
/// psql's own variables that hold a text which others may choose.
const VARIABLES: [&str; 4] = ["DBNAME", "USER", "HOST", "PORT"];

/// How a psql handles `\restrict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RestrictMode {
    /// psql does not know `\restrict`: it is older than August 2025.
    Unknown,
    /// psql runs no commands, except for the text between backticks after `\unrestrict`.
    ButBackticks,
    /// psql runs no commands.
    Wholly,
}

impl RestrictMode {
    /// Finds out how this machine's psql handles `\restrict`.
    ///
    /// # Errors
    /// When psql cannot be asked.
    pub(super) fn detect(into: &TargetServer<'_>) -> Result<Self> {
        let mut psql = into.server.psql(&into.maintenance);
        psql.args(["--output=/dev/null", "--file=-"]);
        let script = b"\\restrict key\n\\unrestrict `echo key`\n";
        let psql = Child::converse(&mut psql, "psql", script, into.stop)?;
        let Err(error) = psql.finish() else {
            return Ok(RestrictMode::ButBackticks);
        };
        into.stop.check()?;
        let said = format!("{error:#}");
        if said.contains("invalid command \\restrict") {
            return Ok(RestrictMode::Unknown);
        }
        ensure!(said.contains("\\unrestrict"), error);
        Ok(RestrictMode::Wholly)
    }
}

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
            writeln!(inner, "\\restrict {}", random_key()?)?;
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
    fn preamble(&mut self) -> io::Result<()> {
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
                return Err(unrestricted_error());
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
            self.preamble()?;
            // No line of a preamble is that long.
            self.in_preamble &= self.held.len() <= LONGEST_PREAMBLE_LINE;
            if self.awaits_key && !self.in_preamble {
                return Err(unrestricted_error());
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
            return Err(unrestricted_error());
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

fn unrestricted_error() -> io::Error {
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

/// Refuses `\unrestrict` with a backtick in the same line, anywhere in the dump. Not even the data
/// of a table contains it, because a backslash in data is doubled.
#[derive(Debug, Default)]
struct Backticks {
    /// The last bytes that passed, as many as are needed to find a command that continues in the
    /// next bytes.
    passed: Vec<u8>,
    /// True if the current line contains the command.
    armed: bool,
}

impl Backticks {
    fn check_commands(&mut self, data: &[u8]) -> io::Result<()> {
        let fresh = self.passed.len();
        self.passed.extend_from_slice(data);
        let text = &self.passed;
        let mut at = fresh;
        let mut next = fresh.saturating_sub(UNRESTRICT.len() - 1);
        loop {
            if self.armed {
                let end = memchr(b'\n', &text[at..]).map(|end| at + end);
                if memchr(b'`', &text[at..end.unwrap_or(text.len())]).is_some() {
                    return Err(io::Error::other(
                        "it has \\unrestrict and a backtick in one line, which this machine's psql would run as a command; restore it with a newer psql (15.20 of PostgreSQL 15 does not)",
                    ));
                }
                let Some(end) = end else {
                    break;
                };
                self.armed = false;
                (at, next) = (end, next.max(end));
            }
            let Some(found) = memmem::find(&text[next..], UNRESTRICT) else {
                break;
            };
            next += found + UNRESTRICT.len();
            self.armed = is_command(&text[..next - UNRESTRICT.len()]);
            at = at.max(next);
        }
        let kept = self.passed.len().min(64);
        self.passed.drain(..self.passed.len() - kept);
        Ok(())
    }
}

/// Returns true if a backslash after `before` can begin a command. In a table's data, two
/// backslashes stand for one; but in some encodings the first of them is the second half of a
/// character.
fn is_command(before: &[u8]) -> bool {
    let run = before
        .iter()
        .rev()
        .take_while(|byte| **byte == b'\\')
        .count();
    let beyond = before.len().checked_sub(run + 1).map(|at| before[at]);
    run % 2 == 0 || beyond.is_none_or(|byte| byte >= 0x80)
}

/// Returns a key that nobody can guess.
fn random_key() -> io::Result<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict k1\n\nSET lock_timeout = 0;\nSET transaction_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n\nCREATE TABLE a ();\nSET transaction_timeout = 0;\n\\unrestrict k2\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict k1\n\n";

    fn passed(dump: &[u8], restricting: RestrictMode, part: usize) -> io::Result<String> {
        let known = HashSet::from(["lock_timeout".to_owned()]);
        let mut script = RestrictedScript::new(Vec::new(), &known, restricting)?;
        for part in dump.chunks(part) {
            script.write_all(part)?;
        }
        script.flush()?;
        Ok(String::from_utf8(script.into_inner()).unwrap())
    }

    #[test]
    fn a_preamble_without_a_line_end_is_not_held() {
        let known = HashSet::new();
        let mut script = RestrictedScript::new(Vec::new(), &known, RestrictMode::Wholly).unwrap();
        for _ in 0..100 {
            script.write_all(&[b'-'; 10_000]).unwrap();
            assert!(script.held.len() <= LONGEST_PREAMBLE_LINE + 10_000);
        }
        script.flush().unwrap();
        let passed = script.into_inner();
        assert!(passed.ends_with(&vec![b'-'; 1_000_000]));
    }

    #[test]
    fn only_what_is_unknown_is_left_out_and_a_key_of_ours_comes_first() {
        for part in [1, 7, 1000] {
            let expected = DUMP
                .replacen("SET transaction_timeout = 0;\n", "", 1)
                .replace("\\restrict k1\n", "")
                .replace("\\unrestrict k1\n", "");
            let unset = "\\unset DBNAME\n\\unset USER\n\\unset HOST\n\\unset PORT\n";
            let old = passed(DUMP.as_bytes(), RestrictMode::Unknown, part).unwrap();
            assert_eq!(old, format!("{unset}{expected}"));
            let new = passed(DUMP.as_bytes(), RestrictMode::ButBackticks, part).unwrap();
            let rest = new.strip_prefix(unset).unwrap();
            let (first, rest) = rest.split_once('\n').unwrap();
            assert!(
                first.starts_with("\\restrict ") && first.len() == 42,
                "{first}"
            );
            assert_eq!(rest, expected);
        }
    }

    #[test]
    fn a_psql_that_knows_no_restrict_is_told_nothing_of_a_dump_without_it() {
        let long = "-".repeat(2 * LONGEST_PREAMBLE_LINE);
        for text in [
            "",
            "--\n",
            "--\n-- x\n\nSET lock_timeout = 0;\n\\restrict k\n",
            "--\r\\! id\n\\restrict k\n",
            " \\restrict k\n",
            "SELECT pg_catalog.set_config('search_path', '', false) \\! id\n",
            &long,
        ] {
            for part in [1, 1000] {
                let known = HashSet::new();
                let mut script =
                    RestrictedScript::new(Vec::new(), &known, RestrictMode::Unknown).unwrap();
                let mut parts = text.as_bytes().chunks(part);
                let fed = parts.try_for_each(|part| script.write_all(part));
                let fed = fed.and_then(|()| script.flush());
                assert!(fed.is_err(), "{text:.40}");
                let told = String::from_utf8(script.into_inner()).unwrap();
                let mut told = told.lines().filter(|line| !line.starts_with("\\unset "));
                assert!(told.all(|line| is_comment(line.as_bytes())), "{text:.40}");
            }
            assert_eq!(find_restrict_line(text), "");
        }
        assert_eq!(
            find_restrict_line("--\n\n\\restrict k\nSET a = 1;\n"),
            "\\restrict k\n"
        );
    }

    #[test]
    fn the_dump_of_an_empty_database_passes_without_its_keys() {
        let dump =
            "--\n\\restrict k1\n\nSET lock_timeout = 0;\n\n--\n-- end\n--\n\n\\unrestrict k1\n\n";
        for part in [1, 1000] {
            let all = passed(dump.as_bytes(), RestrictMode::Wholly, part).unwrap();
            assert!(
                !all.contains("k1") && all.ends_with("-- end\n--\n\n\n"),
                "{all}"
            );
        }
    }

    #[test]
    fn unrestrict_with_backticks_is_refused_but_not_in_data() {
        let long = "x".repeat(100);
        for (text, is_forged) in [
            ("SELECT 1 \\unrestrict `id`\n", true),
            ("\\unrestrict x`id`", true),
            ("\\\\\\unrestrict\x0c`id`\n", true),
            (&*format!("\\unrestrict {long}`id`\n"), true),
            ("\u{e9}\\\\unrestrict `id`\n", true),
            ("a\\\\unrestrict `id`\n", false),
            ("\\unrestrict key\n`id`\n", false),
            ("\\unrestrict key\n\\\\unrestrict `id`\n", false),
        ] {
            for part in [1, 5, 1000] {
                let all = format!("SELECT 1;\n{text}");
                let passed = passed(all.as_bytes(), RestrictMode::ButBackticks, part);
                assert_eq!(passed.is_err(), is_forged, "{text:?} in parts of {part}");
            }
        }
        let zero = b"SELECT 1;\n\\unrest\0\nrict `id`\n";
        assert!(passed(zero, RestrictMode::Wholly, 4).is_err());
    }
}
