//! A session of psql that answers several queries.

use std::io::Read;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;

use super::error::{ServerError, VERBOSE};
use super::server::{ConnectionReport, Server};
use crate::child::Child;
use crate::stop::Stop;

/// The last line of an answer.
const END: &[u8] = b"\"end\"\n";

/// A session, which ends when this is dropped.
pub(super) struct Session {
    /// The session's psql; `None` after it failed.
    psql: Option<Child>,
}

impl Session {
    /// Starts a session in `database`. Whether the server accepts it is only known after the first
    /// answer.
    ///
    /// # Errors
    /// When psql cannot be started.
    pub(super) fn start(server: &Server, database: &str, stop: Stop) -> Result<Self> {
        let mut psql = server.build_psql(database);
        psql.args(["--no-align", "--tuples-only", "--file=-", VERBOSE]);
        let psql = Child::converse(&mut psql, "psql", b"SET row_security = off;\n", stop)?;
        Ok(Session { psql: Some(psql) })
    }

    /// Returns the answer to a query for one JSON value.
    ///
    /// # Errors
    /// When the server cannot be asked, in the server's words.
    pub(super) fn ask<T: DeserializeOwned>(&mut self, query: &str) -> Result<T> {
        let printed = self.run(&format!("{query};\n"))?;
        let answer = printed.lines().next().unwrap_or_default();
        serde_json::from_str(answer).with_context(|| format!("psql answered {answer:?}"))
    }

    /// Returns the answer to a query for one JSON value, and the location of the server.
    ///
    /// # Errors
    /// When there is no answer, in the server's words.
    pub(super) fn ask_with_location(&mut self, query: &str) -> Result<ConnectionReport> {
        let printed = self.run(&format!("\\echo :HOST\n\\echo :PORT\n{query};\n"))?;
        ConnectionReport::parse(&printed)
    }

    /// Runs `script`. Returns what it prints.
    ///
    /// # Errors
    /// When a statement fails, in the server's words.
    pub(super) fn run(&mut self, script: &str) -> Result<String> {
        let psql = self.psql.as_mut().context("the session has ended")?;
        let script = format!("{script}SELECT to_json('end'::text);\n");
        if let Err(error) = psql.say(script.as_bytes()) {
            // A psql that could not connect says why.
            self.end()?;
            return Err(error);
        }
        let mut printed = Vec::new();
        let mut buffer = [0; 8192];
        while !printed.ends_with(END) {
            let psql = self.psql.as_mut().context("the session has ended")?;
            let read = psql.read(&mut buffer)?;
            if read == 0 {
                self.end()?;
                bail!("psql ended before its answer did");
            }
            printed.extend_from_slice(&buffer[..read]);
        }
        printed.truncate(printed.len() - END.len());
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// Waits for the end of psql.
    ///
    /// # Errors
    /// The error with which it ended.
    fn end(&mut self) -> Result<()> {
        match self.psql.take() {
            Some(psql) => psql.finish().map_err(ServerError::from_psql_error),
            None => Ok(()),
        }
    }
}
