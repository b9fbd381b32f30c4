//! Removes the databases that killed restores left.

use super::server::{Server, identifier, literal};
use crate::clock;
use crate::engine::leftover::is_of_killed;
use crate::stop::Stop;

/// Drops those of `databases` that killed restores of `name` left and that no session uses, and
/// logs a message about each.
pub(super) fn remove(server: &Server, name: &str, databases: &[String], stop: Stop) {
    let now = clock::now();
    for left in databases
        .iter()
        .filter(|found| is_of_killed(found, name, now))
    {
        let sessions = format!(
            "SELECT id FROM information_schema.processlist WHERE db = {}",
            literal(left)
        );
        match server.column(&sessions, stop) {
            Ok(sessions) if sessions.is_empty() => {}
            _ => continue,
        }
        let drop = format!("DROP DATABASE IF EXISTS {}", identifier(left));
        match server.ask(&drop, stop) {
            Ok(_) => {
                log::warn!("removed the database {left}, which a restore that was killed left");
            }
            Err(error) => log::warn!(
                "a restore that was killed left the database {left}, which cannot be dropped: {error:#}"
            ),
        }
    }
}
