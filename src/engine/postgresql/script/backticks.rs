//! Refuses the command that `\restrict` still allows, where psql would run a program for it.

use std::io;

use memchr::{memchr, memmem};

/// The only command that `\restrict` still allows.
const UNRESTRICT: &[u8] = b"\\unrestrict";

/// Refuses `\unrestrict` with a backtick in the same line, anywhere in the dump. Not even the data
/// of a table contains it, because a backslash in data is doubled.
#[derive(Debug, Default)]
pub(super) struct Backticks {
    /// The last bytes that passed, as many as are needed to find a command that continues in the
    /// next bytes.
    passed: Vec<u8>,
    /// True if the current line contains the command.
    armed: bool,
}

impl Backticks {
    /// Checks the next part of a dump.
    ///
    /// # Errors
    /// When it has `\unrestrict` and a backtick in one line.
    pub(super) fn check_commands(&mut self, data: &[u8]) -> io::Result<()> {
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
