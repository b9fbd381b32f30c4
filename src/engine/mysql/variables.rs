//! Checks the settings of a server's sessions with which a dump would lack rows without an error.

use anyhow::{Result, ensure};

use super::error::{UNKNOWN_SYSTEM_VARIABLE, find_number};
use super::server::{Answer, Server};
use crate::stop::Stop;

/// Variables, each with the values with which a SELECT returns all rows.
const VARIABLES: [(&str, &[&str]); 2] = [
    ("sql_select_limit", &["18446744073709551615", "4294967295"]),
    // Only MariaDB has this variable. It shows rows of system-versioned tables as they were at
    // another time.
    ("system_versioning_asof", &["DEFAULT"]),
];

/// Refuses a server that hides rows from this user's sessions, by a global variable or by its
/// `init_connect`. A limit on the size of a SELECT needs no check, because it makes a dump fail. The
/// program removes a limit on the time of a statement (`max_statement_time`,
/// `max_execution_time`), and the client that dumps sets `sql_mode`. The answer holds as long as the
/// session that answers queries lasts.
///
/// # Errors
/// A sentence that names the variable.
pub(super) fn refuse_hidden_rows(server: &Server, stop: Stop) -> Result<()> {
    if server.facts.borrow().shows_all_rows {
        return Ok(());
    }
    for (variable, harmless) in VARIABLES {
        let value = server.query_column(&format!("SELECT @@SESSION.{variable}"), stop);
        let value = match value {
            // Not every server knows every variable.
            Err(error) if find_number(&error) == Some(UNKNOWN_SYSTEM_VARIABLE) => continue,
            // With a limit of 0, the server returns no row.
            value => value?.into_iter().next().unwrap_or_else(|| "0".to_owned()),
        };
        ensure!(
            harmless.contains(&value.as_str()),
            "{variable} is {value} in the user's sessions, and with it rows would be missing; set it back (SET GLOBAL {variable} = DEFAULT, or in init_connect)"
        );
    }
    server.facts.borrow_mut().shows_all_rows = true;
    Ok(())
}

/// Reads the settings of the server that each new session of this user begins with and that can hide
/// rows. Returns `None` if they cannot be read.
///
/// # Errors
/// When work must end.
pub(super) fn read_beginning(server: &Server, stop: Stop) -> Result<Option<Answer>> {
    let [limit, as_of] = VARIABLES.map(|(name, _)| format!("@@GLOBAL.{name}"));
    let common = format!("SELECT @@GLOBAL.init_connect, {limit}");
    for query in [format!("{common}, {as_of}"), common] {
        let rows = server.ask(&query, stop);
        stop.check()?;
        if let Ok(rows) = rows {
            return Ok(Some(Answer { query, rows }));
        }
    }
    Ok(None)
}
