//! The error of an RDB file that is damaged.

use std::io;

/// Returns the error of a file that is damaged as `how` says.
pub(super) fn make_damage_error(how: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, how.to_owned())
}
