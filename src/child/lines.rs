//! Reads the stderr of a child: logs each line and keeps the last lines for the error.

use std::collections::VecDeque;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ChildStderr;

use log::Level;

const KEPT: usize = 20;
/// The number of lines in an error if no line contains `ERROR`.
const LAST: usize = 5;
const LONGEST: usize = 4096;

/// The lines of a stderr that is in non-blocking mode.
pub(super) struct Lines {
    name: String,
    stderr: Option<ChildStderr>,
    unended: Vec<u8>,
    last: VecDeque<String>,
    /// The maximum number of lines in `last`.
    most: usize,
    level: Level,
    /// True if each line begins with its own priority.
    relays: bool,
}

impl Lines {
    pub(super) fn new(name: &str, stderr: Option<ChildStderr>) -> Self {
        Lines {
            name: name.to_owned(),
            stderr,
            unended: Vec::new(),
            last: VecDeque::new(),
            most: KEPT,
            level: Level::Warn,
            relays: false,
        }
    }

    pub(super) fn log_at_debug(&mut self) {
        self.level = Level::Debug;
    }

    pub(super) fn keep(&mut self, number: usize) {
        self.most = number;
    }

    /// Returns the kept lines, the oldest first.
    pub(super) fn kept_lines(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }

    pub(super) fn relay(&mut self) {
        self.relays = true;
    }

    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.stderr.as_ref().map(AsFd::as_fd)
    }

    /// Reads what stderr has now, without waiting for more.
    pub(super) fn drain(&mut self) {
        let mut buffer = [0; 4096];
        while let Some(stderr) = &mut self.stderr {
            match stderr.read(&mut buffer) {
                Ok(0) => self.stderr = None,
                Ok(read) => self.take(&buffer[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => self.stderr = None,
            }
        }
        self.end_line();
    }

    /// Returns the last lines as one line. It begins with the first line that contains `ERROR`, if
    /// there is one.
    pub(super) fn last_lines(&self) -> String {
        let unended = String::from_utf8_lossy(&self.unended);
        let lines = self.last.iter().map(String::as_str);
        let lines: Vec<_> = lines.chain([unended.trim()]).collect();
        let error = lines.iter().position(|line| line.contains("ERROR"));
        let first = error.unwrap_or(lines.len().saturating_sub(LAST + 1));
        lines[first..].join("; ").trim_end_matches("; ").to_owned()
    }

    fn take(&mut self, data: &[u8]) {
        for &byte in data {
            if byte == b'\n' || self.unended.len() >= LONGEST {
                self.end_line();
            }
            if byte != b'\n' {
                self.unended.push(byte);
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.unended);
        let line: String = line
            .trim()
            .chars()
            .map(|character| {
                if character.is_control() {
                    ' '
                } else {
                    character
                }
            })
            .collect();
        self.unended.clear();
        if line.is_empty() {
            return;
        }
        let relayed = if self.relays {
            split_level(&line)
        } else {
            None
        };
        let line = match relayed {
            Some((level, message)) => {
                log::log!(level, "{message}");
                message.to_owned()
            }
            None => self.log(line),
        };
        if self.last.len() == self.most {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    fn log(&self, line: String) -> String {
        // Most programs begin their messages with their own name.
        if line.starts_with(&format!("{}: ", self.name)) {
            log::log!(self.level, "{line}");
        } else {
            log::log!(self.level, "{}: {line}", self.name);
        }
        line
    }
}

/// Returns the level and the text of a line that begins with its priority (sd-daemon(3)), or `None`
/// for any other line.
fn split_level(line: &str) -> Option<(Level, &str)> {
    let (priority, message) = line.strip_prefix('<')?.split_once('>')?;
    let level = match priority {
        "3" => Level::Error,
        "4" => Level::Warn,
        "6" => Level::Info,
        "7" => Level::Debug,
        _ => return None,
    };
    Some((level, message))
}
