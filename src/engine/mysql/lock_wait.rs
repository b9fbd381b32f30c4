//! Limits how long a dumper may wait for another session's lock. Not every dumper has an option for
//! it, and servers wait for a day.

use std::io::{self, Read};
use std::time::Duration;

use anyhow::Result;

use super::server::{Server, quote_literal};
use crate::child::Child;
use crate::stop::Stop;

/// A reader of a dumper's output that fails when the dumper waits for a lock longer than
/// `lock_timeout`.
pub(super) struct LockWaitReader<'a> {
    pub(super) child: &'a mut Child,
    pub(super) server: &'a Server,
    pub(super) database: &'a str,
    pub(super) lock_timeout: Duration,
    pub(super) stop: Stop,
}

impl Read for LockWaitReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.child.wait_for_output_within(self.lock_timeout)? {
            if self.waits_for_a_lock().map_err(io::Error::other)? {
                return Err(io::Error::other(format!(
                    "another session held a lock on a table for {} s (--busy-timeout, SHOW PROCESSLIST)",
                    self.lock_timeout.as_secs()
                )));
            }
        }
        self.child.read(buffer)
    }
}

impl LockWaitReader<'_> {
    /// Returns true if a session waits for a lock. A dumper does not tell its session, so the query
    /// looks for the statements that dumpers send.
    fn waits_for_a_lock(&self) -> Result<bool> {
        let waiting = self.server.query_column(
            &format!(
                "SELECT id FROM information_schema.processlist
                 WHERE user = SUBSTRING_INDEX(USER(), '@', 1) AND db = {} AND time >= {}
                 AND state LIKE 'Waiting for %' AND (info LIKE 'SELECT /*!40001 %' OR info LIKE 'SHOW %')",
                quote_literal(self.database),
                self.lock_timeout.as_secs()
            ),
            self.stop,
        )?;
        Ok(!waiting.is_empty())
    }
}
