//! Removes the databases that killed restores left.

use super::fresh::{LONGEST_NAME, drop_database};
use super::reach::ask;
use super::sql::identifier;
use super::target::TargetServer;
use crate::clock;
use crate::engine::leftover::{Leftover, judge};

/// The query for databases that restores created and that no session is connected to.
const UNUSED: &str = "SELECT coalesce(json_agg(datname), '[]') FROM pg_database d
    WHERE datname ~ '\\.restoring-[0-9a-f]+-[0-9a-f]+(-[0-9a-f]+)?$'
        AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE datid = d.oid)";

/// Drops the databases that killed restores of `name` left on this machine, and logs a message about
/// each. Names those that may be of a restore which is running elsewhere.
pub(super) fn remove(into: &TargetServer<'_>, name: &str) {
    let found = ask(into.server, &into.maintenance, UNUSED, into.stop);
    let found: Vec<String> = found.unwrap_or_else(|error| {
        log::debug!("cannot list the databases that killed restores left: {error:#}");
        Vec::new()
    });
    let now = clock::now();
    for left in &found {
        match judge(left, name, LONGEST_NAME, now) {
            Some(Leftover::Killed) => {}
            Some(Leftover::Unknown) => {
                log::warn!(
                    "the database {left} is of a restore that was killed or runs on another machine; if none is running, remove it with DROP DATABASE {}",
                    identifier(left)
                );
                continue;
            }
            None => continue,
        }
        match drop_database(into, left) {
            Ok(()) => {
                log::warn!("removed the database {left}, which a restore that was killed left");
            }
            Err(error) => log::warn!(
                "a restore that was killed left the database {left}, which cannot be dropped: {error:#}"
            ),
        }
    }
}
