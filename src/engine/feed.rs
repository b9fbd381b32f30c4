//! Copies bytes between child processes and dumps.

use std::fs::File;
use std::io::{self, Read, Write};

use anyhow::{Context, Result};

use crate::child::Child;
use crate::human;
use crate::read::read_whole;
use crate::stop::Stop;

const BUFFER: usize = 256 << 10;
/// The greatest length in bytes of a list of roles or users: a hundred thousand of them fit.
const LONGEST_LIST: usize = 64 << 20;

/// Copies all of `from` to `out`. Returns the number of bytes.
///
/// # Errors
/// Any error of reading or writing.
pub(crate) fn pass_on(from: &mut dyn Read, out: &mut dyn Write) -> Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let mut passed = 0;
    loop {
        let read = match from.read(&mut buffer)? {
            0 => return Ok(passed),
            read => read,
        };
        out.write_all(&buffer[..read])?;
        passed += read as u64;
    }
}

/// Waits for a child that was fed, and returns its error. If feeding it ended with a broken pipe,
/// the child's own error says more than that the child no longer reads.
pub(crate) fn finish(child: Child, fed: std::io::Result<()>, stop: Stop) -> Result<()> {
    stop.check()?;
    match fed {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        fed => {
            child.finish()?;
            Ok(fed?)
        }
    }
}

/// Returns the text of a dump of roles or users. The text is held in memory, so a dump that is
/// longer than the list of any server's roles is refused.
///
/// # Errors
/// When the dump is damaged, too long, or not UTF-8.
pub(crate) fn read_list(dump: &File, stop: Stop) -> Result<String> {
    let mut list = LimitedList(Vec::new());
    read_whole(dump, stop, &mut list)?;
    String::from_utf8(list.0).context("the dump is not UTF-8")
}

struct LimitedList(Vec<u8>);

impl Write for LimitedList {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.0.len() + data.len() > LONGEST_LIST {
            let most = human::format_bytes(LONGEST_LIST as u64);
            let said =
                format!("the dump holds more than {most}, too much for a list of users and grants");
            return Err(io::Error::other(said));
        }
        self.0.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
