//! A session of the client that answers several queries: starting the client for each of them takes
//! longer than most queries do.

use std::fmt;
use std::io::{Read, Write};
use std::process::Command;

use anyhow::{Context, Error, Result, anyhow, ensure};

use super::error::ServerError;
use crate::child::Child;
use crate::secret::Secret;
use crate::stop::Stop;

/// The greatest length of an answer in bytes.
const LONGEST_ANSWER: usize = 1 << 30;

/// A session, which ends when this is dropped.
pub(super) struct Session {
    client: Child,
    /// What the line that ends an answer begins with, before the number of the query. No row can be
    /// this line, because nobody else knows it.
    end: String,
}

impl Session {
    /// Starts a session by `command`, the client that reads SQL from its stdin and prints rows
    /// only. It runs `first` before all queries.
    ///
    /// # Errors
    /// When the client cannot be started.
    pub(super) fn start(
        mut command: Command,
        program: &str,
        first: &str,
        stop: Stop,
    ) -> Result<Self> {
        command.args(["--skip-column-names", "--unbuffered", "--skip-reconnect"]);
        let end = format!("end {}", Secret::generate()?.expose().display());
        let client = Child::converse(&mut command, program, first.as_bytes(), stop)?;
        Ok(Session { client, end })
    }

    /// Runs queries, one after the other. Returns what the client prints for each. Several queries
    /// take less time than the same queries alone, because the client and this program then do not
    /// wait for each other.
    ///
    /// # Errors
    /// When a query fails, in the server's words. The session has then ended.
    pub(super) fn ask<const N: usize>(
        mut self,
        queries: [&str; N],
        stop: Stop,
    ) -> Result<(Self, [String; N])> {
        self.client.set_stop(stop);
        let ends: [_; N] = std::array::from_fn(|number| format!("{} {number}", self.end));
        let script = queries.iter().zip(&ends).map(|(query, end)| {
            // With a LIMIT, sql_select_limit does not apply.
            format!("{query};\nSELECT '{end}' LIMIT 1;\n")
        });
        let script = script.collect::<String>();
        if let Err(error) = self.client.write_all(script.as_bytes()) {
            return Err(self.explain(error.into(), stop));
        }
        let ends = ends.map(|end| end + "\n");
        let last = ends.last().map_or("", String::as_str);
        let mut printed = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        while !printed.ends_with(last.as_bytes()) {
            let read = self.client.read(&mut buffer)?;
            if read == 0 {
                return Err(self.explain(anyhow!("the client ended before its answer did"), stop));
            }
            printed.extend_from_slice(&buffer[..read]);
            let length = printed.len();
            ensure!(
                length <= LONGEST_ANSWER,
                "the server's answer is longer than 1 GiB"
            );
        }
        let printed = String::from_utf8(printed).context("the server's answer is not UTF-8")?;
        Ok((self, split_answers(&printed, &ends)?))
    }

    /// Returns the error with which the client ended, which says more than `error`.
    fn explain(self, error: Error, stop: Stop) -> Error {
        if let Err(stopped) = stop.check() {
            return stopped.into();
        }
        match self.client.finish() {
            Ok(()) => error,
            Err(error) => ServerError::from_client_error(error, str::to_owned),
        }
    }
}

/// Splits what the client printed at the lines that end an answer.
///
/// # Errors
/// When one of these lines is missing.
fn split_answers<const N: usize>(printed: &str, ends: &[String; N]) -> Result<[String; N]> {
    let mut rest = printed;
    let mut answers = [const { String::new() }; N];
    for (answer, end) in answers.iter_mut().zip(ends) {
        let (before, after) = rest.split_once(end).context("an answer has no end")?;
        answer.push_str(before);
        rest = after;
    }
    Ok(answers)
}

impl fmt::Debug for Session {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Session").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_split_at_their_ends() {
        let ends = ["end x 0\n", "end x 1\n", "end x 2\n"].map(str::to_owned);
        for (printed, expected) in [
            ("end x 0\nend x 1\nend x 2\n", Some(["", "", ""])),
            (
                "a\tb\nend x 0\nend x 1\nc\nd\nend x 2\n",
                Some(["a\tb\n", "", "c\nd\n"]),
            ),
            (
                "end x 0\nend y 1\nend x 1\n\nend x 2\n",
                Some(["", "end y 1\n", "\n"]),
            ),
            ("end x 0\nend x 2\n", None),
            ("end x 1\nend x 0\nend x 2\n", None),
        ] {
            let answers = split_answers(printed, &ends).ok();
            let expected = expected.map(|answers| answers.map(str::to_owned));
            assert_eq!(answers, expected, "{printed:?}");
        }
    }
}
