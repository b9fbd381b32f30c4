//! Reads the statements about users, roles and their privileges in a dump.

use std::collections::HashSet;

use crate::engine::mysql::quotes::{find_after, is_one_statement, read_quoted};

/// The temporary role with which MariaDB's client creates the other roles. Statements about it are
/// left out: the role remains when a statement fails, and the restoring user would not be the
/// administrator of the restored roles.
const IMPORTING: &str = "mariadb_dump_import_role";

const CREATE_SERVER: &str = "CREATE SERVER ";

/// MariaDB's account that stands for all users.
pub(super) const EVERYONE: &str = "PUBLIC";

/// Returns the statement to run for a line of the dump, or `None` for a statement that only
/// MariaDB's client needs while it creates roles.
pub(super) fn read_statement(line: &str) -> Option<String> {
    const CREATE: &str = "/*M!100005 CREATE ROLE ";
    if let Some(rest) = line.strip_prefix(CREATE)
        && let Some(at) = rest.find(&format!(" WITH ADMIN {IMPORTING}"))
    {
        return Some(format!("CREATE ROLE {};", &rest[..at]));
    }
    let around = line.is_empty()
        || line.starts_with("--")
        || line.contains("\\- enable the sandbox")
        || line.contains(IMPORTING)
        || line.contains("@current_role")
        || line == "SET ROLE NONE;";
    (!around).then(|| line.to_owned())
}

/// Returns true if a text is one statement of the kinds that a dump of accounts has. Other
/// statements, which a forged dump can have, are not run with the rights of a superuser.
pub(in super::super) fn is_about_accounts(text: &str) -> bool {
    const KINDS: [&str; 8] = [
        "CREATE USER ",
        "CREATE ROLE ",
        "ALTER USER ",
        "ALTER ROLE ",
        "GRANT ",
        "REVOKE ",
        "SET DEFAULT ROLE ",
        CREATE_SERVER,
    ];
    let kind = strip_comment(text);
    // MariaDB's client sets variables of its session.
    let is_setting = text.starts_with("/*!40") && kind.starts_with("SET ");
    is_one_statement(text.trim_end())
        && (is_setting || KINDS.iter().any(|start| kind.starts_with(start)))
}

/// Returns the name of the server that the line defines.
pub(in super::super) fn find_defined_server(line: &str) -> Option<String> {
    let (name, _) = read_quoted(line.strip_prefix(CREATE_SERVER)?)?;
    Some(name)
}

/// Returns true if the line grants a role that does not exist yet. The account that receives the
/// role may exist, but cannot have the role yet.
pub(super) fn is_of_role(line: &str, existing: &HashSet<String>) -> bool {
    let Some(role) = strip_comment(line)
        .strip_prefix("GRANT ")
        .and_then(read_account)
    else {
        return false;
    };
    find_after(line, " ON ").is_none() && !existing.contains(&role)
}

/// Returns true if the line is a grant on an object, such as a table or a routine, and not on a
/// database or on all databases.
pub(super) fn is_on_object(line: &str) -> bool {
    let line = strip_comment(line);
    let Some(object) = line
        .strip_prefix("GRANT ")
        .and_then(|rest| find_after(rest, " ON "))
    else {
        return false;
    };
    if line.starts_with("GRANT PROXY ") || object.starts_with("*.") {
        return false;
    }
    read_quoted(object).is_none_or(|(_, rest)| !rest.starts_with(".*"))
}

/// Removes the opening of an executable comment, such as `/*M!100005`, from the start of a line.
fn strip_comment(line: &str) -> &str {
    match line.split_once(' ') {
        Some((comment, rest)) if comment.starts_with("/*") => rest,
        _ => line,
    }
}

/// What a statement does with an account.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AccountStatement {
    /// Creates an account of this kind, `USER` or `ROLE`.
    Create(&'static str),
    /// Changes an account, or grants something to it.
    Other,
}

impl AccountStatement {
    /// Returns what the statement is about, such as `user u@host`.
    pub(super) fn describe(&self, account: &str) -> String {
        match self {
            AccountStatement::Create(kind) => format!("{} {account}", kind.to_lowercase()),
            AccountStatement::Other => format!("privileges and roles of {account}"),
        }
    }
}

/// Returns the kind of the statement and the account that it creates, changes or grants something
/// to, as `user@host`; a role has no host. The clients write one statement per line, some within
/// `/*!` or `/*M!` comments.
pub(super) fn find_account(line: &str) -> Option<(AccountStatement, String)> {
    let line = strip_comment(line);
    let after = |start: &str| line.strip_prefix(start);
    let (statement, rest) = if let Some(rest) = after("CREATE USER ") {
        (AccountStatement::Create("USER"), rest)
    } else if let Some(rest) = after("CREATE ROLE ") {
        (AccountStatement::Create("ROLE"), rest)
    } else if let Some(rest) = after("ALTER USER ") {
        (AccountStatement::Other, rest)
    } else if let Some(rest) = after("GRANT ") {
        (AccountStatement::Other, find_after(rest, " TO ")?)
    } else if let Some(rest) = after("REVOKE ") {
        (AccountStatement::Other, find_after(rest, " FROM ")?)
    } else {
        let rest = after("SET DEFAULT ROLE ")?;
        // MariaDB writes `FOR`, MySQL writes `TO`.
        let rest = find_after(rest, " FOR ").or(find_after(rest, " TO "));
        (AccountStatement::Other, rest?)
    };
    let rest = rest.strip_prefix("IF NOT EXISTS ").unwrap_or(rest);
    Some((statement, read_account(rest)?))
}

/// Returns the account at the start of `text`. In MariaDB, `PUBLIC` is an account.
fn read_account(text: &str) -> Option<String> {
    if text.starts_with(EVERYONE) {
        return Some(EVERYONE.to_owned());
    }
    let (user, rest) = read_quoted(text)?;
    Some(match rest.strip_prefix('@').and_then(read_quoted) {
        Some((host, _)) if host.is_empty() => user,
        Some((host, _)) => format!("{user}@{host}"),
        None => user,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_its_account() {
        let of = |line: &str| find_account(line).map(|(_, account)| account);
        for (line, name) in [
            ("CREATE USER `a``b`@`%` IDENTIFIED BY 'x TO y';", "a`b@%"),
            ("CREATE USER IF NOT EXISTS 'a'@'h';", "a@h"),
            ("/*M!100005 CREATE ROLE 'r' WITH ADMIN x */;", "r"),
            (
                "GRANT USAGE ON *.* TO `u`@`localhost` IDENTIFIED BY PASSWORD '*B';",
                "u@localhost",
            ),
            ("GRANT SELECT ON `a TO b`.* TO `u`@`h`;", "u@h"),
            ("GRANT SELECT ON `wp`.* TO PUBLIC;", "PUBLIC"),
            ("GRANT `r` TO `u`@`h`;", "u@h"),
            ("REVOKE INSERT ON `a FROM b`.* FROM `u`@`h`;", "u@h"),
            ("/*M!100005 SET DEFAULT ROLE NONE FOR 'u'@'h' */;", "u@h"),
            ("SET DEFAULT ROLE `a`@`%`,`b TO c`@`%` TO 'u'@'h';", "u@h"),
            ("/*!80001 ALTER USER 'u'@'h' DEFAULT ROLE NONE */;", "u@h"),
        ] {
            assert_eq!(of(line).as_deref(), Some(name), "{line}");
        }
        for line in ["SET ROLE x;", "-- GRANT", "GRANT a TO CURRENT_USER();", ""] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    #[test]
    fn grants_on_objects_wait_for_them() {
        for (line, waits) in [
            ("GRANT SELECT (`a`), INSERT ON `d`.`t` TO `u`@`h`;", true),
            ("GRANT EXECUTE ON PROCEDURE `d`.`p` TO `u`@`h`;", true),
            ("GRANT SELECT ON `d ON *.*`.`t` TO `u`@`h`;", true),
            ("GRANT SELECT ON `d`.* TO `u`@`h`;", false),
            ("GRANT ALL PRIVILEGES ON *.* TO `u`@`h`;", false),
            ("GRANT PROXY ON ``@`%` TO `u`@`h`;", false),
            ("GRANT `r` TO `u`@`h`;", false),
            ("CREATE USER `u ON x`@`h`;", false),
        ] {
            assert_eq!(is_on_object(line), waits, "{line}");
        }
    }

    #[test]
    fn what_the_client_does_around_roles_is_left_out() {
        let created = "/*M!100005 CREATE ROLE 'r' WITH ADMIN mariadb_dump_import_role */;";
        assert_eq!(read_statement(created).as_deref(), Some("CREATE ROLE 'r';"));
        for line in [
            "CREATE ROLE IF NOT EXISTS mariadb_dump_import_role;",
            "GRANT mariadb_dump_import_role TO CURRENT_USER();",
            "SET ROLE NONE;",
            "DROP ROLE mariadb_dump_import_role;",
            "SELECT COALESCE(CURRENT_ROLE(),'NONE') into @current_role;",
            "/*M!999999\\- enable the sandbox mode */ ",
        ] {
            assert_eq!(read_statement(line), None, "{line}");
        }
        let existing = HashSet::from(["root@localhost".to_owned(), "old".to_owned()]);
        let given = "GRANT `r` TO `root`@`localhost` WITH ADMIN OPTION;";
        assert!(is_of_role(given, &existing));
        assert!(!is_of_role(&given.replace("`r`", "`old`"), &existing));
        assert!(!is_of_role(
            "GRANT SELECT ON *.* TO `root`@`localhost`;",
            &existing
        ));
    }
}
