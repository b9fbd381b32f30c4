//! Recognizes the errors of a server by their numbers. Their texts are in the server's language, and
//! quote names and rows that owners of databases choose.

use std::fmt;

use anyhow::Error;

pub(super) const BAD_FIELD: u16 = 1054;
/// `ER_PARSE_ERROR`: the server does not know the statement.
pub(super) const SYNTAX: u16 = 1064;
pub(super) const UNKNOWN_SYSTEM_VARIABLE: u16 = 1193;
pub(super) const LOCK_WAIT_TIMEOUT: u16 = 1205;
/// `ER_NET_PACKET_TOO_LARGE`.
pub(super) const PACKET_TOO_LARGE: u16 = 1153;
pub(super) const TABLE_ACCESS_DENIED: u16 = 1142;
/// `ER_SPECIFIC_ACCESS_DENIED_ERROR`.
pub(super) const MISSING_PRIVILEGE: u16 = 1227;
pub(super) const UNKNOWN_TIME_ZONE: u16 = 1298;
/// `ER_ACCESS_DENIED_ERROR`: the server runs and refuses the password.
pub(super) const ACCESS_DENIED: u16 = 1045;
/// The errors of a lost connection: `CR_SERVER_GONE_ERROR`, `CR_SERVER_LOST`, and MySQL's
/// `ER_CLIENT_INTERACTION_TIMEOUT`, the end of a session that was idle for long.
pub(super) const LOST: [u16; 3] = [2006, 2013, 4031];

/// An error that a server reported to a client.
#[derive(Debug)]
pub(super) struct ServerError {
    pub(super) number: u16,
    /// The server's own words.
    pub(super) words: String,
    said: String,
}

impl ServerError {
    /// Returns the error of a client as a [`ServerError`] if it is the server's, and unchanged
    /// otherwise. `show` changes the text that is shown.
    pub(super) fn from_client_error(error: Error, show: impl FnOnce(&str) -> String) -> Error {
        let said = format!("{error:#}");
        match parse(&said) {
            None => error,
            Some((number, words)) => Error::new(ServerError {
                number,
                words: words.to_owned(),
                said: show(&said),
            }),
        }
    }

    /// Returns the server's error in `error`, or `None` if the server did not cause it.
    pub(super) fn find(error: &Error) -> Option<&Self> {
        error.chain().find_map(|cause| cause.downcast_ref())
    }
}

/// Returns the number of the server's error, or `None` if the server did not cause the error.
pub(super) fn find_number(error: &Error) -> Option<u16> {
    ServerError::find(error).map(|error| error.number)
}

/// Takes `ERROR 1045 (28000): text` and `ERROR 1062 (23000) at line 9: text` apart, which begin a
/// line of a client's messages. Returns the number and the text.
pub(super) fn parse(said: &str) -> Option<(u16, &str)> {
    let (before, rest) = said.split_once("ERROR ")?;
    if !before.is_empty() && !before.ends_with(": ") && !before.ends_with("; ") {
        return None;
    }
    let (number, rest) = rest.split_once(" (")?;
    let (state, rest) = rest.split_once(')')?;
    let (place, words) = rest.split_once(": ")?;
    let is_state = state.len() == 5 && state.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let line = place.strip_prefix(" at line ");
    let is_place = place.is_empty()
        || line.is_some_and(|line| !line.is_empty() && line.bytes().all(|c| c.is_ascii_digit()));
    if !is_state || !is_place {
        return None;
    }
    let words = words.split_once("; ").map_or(words, |(first, _)| first);
    Some((number.parse().ok()?, words))
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
    fn an_error_is_known_by_its_number_where_a_client_puts_it() {
        for (said, expected) in [
            (
                "ERROR 1045 (28000): Access denied",
                Some((1045, "Access denied")),
            ),
            (
                "mariadb ended with exit status: 1: ERROR 1062 (23000) at line 9: Doppelt; more",
                Some((1062, "Doppelt")),
            ),
            (
                "mysql ended with exit status: 1: ERROR 1062 (23000) at line 9: 'ERROR 1205 (HY000): x'",
                Some((1062, "'ERROR 1205 (HY000): x'")),
            ),
            ("mariadb: an 'ERROR 1045 (28000): x' of a name", None),
            ("ERROR 1045: no state", None),
            ("ERROR 1045 (28000) at line x: y", None),
            ("ERROR at line 1: Unknown command", None),
        ] {
            assert_eq!(parse(said), expected, "{said}");
            let error =
                ServerError::from_client_error(Error::msg(said), str::to_owned).context("outside");
            assert_eq!(find_number(&error), expected.map(|(number, _)| number));
            assert_eq!(format!("{error:#}"), format!("outside: {said}"));
        }
    }
}
