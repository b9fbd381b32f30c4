//! A plain dump on its way to a psql or a server older than the `pg_dump` that made it.

use std::collections::HashSet;
use std::io::{self, Write};

const HELD: usize = 512;

/// Passes a dump on without what its reader does not know: `SET`s of unknown parameters at its
/// start (`transaction_timeout` came with PostgreSQL 17), and the `\restrict KEY` and
/// `\unrestrict KEY` lines around it. [`Write::flush`] ends it.
pub(super) struct Script<'a, W> {
    inner: W,
    parameters: &'a HashSet<String>,
    knows_restrict: bool,
    key: Option<Vec<u8>>,
    in_preamble: bool,
    held: Vec<u8>,
}

impl<'a, W: Write> Script<'a, W> {
    pub(super) fn new(inner: W, parameters: &'a HashSet<String>, knows_restrict: bool) -> Self {
        Script {
            inner,
            parameters,
            knows_restrict,
            key: None,
            in_preamble: true,
            held: Vec::new(),
        }
    }

    pub(super) fn into_inner(self) -> W {
        self.inner
    }

    /// Takes whole lines off the front of what is held while they are the preamble's.
    fn preamble(&mut self) -> io::Result<()> {
        while self.in_preamble {
            let Some(end) = self.held.iter().position(|byte| *byte == b'\n') else {
                return Ok(());
            };
            let line: Vec<u8> = self.held.drain(..=end).collect();
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            if let Some(key) = text.strip_prefix("\\restrict ") {
                if self.knows_restrict {
                    self.inner.write_all(&line)?;
                } else {
                    self.key = Some(key.as_bytes().to_vec());
                }
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

impl<W: Write> Write for Script<'_, W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(data);
        if self.in_preamble {
            self.preamble()?;
        }
        if !self.in_preamble {
            let kept = if self.key.is_some() { HELD } else { 0 };
            let ready = self.held.len().saturating_sub(kept);
            self.inner.write_all(&self.held[..ready])?;
            self.held.drain(..ready);
        }
        Ok(data.len())
    }

    /// Nothing may follow.
    fn flush(&mut self) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict k1\n\nSET lock_timeout = 0;\nSET transaction_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n\nCREATE TABLE a ();\nSET transaction_timeout = 0;\n\\unrestrict k2\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict k1\n\n";

    fn passed(knows_restrict: bool, part: usize) -> String {
        let known = HashSet::from(["lock_timeout".to_owned()]);
        let mut script = Script::new(Vec::new(), &known, knows_restrict);
        for part in DUMP.as_bytes().chunks(part) {
            script.write_all(part).unwrap();
        }
        script.flush().unwrap();
        String::from_utf8(script.into_inner()).unwrap()
    }

    #[test]
    fn only_what_is_unknown_is_left_out() {
        for part in [1, 7, 1000] {
            let known = DUMP.replacen("SET transaction_timeout = 0;\n", "", 1);
            assert_eq!(passed(true, part), known);
            let neither = known
                .replace("\\restrict k1\n", "")
                .replace("\\unrestrict k1\n", "");
            assert_eq!(passed(false, part), neither);
        }
    }
}
