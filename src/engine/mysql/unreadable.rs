//! Tables and views that cannot be read.

use anyhow::Result;

use super::server::Server;
use super::sql::{quote_identifier, quote_literal};
use crate::stop::Stop;

/// A table or view that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) name: String,
    /// The kind, the name, and the server's error.
    pub(super) why: String,
}

impl Unreadable {
    /// Returns the table or view if a SELECT from it fails. The SELECT from a view is only prepared:
    /// functions of its owner, which it calls, would run with the rights of this user.
    ///
    /// # Errors
    /// When the deadline has passed, a signal was received, or the server is gone.
    pub(super) fn find(
        server: &Server,
        database: &str,
        (kind, name): (&str, &str),
        stop: Stop,
    ) -> Result<Option<Self>> {
        let select = format!(
            "SELECT 1 FROM {}.{} LIMIT 1",
            quote_identifier(database),
            quote_identifier(name)
        );
        let statement = match kind {
            // MySQL takes the text of a statement from a variable, and from no expression.
            "view" => format!(
                "SET @dump_database = {}; PREPARE dump_database FROM @dump_database",
                quote_literal(&select)
            ),
            _ => select,
        };
        let Err(error) = server.ask(&statement, stop) else {
            return Ok(None);
        };
        stop.check()?;
        server.ask("SELECT 1", stop)?;
        Ok(Some(Unreadable {
            name: name.to_owned(),
            why: format!("{kind} {name} ({error:#})"),
        }))
    }
}
