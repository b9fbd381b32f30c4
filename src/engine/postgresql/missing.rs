//! Recognizes errors of a PostgreSQL server that say that the server lacks something the dump
//! needs.

use crate::engine::missing::{REMOTE, Sign, find_message, find_needed};

const PRELOADED: &str = "a library that is not preloaded";
const SIGNS: [Sign; 7] = [
    (
        "unrecognized configuration parameter \"cron.database_name\"",
        PRELOADED,
    ),
    ("could not connect to server", REMOTE),
    ("could not establish connection", REMOTE),
    ("password is required", REMOTE),
    (
        "permission denied to change owner of event trigger",
        "to know which roles were superusers, which the dump does not say",
    ),
    (
        "can only create extension in database",
        "a database of the same name for an extension",
    ),
    ("could not access file", "a library that is not installed"),
];
/// The texts that follow the name of an extension that must be preloaded.
const EXTENSION: [&str; 3] = [
    "must be loaded via shared_preload_libraries",
    "must be loaded via \"shared_preload_libraries\"",
    "must be preloaded",
];

/// Returns what the server lacks according to `error`, or `None` if the error has another cause.
pub(super) fn find_missing(error: &str) -> Option<&'static str> {
    let message = find_message(error, "ERROR:  ").or_else(|| find_message(error, "FATAL:  "))?;
    let is_preloaded = EXTENSION.iter().any(|sign| {
        let name = message.strip_suffix(sign).map(str::trim_end);
        let name = name.map(|name| name.strip_prefix("extension ").unwrap_or(name));
        name.is_some_and(|name| !name.is_empty() && !name.contains(' '))
    });
    is_preloaded
        .then_some(PRELOADED)
        .or_else(|| find_needed(&SIGNS, message))
}

#[cfg(test)]
mod tests {
    use super::{PRELOADED, REMOTE, find_missing};

    #[test]
    fn only_what_is_missing_here_is_no_failure() {
        let duplicate = "ERROR:  duplicate key value violates unique constraint";
        assert_eq!(find_missing(duplicate), None);
        let remote = "psql:<stdin>:9: ERROR:  could not connect to server \"far\"";
        assert_eq!(find_missing(remote), Some(REMOTE));
        for preloaded in [
            "psql:<stdin>:9: ERROR:  pg_stat_statements must be loaded via \"shared_preload_libraries\"",
            "psql ended with exit status: 2: FATAL:  extension \"timescaledb\" must be preloaded; HINT:  Please preload it",
        ] {
            assert_eq!(find_missing(preloaded), Some(PRELOADED));
        }
    }

    #[test]
    fn words_of_the_dump_are_not_those_of_the_server() {
        for words in [
            "could not connect to server",
            "ERROR:  could not connect to server",
            "x must be preloaded",
            "password is required",
        ] {
            for error in [
                format!(
                    "psql:<stdin>:9: ERROR:  invalid input syntax for type integer: \"{words}\""
                ),
                format!(
                    "ERROR:  duplicate key value violates unique constraint \"k\"; DETAIL:  Key (v)=({words}) already exists."
                ),
                format!(
                    "ERROR:  missing data for column \"b\"; CONTEXT:  COPY t, line 1: \"{words}\""
                ),
                format!("ERROR:  value too long; {words}"),
            ] {
                assert_eq!(find_missing(&error), None);
            }
        }
    }
}
