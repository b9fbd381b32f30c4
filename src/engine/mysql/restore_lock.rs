//! Keeps two restores of this program from working on one database at once: one of them could
//! replace what the other has just restored.

use std::io::Read;

use anyhow::{Result, bail};
use sha2::{Digest, Sha256};

use super::server::{Server, quote_literal};
use crate::child::Child;
use crate::human;
use crate::stop::Stop;

/// The longest answer of the server to the request for a lock, in bytes.
const LONGEST: usize = 4096;

/// A lock of the server that a session holds. The server releases it when the session ends, for
/// whatever reason.
pub(super) struct RestoreLock {
    _session: Option<Child>,
}

impl RestoreLock {
    /// Takes the lock of the database `name`. A server that has no such locks, as some clusters, is
    /// used without one.
    ///
    /// # Errors
    /// When another restore holds the lock.
    pub(super) fn take(server: &Server, name: &str, stop: Stop) -> Result<Self> {
        let program = server.shell.program;
        let mut command = server.build_shell();
        command.args(["--batch", "--skip-column-names", "--unbuffered"]);
        let ask = format!(
            "SET SESSION wait_timeout = 2147483;\nSELECT GET_LOCK({}, 0);\n",
            quote_literal(&name_lock(name))
        );
        let mut session = Child::converse(&mut command, program, ask.as_bytes(), stop)?;
        let mut answer = Vec::new();
        let mut byte = [0];
        while answer.len() < LONGEST && session.read(&mut byte)? == 1 && byte != *b"\n" {
            answer.push(byte[0]);
        }
        match answer.as_slice() {
            b"1" => Ok(RestoreLock {
                _session: Some(session),
            }),
            b"0" => bail!(
                "another restore of the database {name} is running; wait for its end (SHOW PROCESSLIST)"
            ),
            answer => {
                log::warn!(
                    "{name}: the server gives no lock that keeps another restore of it waiting ({}{}); start no other restore of it now",
                    String::from_utf8_lossy(answer),
                    session.last_stderr()
                );
                Ok(RestoreLock { _session: None })
            }
        }
    }
}

/// Returns the name of the lock, which has at most 64 characters.
fn name_lock(name: &str) -> String {
    let hash = Sha256::digest(name.as_bytes());
    format!(
        "dump-database.restore.{}",
        human::format_hexadecimal(&hash[..16])
    )
}
