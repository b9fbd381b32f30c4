//! Recognizes errors of a MySQL or MariaDB server that say that the server lacks something the dump
//! needs.

use super::error::ServerError;
use crate::engine::missing::{REMOTE, Sign, find_needed};

/// What the server lacks when it reports the error with this number.
const NUMBERS: [(u16, &str); 7] = [
    (1049, "another database"),
    (1146, "a table of another database"),
    (1286, "a storage engine that is not installed"),
    (1298, "a time zone that is not installed"),
    (1429, REMOTE),
    (1434, REMOTE),
    (1524, "a plugin that is not installed"),
];
/// What the server lacks when it reports the error 1, by which servers report several things, and
/// its words begin so.
const UNNUMBERED: [Sign; 2] = [
    // FEDERATED does not know the name of a CREATE SERVER.
    ("server name: '", REMOTE),
    (
        "Can't create/write to file",
        "a directory of the machine that was dumped",
    ),
];
const NO_SUCH_TABLE: u16 = 1146;
const CANNOT_CREATE_TABLE: u16 = 1005;
/// The error of a storage engine that refuses the options of a table. MariaDB gives it after the
/// name of the table: `Can't create table ... (errno: 140 "...")`.
const WRONG_OPTIONS: &str = "140 ";

/// Returns what the server lacks according to `error`, which occurred while `database` was
/// restored, or `None` if the error has another cause.
pub(super) fn find_missing(database: Option<&str>, error: &anyhow::Error) -> Option<&'static str> {
    let ServerError { number, words, .. } = ServerError::find(error)?;
    // If a table of the restored database itself is missing, it was lost.
    let own = database.map(|name| format!("Table '{name}."));
    if *number == NO_SUCH_TABLE && own.is_some_and(|own| words.starts_with(&own)) {
        return None;
    }
    if *number == CANNOT_CREATE_TABLE {
        let (_, cause) = words.rsplit_once("(errno: ")?;
        let is_options = cause.starts_with(WRONG_OPTIONS);
        return is_options.then_some("encryption or another option of the server");
    }
    if *number == 1 {
        return find_needed(&UNNUMBERED, words);
    }
    let known = NUMBERS.iter().find(|(known, _)| known == number);
    known.map(|(_, needed)| *needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(error: &str) -> Option<&'static str> {
        let error =
            ServerError::from_client_error(anyhow::Error::msg(error.to_owned()), str::to_owned);
        find_missing(Some("shop"), &error.context("it cannot be restored"))
    }

    #[test]
    fn only_what_is_missing_here_is_no_failure() {
        assert_eq!(needed("ERROR 1064 (42000): You have an error"), None);
        let own = "ERROR 1146 (42S02): Table 'shop.t' doesn't exist";
        assert_eq!(needed(own), None);
        let other = needed("ERROR 1146 (42S02): Table 'crm.t' doesn't exist");
        assert_eq!(other, Some("a table of another database"));
        let options = "ERROR 1005 (HY000) at line 3: Can't create table `a`.`t` (errno: 140 \"Wrong create options\")";
        assert!(needed(options).is_some());
        let unknown = "table t: ERROR 1 (HY000): server name: 'far' doesn't exist!";
        assert_eq!(needed(unknown), Some(REMOTE));
        let named = "ERROR 1005 (HY000) at line 3: Can't create table `a`.`(errno: 140 ` (errno: 13 \"Permission denied\")";
        assert_eq!(needed(named), None);
    }

    #[test]
    fn words_of_the_dump_are_not_those_of_the_server() {
        for words in [
            "ERROR 1146 (42S02): Table 'crm.t' doesn't exist",
            "Unable to connect to foreign data source",
            "(errno: 140 \"x\")",
        ] {
            let error = format!(
                "mariadb ended with exit status: 1: ERROR 1062 (23000) at line 9: Duplicate entry '{words}' for key 'k'"
            );
            assert_eq!(needed(&error), None);
        }
    }
}
