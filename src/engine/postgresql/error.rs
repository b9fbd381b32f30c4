//! Recognizes the errors of a server, whatever language it speaks.

use std::fmt;

use anyhow::Error;

/// With this option, `psql` prints the SQLSTATE of each error, and the place in the server's source
/// code where the error was found.
pub(super) const VERBOSE: &str = "--set=VERBOSITY=verbose";

// These SQLSTATEs are from appendix A of PostgreSQL's documentation.
pub(super) const LOCK_NOT_AVAILABLE: &str = "55P03";
pub(super) const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// The server has no room for more locks.
pub(super) const OUT_OF_MEMORY: &str = "53200";
/// A table or a schema was dropped, or two sessions wait for each other. These errors are
/// temporary.
pub(super) const PASSING: [&str; 3] = ["42P01", "3F000", "40P01"];

/// An error that a server reported in a session with [`VERBOSE`].
#[derive(Debug)]
pub(super) struct ServerError {
    sqlstate: String,
    said: String,
}

impl ServerError {
    /// Returns the error of a `psql` as a [`ServerError`] if it names an SQLSTATE, and unchanged
    /// otherwise.
    pub(super) fn from_psql_error(error: Error) -> Error {
        let said = format!("{error:#}");
        let Some((before, sqlstate, message)) = parse_sqlstate(&said) else {
            return error;
        };
        // The last line is the place in the source code, whatever the server's language calls it.
        let message = message.rsplit_once("; ").map_or(message, |(rest, _)| rest);
        Error::new(ServerError {
            sqlstate: sqlstate.to_owned(),
            said: format!("{before}{message}"),
        })
    }

    /// Returns the SQLSTATE of `error`, if the server gave one.
    pub(super) fn find_sqlstate(error: &Error) -> Option<&str> {
        let error = error.downcast_ref::<ServerError>()?;
        Some(&error.sqlstate)
    }
}

/// Finds the first SQLSTATE of an error such as `ERROR:  42P01: relation ...`. Returns the text
/// before the SQLSTATE, the SQLSTATE, and the text after it. The first word is in the server's
/// language.
fn parse_sqlstate(said: &str) -> Option<(&str, &str, &str)> {
    let mut starts = said.match_indices(":  ").map(|(at, mark)| at + mark.len());
    starts.find_map(|start| {
        let (code, message) = said[start..].split_once(": ")?;
        let is_code = code.len() == 5
            && code
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        // The SQLSTATEs of warnings and notices begin with these classes.
        let is_error = is_code
            && !["00", "01", "02"]
                .iter()
                .any(|class| code.starts_with(class));
        is_error.then(|| (&said[..start], code, message))
    })
}

impl fmt::Display for ServerError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.said)
    }
}

impl std::error::Error for ServerError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_known_by_its_number_in_any_language() {
        for (said, sqlstate, shown) in [
            (
                "psql ended with exit status: 3: psql:<stdin>:4: ERROR:  42501: permission denied for table t; LOCATION:  aclcheck_error, aclchk.c:2848",
                INSUFFICIENT_PRIVILEGE,
                "psql ended with exit status: 3: psql:<stdin>:4: ERROR:  permission denied for table t",
            ),
            (
                "psql:<stdin>:3: WARNUNG:  01000: hm; psql:<stdin>:4: FEHLER:  55P03: storniere Anfrage wegen Zeitüberschreitung einer Sperre; ORT:  ProcessInterrupts, postgres.c:3287",
                LOCK_NOT_AVAILABLE,
                "psql:<stdin>:3: WARNUNG:  01000: hm; psql:<stdin>:4: FEHLER:  storniere Anfrage wegen Zeitüberschreitung einer Sperre",
            ),
        ] {
            let error = ServerError::from_psql_error(Error::msg(said));
            assert_eq!(ServerError::find_sqlstate(&error), Some(sqlstate));
            assert_eq!(error.to_string(), shown);
        }
        for said in ["psql ended with exit status: 2: no such host", "a:  b: c"] {
            let error = ServerError::from_psql_error(Error::msg(said));
            assert_eq!(ServerError::find_sqlstate(&error), None);
            assert_eq!(error.to_string(), said);
        }
    }
}
