//! Removes what killed restores left in databases of a server.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};

use super::client::Client;
use super::commands::{MARKER, flush};
use crate::clock;
use crate::engine::leftover::{Leftover, judge};

/// Empties those of the databases `used` that killed restores left, and logs a message about each.
///
/// # Errors
/// When another restore is running, or the server refuses a command.
pub(super) fn remove(client: &Client, used: &BTreeMap<u64, u64>) -> Result<()> {
    for number in used.keys() {
        let Some(found) = read_mark(client, *number)? else {
            continue;
        };
        match judge(&found, "dump-database", "restoring", 255, clock::now()) {
            Some(Leftover::Killed) => {
                client.run(&flush(&[*number]))?;
                log::warn!("emptied database {number}, which a restore that was killed left");
            }
            Some(Leftover::Unknown) => bail!(
                "database {number} is of a restore that was killed or runs on another machine; if none is running, empty it (redis-cli -n {number} FLUSHDB)"
            ),
            None => bail!(
                "another restore into this server is at work in database {number}, or was killed within the last minute"
            ),
        }
    }
    Ok(())
}

/// Refuses a server in which another restore marked one of the databases `used`.
///
/// # Errors
/// When a database is marked, or the server refuses a command.
pub(super) fn refuse_marked<'a>(
    client: &Client,
    used: impl Iterator<Item = &'a u64>,
) -> Result<()> {
    for number in used {
        ensure!(
            read_mark(client, *number)?.is_none(),
            "another restore into this server began at the same time, in database {number}; try again when it is done"
        );
    }
    Ok(())
}

/// Warns of each of the databases `used` that a restore marked.
pub(super) fn warn_of_marked<'a>(client: &Client, used: impl Iterator<Item = &'a u64>) {
    for number in used {
        if matches!(read_mark(client, *number), Ok(Some(_))) {
            log::warn!(
                "database {number} is of a restore that is running or was killed, and the dump holds it; make another dump when no restore runs (the next restore from the same machine empties it, or redis-cli -n {number} FLUSHDB)"
            );
        }
    }
}

/// Returns the value of the key that marks a database of a restore.
pub(super) fn read_mark(client: &Client, number: u64) -> Result<Option<String>> {
    let found = client.ask(&["-n", &number.to_string(), "GET", MARKER])?;
    let found = found.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    Ok(found.map(str::to_owned))
}
