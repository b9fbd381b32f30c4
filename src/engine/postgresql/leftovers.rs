//! Removes the databases that killed restores left.

use super::fresh::drop_database;
use super::reach::ask;
use super::target::TargetServer;
use crate::clock;
use crate::engine::leftover::is_of_killed;

/// The query for databases that restores created and that no session is connected to.
const UNUSED: &str = "SELECT coalesce(json_agg(datname), '[]') FROM pg_database d
    WHERE datname ~ '\\.restoring-[0-9a-f]+-[0-9a-f]+$'
        AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE datid = d.oid)";

/// Drops the databases that killed restores of `name` left, and logs a message about each.
pub(super) fn remove(into: &TargetServer<'_>, name: &str) {
    let found = ask(into.server, &into.maintenance, UNUSED, into.stop);
    let found: Vec<String> = found.unwrap_or_else(|error| {
        log::debug!("what killed restores left cannot be seen: {error:#}");
        Vec::new()
    });
    let now = clock::now();
    for left in found.iter().filter(|found| is_of_killed(found, name, now)) {
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
