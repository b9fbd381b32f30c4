//! Removes the databases that killed restores left.

use super::server::{Server, quote_identifier, quote_literal};
use crate::clock;
use crate::engine::leftover::{Leftover, judge};
use crate::stop::Stop;

/// The number of characters that the name of a database may have.
pub(super) const LONGEST_NAME: usize = 64;

/// Drops those of `databases` that killed restores of `name` left on this machine and that no
/// session uses, and logs a message about each. Names those that may be of a restore which is
/// running elsewhere.
pub(super) fn remove(server: &Server, name: &str, databases: &[String], stop: Stop) {
    let now = clock::now();
    for left in databases {
        let Some(leftover) = judge(left, name, "restoring", LONGEST_NAME, now) else {
            continue;
        };
        let sessions = format!(
            "SELECT id FROM information_schema.processlist WHERE db = {}",
            quote_literal(left)
        );
        match server.query_column(&sessions, stop) {
            Ok(sessions) if sessions.is_empty() => {}
            _ => continue,
        }
        if leftover == Leftover::Unknown {
            log::warn!(
                "the database {left} is of a restore that was killed or runs on another machine; if none is running, remove it with DROP DATABASE {}",
                quote_identifier(left)
            );
            continue;
        }
        let drop = format!("DROP DATABASE IF EXISTS {}", quote_identifier(left));
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
