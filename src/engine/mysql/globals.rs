//! Dumps users, roles and their privileges.
//!
//! This module writes the dump itself for every server, because MariaDB's client (`--system=users`)
//! creates a role once for each of its administrators, and loses the privileges of PUBLIC and the
//! bytes of MySQL's hashes.

use std::io::Write;

use anyhow::Result;

use super::server::{Server, identifier};
use crate::stop::Stop;

/// The number of statements that one client runs at most.
const AT_ONCE: usize = 200;

/// Writes the accounts as `SHOW CREATE USER` and `SHOW GRANTS` print them.
pub(super) fn write(server: &Server, out: &mut dyn Write, stop: Stop) -> Result<()> {
    writeln!(out, "-- Users and their grants\n")?;
    // In MySQL a role is a user. Only MariaDB has this column.
    let roles = server.column(
        "SELECT user FROM mysql.user WHERE is_role = 'Y' ORDER BY user = 'PUBLIC', user",
        stop,
    );
    let roles = roles.unwrap_or_default();
    let (everyone, roles): (Vec<_>, Vec<_>) = roles.into_iter().partition(|role| role == "PUBLIC");
    let users = server.column(
        "SELECT CONCAT(QUOTE(user), '@', QUOTE(host)) FROM mysql.user WHERE host <> '' ORDER BY 1",
        stop,
    )?;
    // With this variable, a password's hash is readable whatever bytes it has. Only MySQL knows it.
    let hex = "SET SESSION print_identified_with_as_hex = ON";
    let hex = server
        .ask(hex, stop)
        .map_or(String::new(), |_| format!("{hex};"));
    let roles: Vec<_> = roles.iter().map(|role| identifier(role)).collect();
    for role in &roles {
        writeln!(out, "CREATE ROLE {role};")?;
    }
    let mut defaults = Vec::new();
    let show = |what: &str, accounts: &[String]| -> Result<Vec<String>> {
        let shown: Vec<_> = accounts
            .iter()
            .map(|name| format!("{what} {name}"))
            .collect();
        server.column(&format!("{hex} {}", shown.join("; ")), stop)
    };
    for some in users.chunks(AT_ONCE) {
        for (user, line) in some.iter().zip(show("SHOW CREATE USER", some)?) {
            let (line, roles) = without_default_roles(&line);
            writeln!(out, "{line};")?;
            defaults.extend(roles.map(|roles| format!("SET DEFAULT ROLE {roles} TO {user}")));
        }
    }
    let accounts: Vec<_> = roles.into_iter().chain(users).chain(everyone).collect();
    for some in accounts.chunks(AT_ONCE) {
        for line in show("SHOW GRANTS FOR", some)? {
            // MariaDB lists default roles among the grants.
            if line.starts_with("SET DEFAULT ROLE ") {
                defaults.push(line);
            } else {
                writeln!(out, "{line};")?;
            }
        }
    }
    for line in defaults {
        writeln!(out, "{line};")?;
    }
    writeln!(out, "\n-- Dump completed")?;
    Ok(())
}

/// Removes the default roles from MySQL's `CREATE USER`, because the roles may not exist yet.
/// Returns the statement without them, and the roles.
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

/// Returns the text after the first `word` that stands outside of quotes.
pub(super) fn behind<'a>(text: &'a str, word: &str) -> Option<&'a str> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
