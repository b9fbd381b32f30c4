//! Records which objects a dump created, so that a restore that fails can drop these and no others.
//!
//! After each `CREATE`, the client runs a `SELECT` that prints a line. A line that was printed
//! proves that the server ran the `CREATE`, however the client ends. A random mark in the line
//! keeps a dump from printing such lines itself.

use std::collections::{HashMap, HashSet};
use std::io::{self, PipeReader, PipeWriter, Read};
use std::thread::JoinHandle;

use anyhow::Result;

use super::names::ObjectKind;
use crate::secret::Secret;

/// The length at which a printed line is cut, in bytes. The lines with the mark are shorter.
const LONGEST: usize = 256;

/// The objects that a dump creates, and which of them the server has created.
#[derive(Debug)]
pub(in super::super) struct CreatedObjects {
    mark: String,
    /// The number of the last `CREATE` of each object.
    numbers: HashMap<(ObjectKind, String), u64>,
    last: u64,
    printed: PrintedLines,
}

/// The lines that the client printed.
#[derive(Debug, Default)]
pub(in super::super) struct PrintedLines {
    /// The ID of the client's session on the server.
    session: Option<u64>,
    /// The numbers of the `CREATE` statements that the server ran.
    created: HashSet<u64>,
}

impl CreatedObjects {
    /// Returns a record without objects.
    ///
    /// # Errors
    /// When the kernel gives no random numbers.
    pub(in super::super) fn new() -> Result<Self> {
        Ok(CreatedObjects {
            mark: Secret::generate()?.expose().to_string_lossy().into_owned(),
            numbers: HashMap::new(),
            last: 0,
            printed: PrintedLines::default(),
        })
    }

    /// Returns the SQL that prints the ID of the client's session.
    pub(in super::super) fn write_introduction(&self) -> String {
        format!("SELECT '{}', 0, CONNECTION_ID();\n", self.mark)
    }

    /// Returns true if the dump creates this object.
    pub(super) fn contains(&self, object: &(ObjectKind, String)) -> bool {
        self.numbers.contains_key(object)
    }

    /// Takes the object of a `CREATE`. Returns the SQL that must follow the `CREATE`.
    pub(super) fn add(&mut self, object: (ObjectKind, String), delimiter: &[u8]) -> Vec<u8> {
        self.last += 1;
        self.numbers.insert(object, self.last);
        let print = format!("\nSELECT '{}', {}, @@error_count", self.mark, self.last);
        [print.as_bytes(), delimiter].concat()
    }

    /// Returns the pipe for the client's stdout, and the thread that reads it.
    ///
    /// # Errors
    /// When there is no pipe.
    pub(in super::super) fn start_reading(
        &self,
    ) -> io::Result<(PipeWriter, JoinHandle<PrintedLines>)> {
        let (mut out, stdout) = io::pipe()?;
        let mark = self.mark.clone();
        Ok((
            stdout,
            std::thread::spawn(move || read_printed(&mut out, &mark)),
        ))
    }

    /// Takes what the client printed, after it ended.
    pub(in super::super) fn finish_reading(&mut self, thread: JoinHandle<PrintedLines>) {
        self.printed = thread.join().unwrap_or_default();
    }

    /// Returns the ID of the client's session on the server, if the client connected.
    pub(in super::super) fn session(&self) -> Option<u64> {
        self.printed.session
    }

    /// Returns true if the server created this object for the dump. `kind` is as in
    /// `information_schema`.
    pub(in super::super) fn has_created(&self, kind: &str, name: &str) -> bool {
        let object = match kind {
            "TABLE" | "SEQUENCE" => ObjectKind::Table,
            "VIEW" => ObjectKind::View,
            "EVENT" => ObjectKind::Event,
            _ => ObjectKind::Routine,
        };
        let number = self.numbers.get(&(object, name.to_owned()));
        number.is_some_and(|number| self.printed.created.contains(number))
    }
}

/// Reads the client's output to its end.
fn read_printed(out: &mut PipeReader, mark: &str) -> PrintedLines {
    let mut printed = PrintedLines::default();
    let mut line = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = match out.read(&mut buffer) {
            Ok(0) => return printed,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return printed,
        };
        for byte in &buffer[..read] {
            if *byte == b'\n' {
                printed.take(&line, mark);
                line.clear();
            } else if line.len() < LONGEST {
                line.push(*byte);
            }
        }
    }
}

impl PrintedLines {
    fn take(&mut self, line: &[u8], mark: &str) {
        let line = String::from_utf8_lossy(line);
        let mut parts = line.split('\t');
        if parts.next() != Some(mark) {
            return;
        }
        let mut next = || parts.next().and_then(|number| number.parse::<u64>().ok());
        match (next(), next()) {
            (Some(0), session @ Some(_)) => self.session = session,
            // The second number is the number of errors of the `CREATE`.
            (Some(number), Some(0)) => _ = self.created.insert(number),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn only_marked_lines_without_an_error_prove_an_object() {
        let mut created = CreatedObjects::new().unwrap();
        for name in ["a", "b", "c"] {
            let follows = created.add((ObjectKind::Table, name.to_owned()), b";;");
            assert!(follows.ends_with(b", @@error_count;;"), "{follows:?}");
        }
        let mark = created.mark.clone();
        let (mut stdout, thread) = created.start_reading().unwrap();
        let long = "x".repeat(100_000);
        write!(
            stdout,
            "{mark}\t0\tCONNECTION_ID()\n{mark}\t0\t77\n{mark}\t1\t@@error_count\n{mark}\t1\t0\n{long}\n{mark}\t2\t1\nother\t3\t0\n{mark}\t3"
        )
        .unwrap();
        drop(stdout);
        created.finish_reading(thread);
        assert_eq!(created.session(), Some(77));
        for (kind, name, expected) in [
            ("TABLE", "a", true),
            ("VIEW", "a", false),
            ("TABLE", "b", false),
            ("TABLE", "c", false),
            ("TABLE", "d", false),
        ] {
            assert_eq!(created.has_created(kind, name), expected, "{kind} {name}");
        }
    }
}
