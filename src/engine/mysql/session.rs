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
        let mut script = String::new();
        for (query, end) in queries.iter().zip(&ends) {
            // With a LIMIT, sql_select_limit does not apply.
            script += &format!("{query};\nSELECT '{end}' LIMIT 1;\n");
        }
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
        let mut rest = printed.as_str();
        let answers = ends.map(|end| {
            let (answer, after) = rest.split_once(&end).unwrap_or((rest, ""));
            rest = after;
            answer.to_owned()
        });
        Ok((self, answers))
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

impl fmt::Debug for Session {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Session").finish_non_exhaustive()
    }
}
