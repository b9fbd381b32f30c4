//! Which failures say something of the dump, and which only of the machine the drill runs on.

use crate::identity::Engine;

/// How the message of a server begins, and what it then needs that no throwaway server has.
type Sign = (&'static str, &'static str);

const REMOTE: &str = "another server, which a drill does not reach";
const PRELOADED: &str = "a library that is not preloaded";

const POSTGRESQL: [Sign; 6] = [
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
/// What follows the name of an extension.
const EXTENSION: [&str; 3] = [
    "must be loaded via shared_preload_libraries",
    "must be loaded via \"shared_preload_libraries\"",
    "must be preloaded",
];
const MYSQL: [Sign; 3] = [
    ("Unable to connect to foreign data source", REMOTE),
    ("Can't create federated table", REMOTE),
    (
        "Can't create/write to file",
        "a directory of the machine that was dumped",
    ),
];
/// The same by the number of the message.
const MYSQL_NUMBERS: [(&str, &str); 5] = [
    ("1049", "another database"),
    ("1146", "a table of another database"),
    ("1286", "a storage engine that is not installed"),
    ("1298", "a time zone that is not installed"),
    ("1524", "a plugin that is not installed"),
];
/// MariaDB refuses the options of a table: `Can't create table ... (errno: 140 "...")`.
const MYSQL_OPTIONS: (&str, &str) = ("1005", "(errno: 140 ");
/// Of all that was missing at once.
const LACKING: &str = "lacks what this dump needs: ";

/// Why the dump cannot be proven here, where that is the reason for `error`. Only the server's own
/// words count: names and rows, which the details of an error quote, may hold the same words.
pub(super) fn why_not(engine: Engine, database: Option<&str>, error: &str) -> Option<String> {
    if let Some((before, lacking)) = error.split_once(LACKING)
        && !before.contains("ERROR")
    {
        let lacking = lacking.split("; restore @globals first").next();
        return Some(format!("it needs {}", lacking.unwrap_or_default()));
    }
    let needed = match engine {
        Engine::Postgresql => postgresql(error)?,
        Engine::Mysql => mysql(database, error)?,
        Engine::Sqlite | Engine::Command => return None,
    };
    Some(format!("it needs {needed}: {error}"))
}

/// The first message after `label`, which begins one: its own line, without details.
fn message<'a>(error: &'a str, label: &str) -> Option<&'a str> {
    let (before, message) = error.split_once(label)?;
    let begins = before.is_empty() || before.ends_with(": ") || before.ends_with("; ");
    let line = message.split_once("; ").map_or(message, |(line, _)| line);
    begins.then_some(line)
}

fn begun<'a>(signs: &[(&str, &'a str)], message: &str) -> Option<&'a str> {
    let sign = signs.iter().find(|(sign, _)| message.starts_with(sign));
    sign.map(|(_, needed)| *needed)
}

fn postgresql(error: &str) -> Option<&'static str> {
    let message = message(error, "ERROR:  ").or_else(|| message(error, "FATAL:  "))?;
    let is_preloaded = EXTENSION.iter().any(|sign| {
        let name = message.strip_suffix(sign).map(str::trim_end);
        let name = name.map(|name| name.strip_prefix("extension ").unwrap_or(name));
        name.is_some_and(|name| !name.is_empty() && !name.contains(' '))
    });
    is_preloaded
        .then_some(PRELOADED)
        .or_else(|| begun(&POSTGRESQL, message))
}

fn mysql(database: Option<&str>, error: &str) -> Option<&'static str> {
    let message = message(error, "ERROR ")?;
    let (place, message) = message.split_once(": ")?;
    let number = place.split(' ').next()?;
    // A table of its own that is missing was lost.
    let own = database.map(|name| format!("Table '{name}."));
    if number == "1146" && own.is_some_and(|own| message.starts_with(&own)) {
        return None;
    }
    let (options, sign) = MYSQL_OPTIONS;
    if number == options && message.contains(sign) {
        return Some("encryption or another option of the server");
    }
    let numbered = MYSQL_NUMBERS.iter().find(|(known, _)| *known == number);
    numbered
        .map(|(_, needed)| *needed)
        .or_else(|| begun(&MYSQL, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_here_is_no_failure() {
        let why = |error: &str| why_not(Engine::Mysql, Some("shop"), error);
        assert_eq!(why("ERROR 1064 (42000): You have an error"), None);
        assert_eq!(
            why("ERROR 1146 (42S02): Table 'shop.t' doesn't exist"),
            None
        );
        let other = why("ERROR 1146 (42S02): Table 'crm.t' doesn't exist").unwrap();
        assert!(other.starts_with("it needs a table of another database: "));
        let lacking = "the server mysql://x lacks what this dump needs: the storage engines S3; restore @globals first, or install and create them";
        assert_eq!(why(lacking).unwrap(), "it needs the storage engines S3");
        let why = |error: &str| why_not(Engine::Postgresql, Some("shop"), error);
        assert_eq!(
            why("ERROR:  duplicate key value violates unique constraint"),
            None
        );
        let remote = why("psql:<stdin>:9: ERROR:  could not connect to server \"far\"").unwrap();
        assert!(remote.starts_with("it needs another server"));
        assert_eq!(
            why_not(Engine::Sqlite, None, "ERROR:  could not access file"),
            None
        );
        for preloaded in [
            "psql:<stdin>:9: ERROR:  pg_stat_statements must be loaded via \"shared_preload_libraries\"",
            "psql ended with exit status: 2: FATAL:  extension \"timescaledb\" must be preloaded; HINT:  Please preload it",
        ] {
            assert!(why(preloaded).unwrap().starts_with("it needs a library"));
        }
    }

    #[test]
    fn words_of_the_dump_are_not_those_of_the_server() {
        for words in [
            "could not connect to server",
            "ERROR:  could not connect to server",
            "x must be preloaded",
            "the server x lacks what this dump needs: y",
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
                assert_eq!(why_not(Engine::Postgresql, None, &error), None);
            }
        }
        for words in [
            "ERROR 1146 (42S02): Table 'crm.t' doesn't exist",
            "Unable to connect to foreign data source",
            "(errno: 140 \"x\")",
        ] {
            let error = format!(
                "mariadb ended with exit status: 1: ERROR 1062 (23000) at line 9: Duplicate entry '{words}' for key 'k'"
            );
            assert_eq!(why_not(Engine::Mysql, Some("shop"), &error), None);
        }
        let options = "ERROR 1005 (HY000) at line 3: Can't create table `a`.`t` (errno: 140 \"Wrong create options\")";
        assert!(why_not(Engine::Mysql, Some("a"), options).is_some());
    }
}
