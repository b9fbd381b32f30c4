//! Loads a dump into an existing, empty database, for a user that may not create databases.

use anyhow::{Result, ensure};

use super::server::{Server, identifier, literal};
use crate::stop::Stop;

/// The number of objects that a message names at most.
const NAMED: usize = 5;
/// The number of statements that one client runs at most.
const AT_ONCE: usize = 200;

/// A database that was empty before the restore. It is emptied again on drop, unless the restore
/// succeeded.
pub(super) struct Filled<'a> {
    server: &'a Server,
    name: &'a str,
    kept: bool,
}

impl<'a> Filled<'a> {
    /// Takes the database `name` for a restore.
    ///
    /// # Errors
    /// When the database is not empty.
    pub(super) fn take(server: &'a Server, name: &'a str, stop: Stop) -> Result<Self> {
        let objects = objects(server, name, stop)?;
        let mut shown: Vec<_> = objects
            .iter()
            .take(NAMED)
            .map(|(kind, object)| format!("{} {object}", kind.to_lowercase()))
            .collect();
        if objects.len() > NAMED {
            shown.push(format!("{} more", objects.len() - NAMED));
        }
        ensure!(
            objects.is_empty(),
            "the database {name} is not empty ({}); --into-empty loads only into an empty one",
            shown.join(", ")
        );
        Ok(Filled {
            server,
            name,
            kept: false,
        })
    }

    pub(super) fn keep(mut self) {
        self.kept = true;
    }

    fn empty(&self) -> Result<()> {
        let stop = Stop::cleaning_up();
        let database = identifier(self.name);
        let objects = objects(self.server, self.name, stop)?.into_iter();
        let drops = objects.map(|(kind, object)| {
            format!("DROP {kind} IF EXISTS {database}.{}", identifier(&object))
        });
        let drops: Vec<_> = drops.collect();
        for some in drops.chunks(AT_ONCE) {
            let drops = some.join("; ");
            let statements = format!("SET SESSION foreign_key_checks = 0; {drops}");
            self.server.ask(&statements, stop)?;
        }
        Ok(())
    }
}

impl Drop for Filled<'_> {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let name = self.name;
        match self.empty() {
            Ok(()) => log::info!("the database {name} is empty again"),
            Err(error) => log::warn!("the database {name} was not emptied again: {error:#}"),
        }
    }
}

/// Returns the kind and the name of every object in a database, in the order in which they are
/// dropped.
fn objects(server: &Server, name: &str, stop: Stop) -> Result<Vec<(String, String)>> {
    let database = literal(name);
    let rows = server.ask(
        &format!(
            "SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = {database}
             UNION ALL SELECT routine_type, routine_name FROM information_schema.routines
                WHERE routine_schema = {database}
             UNION ALL SELECT IF(table_type IN ('VIEW', 'SEQUENCE'), table_type, 'TABLE'), table_name
                FROM information_schema.tables WHERE table_schema = {database}
             ORDER BY 1 = 'SEQUENCE'"
        ),
        stop,
    )?;
    let pairs = rows.into_iter().filter_map(|row| {
        let [kind, name] = <[String; 2]>::try_from(row).ok()?;
        Some((kind, name))
    });
    Ok(pairs.collect())
}
