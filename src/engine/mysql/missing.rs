//! Recognizes errors of a MySQL or MariaDB server that say that the server lacks something the dump
//! needs.

use crate::engine::missing::{REMOTE, Sign, first_message, needed_by};

const SIGNS: [Sign; 3] = [
    ("Unable to connect to foreign data source", REMOTE),
    ("Can't create federated table", REMOTE),
    (
        "Can't create/write to file",
        "a directory of the machine that was dumped",
    ),
];
/// Signs that are recognized by the error number.
const NUMBERS: [Sign; 5] = [
    ("1049", "another database"),
    ("1146", "a table of another database"),
    ("1286", "a storage engine that is not installed"),
    ("1298", "a time zone that is not installed"),
    ("1524", "a plugin that is not installed"),
];
/// The error with which MariaDB refuses the options of a table:
/// `Can't create table ... (errno: 140 "...")`.
const OPTIONS: Sign = ("1005", "(errno: 140 ");

/// Returns what the server lacks according to `error`, which occurred while `database` was
/// restored, or `None` if the error has another cause.
pub(super) fn find_missing(database: Option<&str>, error: &str) -> Option<&'static str> {
    let message = first_message(error, "ERROR ")?;
    let (place, message) = message.split_once(": ")?;
    let number = place.split(' ').next()?;
    // If a table of the restored database itself is missing, it was lost.
    let own = database.map(|name| format!("Table '{name}."));
    if number == "1146" && own.is_some_and(|own| message.starts_with(&own)) {
        return None;
    }
    let (options, sign) = OPTIONS;
    if number == options && message.contains(sign) {
        return Some("encryption or another option of the server");
    }
    let numbered = NUMBERS.iter().find(|(known, _)| *known == number);
    numbered
        .map(|(_, needed)| *needed)
        .or_else(|| needed_by(&SIGNS, message))
}

#[cfg(test)]
mod tests {
    use super::find_missing;

    #[test]
    fn only_what_is_missing_here_is_no_failure() {
        let needs = |error: &str| find_missing(Some("shop"), error);
        assert_eq!(needs("ERROR 1064 (42000): You have an error"), None);
        let own = "ERROR 1146 (42S02): Table 'shop.t' doesn't exist";
        assert_eq!(needs(own), None);
        let other = needs("ERROR 1146 (42S02): Table 'crm.t' doesn't exist");
        assert_eq!(other, Some("a table of another database"));
        let options = "ERROR 1005 (HY000) at line 3: Can't create table `a`.`t` (errno: 140 \"Wrong create options\")";
        assert!(needs(options).is_some());
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
            assert_eq!(find_missing(Some("shop"), &error), None);
        }
    }
}
