//! What a server makes of every session, and with what a dump would lack rows without an error.

use anyhow::{Result, ensure};

use super::server::Server;
use crate::stop::Stop;

/// Variables, and the values with which a SELECT returns all there is.
const VARIABLES: [(&str, &[&str]); 2] = [
    ("sql_select_limit", &["18446744073709551615", "4294967295"]),
    // MariaDB's: rows of system-versioned tables as they were at another time.
    ("system_versioning_asof", &["DEFAULT"]),
];

/// Refuses a server that hides rows from this user's sessions, by a global variable or by its
/// `init_connect`. A limit on the size or the time of a SELECT makes a dump fail by itself, and the
/// client that dumps sets `sql_mode`.
///
/// # Errors
/// Names the variable.
pub(super) fn refuse_hidden_rows(server: &Server, stop: Stop) -> Result<()> {
    for (variable, harmless) in VARIABLES {
        let value = server.column(&format!("SELECT @@SESSION.{variable}"), stop);
        stop.check()?;
        // Not every server knows each.
        let Some(value) = value.ok().and_then(|rows| rows.into_iter().next()) else {
            continue;
        };
        ensure!(
            harmless.contains(&value.as_str()),
            "{variable} is {value} in the user's sessions, and with it rows would be missing; set it back (SET GLOBAL {variable} = DEFAULT, or in init_connect)"
        );
    }
    Ok(())
}
