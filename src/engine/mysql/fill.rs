//! Loads a dump into an existing, empty database, for a user that may not create databases.

use anyhow::{Error, Result, ensure};

use super::server::{Server, literal};
use crate::stop::Stop;

/// The number of objects that a message names at most.
const NAMED: usize = 5;

/// Checks that the database `name` can be filled.
///
/// # Errors
/// When the database is not empty, or when another session uses it.
pub(super) fn check(server: &Server, name: &str, stop: Stop) -> Result<()> {
    let objects = objects(server, name, stop)?;
    ensure!(
        objects.is_empty(),
        "the database {name} is not empty ({}); --into-empty loads only into an empty one",
        describe(&objects)
    );
    let sessions = format!(
        "SELECT user FROM information_schema.processlist WHERE db = {} AND id <> CONNECTION_ID()",
        literal(name)
    );
    let sessions = server.column(&sessions, stop)?;
    ensure!(
        sessions.is_empty(),
        "the database {name} is in use by a session of {}; stop the programs that use it first",
        sessions[0]
    );
    Ok(())
}

/// Adds to the error of a load what the database holds now. Nothing is dropped: the server cannot
/// tell what the restore loaded from what other sessions put there meanwhile.
pub(super) fn explain(server: &Server, name: &str, error: Error) -> Error {
    match objects(server, name, Stop::for_cleanup()) {
        Ok(objects) if objects.is_empty() => error.context(format!("the database {name} is empty")),
        Ok(objects) => error.context(format!(
            "the database {name} is not empty now ({}); it keeps what was loaded, because others may have put something there meanwhile; empty it by hand before the next attempt",
            describe(&objects)
        )),
        Err(unseen) => {
            log::warn!("what the database {name} holds cannot be seen: {unseen:#}");
            error
        }
    }
}

fn describe(objects: &[(String, String)]) -> String {
    let named = objects.iter().take(NAMED);
    let mut shown: Vec<_> = named
        .map(|(kind, object)| format!("{} {object}", kind.to_lowercase()))
        .collect();
    if objects.len() > NAMED {
        shown.push(format!("{} more", objects.len() - NAMED));
    }
    shown.join(", ")
}

/// Returns the kind and the name of every object in a database.
fn objects(server: &Server, name: &str, stop: Stop) -> Result<Vec<(String, String)>> {
    let database = literal(name);
    let rows = server.ask(
        &format!(
            "SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = {database}
             UNION ALL SELECT routine_type, routine_name FROM information_schema.routines
                WHERE routine_schema = {database}
             UNION ALL SELECT IF(table_type IN ('VIEW', 'SEQUENCE'), table_type, 'TABLE'), table_name
                FROM information_schema.tables WHERE table_schema = {database}"
        ),
        stop,
    )?;
    let pairs = rows.into_iter().filter_map(|row| {
        let [kind, name] = <[String; 2]>::try_from(row).ok()?;
        Some((kind, name))
    });
    Ok(pairs.collect())
}
