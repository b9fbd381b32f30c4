//! How long a dumper may wait for another session's lock. Not every dumper can be told, and servers
//! wait for a day.

use std::io::{self, Read};
use std::time::Duration;

use anyhow::Result;

use super::server::{Server, literal};
use crate::child::Child;
use crate::stop::Stop;

/// What a dumper writes, unless it waits for a lock for longer than `patience`.
pub(super) struct Patient<'a> {
    pub(super) child: &'a mut Child,
    pub(super) server: &'a Server,
    pub(super) database: &'a str,
    pub(super) patience: Duration,
    pub(super) stop: Stop,
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.child.speaks_within(self.patience)? {
            if self.waits_for_a_lock().map_err(io::Error::other)? {
                return Err(io::Error::other(format!(
                    "another session held a lock on a table for {} s (--busy-timeout, SHOW PROCESSLIST)",
                    self.patience.as_secs()
                )));
            }
        }
        self.child.read(buffer)
    }
}

impl Patient<'_> {
    /// A dumper does not say which session is its own; the statements are those that dumpers make.
    fn waits_for_a_lock(&self) -> Result<bool> {
        let waiting = self.server.column(
            &format!(
                "SELECT id FROM information_schema.processlist
                 WHERE user = SUBSTRING_INDEX(USER(), '@', 1) AND db = {} AND time >= {}
                 AND state LIKE 'Waiting for %' AND (info LIKE 'SELECT /*!40001 %' OR info LIKE 'SHOW %')",
                literal(self.database),
                self.patience.as_secs()
            ),
            self.stop,
        )?;
        Ok(!waiting.is_empty())
    }
}
