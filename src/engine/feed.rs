//! Bytes between a child process and a dump.

use std::io::{Read, Write};

use anyhow::Result;

use crate::child::Child;
use crate::stop::Stop;

const BUFFER: usize = 256 << 10;

/// Copies all of `from`; how many bytes there were.
///
/// # Errors
/// Any of reading or writing.
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

/// Ends a child that was fed. Its own error says more than that it no longer reads.
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
