//! Users, roles and what they may do.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;

use anyhow::Result;

use super::server::{Server, identifier};
use crate::child::{self, Child};
use crate::engine::feed::{finish, read_list};
use crate::stop::Stop;

/// The client that dumps them, if it can.
pub(super) fn start(server: &Server, version: &str, stop: Stop) -> Result<Option<Child>> {
    let dumper = &server.dumper;
    // MariaDB's would lose bytes of MySQL's password hashes.
    if !dumper.knows("system") || !dumper.suits(version) {
        return Ok(None);
    }
    let mut command = server.client(dumper);
    command.args(["--skip-force", "--comments", "--system=users"]);
    Child::read_from(&mut command, dumper.program, stop).map(Some)
}

/// Writes them as `SHOW CREATE USER` and `SHOW GRANTS` have them.
pub(super) fn write(server: &Server, out: &mut dyn Write, stop: Stop) -> Result<()> {
    writeln!(out, "-- Users and their grants\n")?;
    // In MySQL a role is a user; this column is MariaDB's.
    let roles = server.column(
        "SELECT user FROM mysql.user WHERE is_role = 'Y' ORDER BY 1",
        stop,
    );
    let roles = roles.unwrap_or_default();
    let users = server.column(
        "SELECT CONCAT(QUOTE(user), '@', QUOTE(host)) FROM mysql.user WHERE host <> '' ORDER BY 1",
        stop,
    )?;
    // Readable whatever bytes a password's hash has; only MySQL knows it.
    let hex = "SET SESSION print_identified_with_as_hex = ON";
    let hex = server
        .ask(hex, stop)
        .map_or(String::new(), |_| format!("{hex};"));
    let roles: Vec<_> = roles.iter().map(|role| identifier(role)).collect();
    for role in &roles {
        writeln!(out, "CREATE ROLE {role};")?;
    }
    let mut defaults = Vec::new();
    for user in &users {
        for line in server.column(&format!("{hex} SHOW CREATE USER {user}"), stop)? {
            let (line, roles) = without_default_roles(&line);
            writeln!(out, "{line};")?;
            defaults.extend(roles.map(|roles| format!("SET DEFAULT ROLE {roles} TO {user};")));
        }
    }
    for account in roles.iter().chain(&users) {
        for line in server.column(&format!("SHOW GRANTS FOR {account}"), stop)? {
            writeln!(out, "{line};")?;
        }
    }
    for line in defaults {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "\n-- Dump completed")?;
    Ok(())
}

/// MySQL's `CREATE USER` names default roles, which then need not exist yet.
fn without_default_roles(create: &str) -> (String, Option<&str>) {
    let clause = " DEFAULT ROLE ";
    let found = behind(create, clause).and_then(|rest| Some((rest, behind(rest, " REQUIRE ")?)));
    let Some((rest, after)) = found else {
        return (create.to_owned(), None);
    };
    let before = &create[..create.len() - rest.len() - clause.len()];
    let roles = &rest[..rest.len() - after.len() - " REQUIRE ".len()];
    (format!("{before} REQUIRE {after}"), Some(roles))
}

/// Creates the accounts that do not exist, with their grants. One that exists stays as it is.
///
/// # Errors
/// When a statement fails; what was created is then dropped again.
pub fn restore(dump: &File, mut server: Server, stop: Stop) -> Result<()> {
    server.meet(stop)?;
    let server = &server;
    let existing = server.column(
        "SELECT IF(host = '', user, CONCAT(user, '@', host)) FROM mysql.user",
        stop,
    )?;
    let existing: HashSet<_> = existing.into_iter().collect();
    let script = read_list(dump, stop)?;
    let (mut kept, mut created) = (String::new(), Vec::new());
    for line in script
        .lines()
        .filter(|line| !line.contains("\\- enable the sandbox"))
    {
        let account = account(line);
        if let Some((_, account)) = &account
            && existing.contains(account)
        {
            if line.starts_with("CREATE USER") {
                log::info!("the user {account} exists and stays as it is");
            }
            continue;
        }
        if let Some((Statement::Create(kind), account)) = account {
            created.push(format!("DROP {kind} IF EXISTS {}", quoted(&account)));
        }
        kept.push_str(line);
        kept.push('\n');
    }
    let mut command = server.fed_shell();
    let mut child = Child::write_to(&mut command, server.shell.program, stop)?;
    let fed = child.write_all(kept.as_bytes());
    finish(child, fed, stop).map_err(|error| {
        undo(server, &created);
        error.context("the users cannot be restored")
    })
}

fn undo(server: &Server, created: &[String]) {
    let mut command = server.shell();
    command.args(["--batch", "--force", "--execute", &created.join("; ")]);
    if let Err(error) = child::output(&mut command, server.shell.program, Stop::cleaning_up()) {
        log::warn!("accounts that were created could not be dropped again: {error:#}");
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Statement {
    Create(&'static str),
    Other,
}

/// The account a statement creates, changes or grants something to, as `user@host`; a role has no
/// host. The clients write one statement a line, some within `/*!` or `/*M!` comments.
fn account(line: &str) -> Option<(Statement, String)> {
    let line = match line.split_once(' ') {
        Some((comment, rest)) if comment.starts_with("/*") => rest,
        _ => line,
    };
    let after = |start: &str| line.strip_prefix(start);
    let (statement, rest) = if let Some(rest) = after("CREATE USER ") {
        (Statement::Create("USER"), rest)
    } else if let Some(rest) = after("CREATE ROLE ") {
        (Statement::Create("ROLE"), rest)
    } else if let Some(rest) = after("ALTER USER ") {
        (Statement::Other, rest)
    } else if let Some(rest) = after("GRANT ") {
        (Statement::Other, behind(rest, " TO ")?)
    } else {
        let rest = after("SET DEFAULT ROLE ")?;
        // MariaDB's word, and MySQL's.
        let rest = behind(rest, " FOR ").or(behind(rest, " TO "));
        (Statement::Other, rest?)
    };
    let rest = rest.strip_prefix("IF NOT EXISTS ").unwrap_or(rest);
    let (user, rest) = quoted_at(rest)?;
    let account = match rest.strip_prefix('@').and_then(quoted_at) {
        Some((host, _)) if host.is_empty() => user,
        Some((host, _)) => format!("{user}@{host}"),
        None => user,
    };
    Some((statement, account))
}

/// What follows `word` where that stands outside of quotes.
fn behind<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, '`' | '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None, ' ') if text[at..].starts_with(word) => return Some(&text[at + word.len()..]),
            _ => {}
        }
    }
    None
}

/// A quoted name at the start, and what follows it.
fn quoted_at(text: &str) -> Option<(String, &str)> {
    let quote = text
        .chars()
        .next()
        .filter(|first| "`'\"".contains(*first))?;
    let mut name = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return Some((name, &text[at + 1..]));
        }
        name.push(character);
    }
    None
}

fn quoted(account: &str) -> String {
    let quote = super::server::identifier;
    match account.rsplit_once('@') {
        Some((user, host)) => format!("{}@{}", quote(user), quote(host)),
        None => quote(account),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_its_account() {
        let of = |line: &str| account(line).map(|(_, account)| account);
        for (line, name) in [
            ("CREATE USER `a``b`@`%` IDENTIFIED BY 'x TO y';", "a`b@%"),
            ("CREATE USER IF NOT EXISTS 'a'@'h';", "a@h"),
            ("/*M!100005 CREATE ROLE 'r' WITH ADMIN x */;", "r"),
            (
                "GRANT USAGE ON *.* TO `u`@`localhost` IDENTIFIED BY PASSWORD '*B';",
                "u@localhost",
            ),
            ("GRANT SELECT ON `a TO b`.* TO `u`@`h`;", "u@h"),
            ("GRANT `r` TO `u`@`h`;", "u@h"),
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
    fn default_roles_are_set_apart() {
        for (line, without, roles) in [
            (
                "CREATE USER `u`@`h` IDENTIFIED WITH 'x' AS ' DEFAULT ROLE ' DEFAULT ROLE `a REQUIRE b`@`%`,`c`@`%` REQUIRE SSL",
                "CREATE USER `u`@`h` IDENTIFIED WITH 'x' AS ' DEFAULT ROLE ' REQUIRE SSL",
                Some("`a REQUIRE b`@`%`,`c`@`%`"),
            ),
            ("CREATE USER `u`@`h`", "CREATE USER `u`@`h`", None),
        ] {
            assert_eq!(without_default_roles(line), (without.to_owned(), roles));
        }
    }
}
