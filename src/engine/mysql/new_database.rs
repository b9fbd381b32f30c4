//! The database that a restore creates.

use anyhow::{Context, Result};

use super::server::{Server, quote_identifier, quote_literal};
use super::settings::DatabaseSettings;
use crate::stop::Stop;

/// A new database. It is dropped again unless the restore succeeds.
pub(super) struct NewDatabase<'a> {
    server: &'a Server,
    pub(super) name: String,
    kept: bool,
}

impl<'a> NewDatabase<'a> {
    /// Creates the database.
    ///
    /// # Errors
    /// When the server cannot create it.
    pub(super) fn create(
        server: &'a Server,
        name: &str,
        settings: &DatabaseSettings,
        stop: Stop,
    ) -> Result<Self> {
        stop.check()?;
        // If the client were killed, the server might still create the database, and it would
        // remain.
        server
            .ask(&settings.create(name), Stop::for_cleanup())
            .context("cannot create a database to restore into (--into-empty loads into one that exists and is empty)")?;
        Ok(NewDatabase {
            server,
            name: name.to_owned(),
            kept: false,
        })
    }

    /// Lets the database stay.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewDatabase<'_> {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let stop = Stop::for_cleanup();
        end_sessions(self.server, &self.name, stop);
        let name = quote_identifier(&self.name);
        let drop = format!("DROP DATABASE IF EXISTS {name}");
        if let Err(error) = self.server.ask(&drop, stop) {
            log::warn!(
                "the new database {} was not dropped ({error:#}); remove it with DROP DATABASE {name}",
                self.name
            );
        }
    }
}

/// Ends the sessions that use a new database: a client that was stopped may have left a statement
/// running, for which `DROP DATABASE` would wait.
fn end_sessions(server: &Server, name: &str, stop: Stop) {
    let sessions = format!(
        "SELECT id FROM information_schema.processlist WHERE db = {} AND id <> CONNECTION_ID()",
        quote_literal(name)
    );
    for session in server.query_column(&sessions, stop).unwrap_or_default() {
        // The session may have ended meanwhile.
        let _ = server.ask(&format!("KILL {session}"), stop);
    }
}
