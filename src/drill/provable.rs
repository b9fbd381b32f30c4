//! Which failures say something of the dump, and which only of the machine the drill runs on.

use crate::identity::Engine;

/// What a server says, and what it then needs that no throwaway server has.
type Sign = (&'static str, &'static str);

const POSTGRESQL: [Sign; 8] = [
    (
        "could not connect to server",
        "another server, which a drill does not reach",
    ),
    (
        "could not establish connection",
        "another server, which a drill does not reach",
    ),
    (
        "password is required",
        "another server, which a drill does not reach",
    ),
    (
        "shared_preload_libraries",
        "a library that is not preloaded",
    ),
    ("must be preloaded", "a library that is not preloaded"),
    (
        "must be a superuser",
        "to know which roles were superusers, which the dump does not say",
    ),
    (
        "can only create extension in database",
        "a database of the same name for an extension",
    ),
    ("could not access file", "a library that is not installed"),
];
const MYSQL: [Sign; 9] = [
    (
        "Unable to connect to foreign data source",
        "another server, which a drill does not reach",
    ),
    (
        "Can't create federated table",
        "another server, which a drill does not reach",
    ),
    (
        "Can't create/write to file",
        "a directory of the machine that was dumped",
    ),
    ("ERROR 1049", "another database"),
    ("ERROR 1146", "a table of another database"),
    ("ERROR 1286", "a storage engine that is not installed"),
    ("ERROR 1298", "a time zone that is not installed"),
    ("ERROR 1524", "a plugin that is not installed"),
    ("errno: 140", "encryption or another option of the server"),
];
/// Of all that was missing at once.
const LACKING: &str = "lacks what this dump needs: ";

/// Why the dump cannot be proven here, where that is the reason for `error`.
pub(super) fn why_not(engine: Engine, database: Option<&str>, error: &str) -> Option<String> {
    if let Some((_, lacking)) = error.split_once(LACKING) {
        let lacking = lacking.split("; restore @globals first").next();
        return Some(format!("it needs {}", lacking.unwrap_or_default()));
    }
    let signs: &[Sign] = match engine {
        Engine::Postgresql => &POSTGRESQL,
        Engine::Mysql => &MYSQL,
        Engine::Sqlite | Engine::Command => &[],
    };
    let (sign, needed) = signs.iter().find(|(sign, _)| error.contains(sign))?;
    // A table of its own that is missing was lost.
    let own = database.map(|name| format!("'{name}."));
    if *sign == "ERROR 1146" && own.is_some_and(|own| error.contains(&own)) {
        return None;
    }
    Some(format!("it needs {needed}: {error}"))
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
        assert_eq!(why_not(Engine::Sqlite, None, "must be a superuser"), None);
    }
}
