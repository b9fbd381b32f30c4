//! A further session of a restore: it loads rows of large tables and creates indexes.

use std::io::{self, Read, Write};
use std::process::Command;

use anyhow::{Result, anyhow, bail, ensure};

use super::entry_session::unwrap_io_error;
use super::script::located::ObjectPositions;
use crate::child::Child;
use crate::engine::object_lines::LocatingWriter;
use crate::stop::{Stop, Stopped};

/// A statement to which psql prints [`ANSWER`] once it has run everything before.
const QUESTION: &[u8] = b"SELECT to_json('end'::text);\n";
const ANSWER: &[u8] = b"\"end\"\n";
/// The greatest length of what psql prints before an answer, in bytes. The beginning of a forged
/// dump could print without an end.
const LONGEST_ANSWER: usize = 1 << 20;

/// A further session of a restore.
pub(super) struct FurtherSession {
    /// `None` after the session failed.
    writer: Option<LocatingWriter<Child>>,
}

impl FurtherSession {
    /// Starts a session and waits until the server has accepted it.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(super) fn start(mut psql: Command, preamble: &[u8], stop: Stop) -> Result<Self> {
        psql.args(["--no-align", "--tuples-only", "--file=-"]);
        psql.env_remove("PGCLIENTENCODING");
        // What the preamble prints is not the answer.
        let said = [preamble, b"\n", QUESTION].concat();
        let psql = Child::converse(&mut psql, "psql", &said, stop)?;
        let mut session = FurtherSession {
            writer: Some(LocatingWriter::new(psql)),
        };
        session.wait()?;
        Ok(session)
    }

    /// Returns the number of bytes that were passed to the session and that psql has not read yet.
    pub(super) fn unread_bytes(&self) -> u64 {
        let writer = self.writer.as_ref();
        writer.map_or(u64::MAX, |writer| writer.inner().unread_bytes())
    }

    /// Begins `statement`, for example a `COPY`. Errors name it as `object`.
    pub(super) fn begin(&mut self, object: &str, statement: &[u8]) -> io::Result<()> {
        if let Some(writer) = &mut self.writer {
            writer.begin(object);
        }
        self.pass(statement)
    }

    /// Ends the rows by `line`. [`FurtherSession::wait`] waits until the server has taken them.
    pub(super) fn end(&mut self, line: &[u8]) -> io::Result<()> {
        self.pass(line)?;
        self.pass(QUESTION)
    }

    /// Passes rows, or a part of a row.
    pub(super) fn pass(&mut self, text: &[u8]) -> io::Result<()> {
        let written = match &mut self.writer {
            Some(writer) => writer.write_all(text),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                Err(io::Error::other(self.explain(error.into())))
            }
            written => written,
        }
    }

    /// Returns true if [`FurtherSession::wait`] need not wait.
    ///
    /// # Errors
    /// When work must end.
    pub(super) fn is_done(&mut self) -> io::Result<bool> {
        match &mut self.writer {
            Some(writer) => writer.inner_mut().has_output(),
            None => Ok(true),
        }
    }

    /// Runs a query. Returns what psql prints for it.
    ///
    /// # Errors
    /// When it fails, in the server's words.
    pub(super) fn ask(&mut self, query: &str) -> io::Result<String> {
        self.pass(format!("{query};\n").as_bytes())?;
        self.pass(QUESTION)?;
        let printed = self.read_answer().map_err(unwrap_io_error)?;
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// Waits until the session has run everything.
    ///
    /// # Errors
    /// When a statement fails, in the server's words and with the name of the object.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        self.read_answer().map(drop).map_err(unwrap_io_error)
    }

    /// Returns what psql printed before the answer.
    fn read_answer(&mut self) -> Result<Vec<u8>> {
        let mut printed = Vec::new();
        let mut buffer = [0; 1024];
        while !printed.ends_with(ANSWER) {
            let Some(writer) = &mut self.writer else {
                bail!("psql has ended");
            };
            match writer.inner_mut().read(&mut buffer)? {
                0 => return Err(self.explain(anyhow!("psql ended before its answer did"))),
                read => printed.extend_from_slice(&buffer[..read]),
            }
            ensure!(
                printed.len() <= LONGEST_ANSWER,
                "psql printed more than its answer"
            );
        }
        printed.truncate(printed.len() - ANSWER.len());
        Ok(printed)
    }

    /// Returns the error with which psql ended, or `error` if it ended without one.
    fn explain(&mut self, error: anyhow::Error) -> anyhow::Error {
        let Some(writer) = self.writer.take() else {
            return error;
        };
        let (child, lines) = writer.into_parts();
        let places = ObjectPositions(lines);
        match child.finish() {
            Ok(()) => error,
            Err(error) if error.is::<Stopped>() => error,
            Err(error) => anyhow!(places.explain(&format!("{error:#}"))),
        }
    }

    /// Ends the session.
    ///
    /// # Errors
    /// When psql ends with an error.
    pub(super) fn finish(mut self) -> Result<()> {
        match self.writer.take() {
            Some(writer) => writer.into_parts().0.finish(),
            None => Ok(()),
        }
    }
}
