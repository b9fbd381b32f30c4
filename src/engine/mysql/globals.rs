//! Dumps users, roles and their privileges, and the definitions of other servers.
//!
//! This module writes the dump itself for every server, because MariaDB's client (`--system=users`)
//! creates a role once for each of its administrators, and loses the privileges of PUBLIC and the
//! bytes of MySQL's hashes.

use std::io::Write;

use anyhow::{Result, ensure};

use super::accounts::statement::{find_defined_server, is_about_accounts};
use super::error::{
    self, BAD_FIELD, MISSING_PRIVILEGE, SYNTAX, TABLE_ACCESS_DENIED, UNKNOWN_SYSTEM_VARIABLE,
};
use super::quotes::{find_after, read_account, split_statements};
use super::server::{Server, quote_identifier};
use crate::human;
use crate::stop::Stop;

/// The number of statements that one client runs at most.
const AT_ONCE: usize = 200;

const CREATE: &str = "CREATE USER ";

/// The errors of `SHOW CREATE SERVER` where the server does not know it or the user may not run it.
const NOT_SHOWN: [u16; 3] = [SYNTAX, MISSING_PRIVILEGE, TABLE_ACCESS_DENIED];

/// The setting with which each server writes and reads the same quotes and backslashes.
const PLAIN: &str = "SET SESSION sql_mode = ''";

/// The statements that create the definitions of other servers, for servers that do not show them.
/// A definition has the password for the other server.
const SERVERS: &str = "SELECT CONCAT('CREATE SERVER `', REPLACE(server_name, '`', '``'),
    '` FOREIGN DATA WRAPPER `', REPLACE(wrapper, '`', '``'), '` OPTIONS (HOST ', QUOTE(host),
    ', DATABASE ', QUOTE(db), ', USER ', QUOTE(username), ', PASSWORD ', QUOTE(password),
    ', SOCKET ', QUOTE(socket), ', OWNER ', QUOTE(owner), ', PORT ', port, ');')
    FROM mysql.servers ORDER BY server_name";

/// Writes the accounts as `SHOW CREATE USER` and `SHOW GRANTS` print them, and the definitions of
/// other servers.
pub(super) fn write(server: &Server, out: &mut dyn Write, stop: Stop) -> Result<()> {
    writeln!(out, "-- Users and their grants\n")?;
    writeln!(out, "/*!40101 {PLAIN} */;")?;
    // In MySQL a role is a user. Only MariaDB has this column.
    let roles = server.query_column(
        "SELECT user FROM mysql.user WHERE is_role = 'Y' ORDER BY user = 'PUBLIC', user",
        stop,
    );
    let roles = ignore_unknown(roles, BAD_FIELD)?;
    let users = if roles.is_some() {
        " WHERE is_role = 'N'"
    } else {
        ""
    };
    let users = server.query_column(
        &format!("SELECT CONCAT(QUOTE(user), '@', QUOTE(host)) FROM mysql.user{users} ORDER BY 1"),
        stop,
    )?;
    let roles = roles.unwrap_or_default();
    let (everyone, roles): (Vec<_>, Vec<_>) = roles.into_iter().partition(|role| role == "PUBLIC");
    // With this variable, a password's hash is readable whatever bytes it has. Only MySQL knows it.
    let hex = "SET SESSION print_identified_with_as_hex = ON";
    let hex = ignore_unknown(server.ask(hex, stop), UNKNOWN_SYSTEM_VARIABLE)?
        .map_or(String::new(), |_| format!("{hex};"));
    let roles: Vec<_> = roles.iter().map(|role| quote_identifier(role)).collect();
    for role in &roles {
        writeln!(out, "CREATE ROLE {role};")?;
    }
    let mut last = Vec::new();
    let show = |what: &str, accounts: &[String]| -> Result<Vec<String>> {
        let shown: Vec<_> = accounts
            .iter()
            .map(|name| format!("{what} {name}"))
            .collect();
        server.query_column(&format!("{PLAIN}; {hex} {}", shown.join("; ")), stop)
    };
    for some in users.chunks(AT_ONCE) {
        let lines = show("SHOW CREATE USER", some)?;
        let created = lines.iter().filter_map(|line| line.strip_prefix(CREATE));
        let created = created.count();
        ensure!(
            created == some.len(),
            "the server shows how to create {created} of {}; users were changed during the dump",
            crate::human::format_count(some.len(), "user")
        );
        for line in lines {
            let (line, roles) = remove_default_roles(&line);
            writeln!(out, "{line};")?;
            let Some(user) = line.strip_prefix(CREATE).and_then(read_account) else {
                continue;
            };
            last.extend(roles.map(|roles| format!("SET DEFAULT ROLE {roles} TO {user}")));
            // MariaDB makes a password valid again when it sets the lifetime, which it shows in a
            // second statement (MDEV-24114), and when it grants something to the user.
            if line.ends_with(" PASSWORD EXPIRE") {
                last.push(format!("ALTER USER {user} PASSWORD EXPIRE"));
            }
        }
    }
    let accounts: Vec<_> = roles.into_iter().chain(users).chain(everyone).collect();
    for some in accounts.chunks(AT_ONCE) {
        for line in show("SHOW GRANTS FOR", some)? {
            // MariaDB lists default roles among the grants.
            if line.starts_with("SET DEFAULT ROLE ") {
                last.push(line);
            } else {
                writeln!(out, "{line};")?;
            }
        }
    }
    for line in last {
        writeln!(out, "{line};")?;
    }
    write_servers(server, out, stop)?;
    writeln!(out, "\n-- Dump completed")?;
    Ok(())
}

/// Writes the definitions of other servers, which tables name. Every user that may see other users'
/// grants may read them: both need SELECT on the database `mysql`.
fn write_servers(server: &Server, out: &mut dyn Write, stop: Stop) -> Result<()> {
    let names = server.query_column("SELECT server_name FROM mysql.servers ORDER BY 1", stop)?;
    if names.is_empty() {
        return Ok(());
    }
    let shown = names
        .iter()
        .map(|name| format!("SHOW CREATE SERVER {}", quote_identifier(name)));
    let shown: Vec<_> = shown.collect();
    // Since MariaDB 11.7, a definition can have options of any name.
    let shown = match server.ask(&format!("{PLAIN}; {}", shown.join("; ")), stop) {
        Ok(rows) => rows.into_iter().filter_map(|mut row| row.pop()).collect(),
        Err(error)
            if error::find_number(&error).is_some_and(|number| NOT_SHOWN.contains(&number)) =>
        {
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    let definitions = if has_definitions(&shown, &names) {
        shown
    } else {
        if !shown.is_empty() {
            log::warn!(
                "the definitions of other servers are dumped without options that only some of them have: a restore could not read what the server shows of them"
            );
        }
        server.query_column(SERVERS, stop)?
    };
    ensure!(
        definitions.len() == names.len(),
        "of {} of other servers, the server shows {}; they were changed during the dump",
        human::format_count(names.len(), "definition"),
        definitions.len()
    );
    writeln!(out, "\n-- Definitions of other servers\n")?;
    for definition in definitions {
        writeln!(out, "{definition}")?;
    }
    Ok(())
}

/// Returns true if `shown` has a statement for each of the servers `names` that a restore reads as
/// one statement about that server, although a value may have a semicolon or a line break.
fn has_definitions(shown: &[String], names: &[String]) -> bool {
    let is_read = |(text, name): (&String, &String)| {
        is_about_accounts(text)
            && split_statements(text).count() == 1
            && find_defined_server(text).as_ref() == Some(name)
    };
    shown.len() == names.len() && shown.iter().zip(names).all(is_read)
}

/// Returns `None` if the server does not know what it was asked for, by the number of its error.
fn ignore_unknown<T>(answer: Result<T>, number: u16) -> Result<Option<T>> {
    match answer {
        Err(error) if error::find_number(&error) == Some(number) => Ok(None),
        answer => answer.map(Some),
    }
}

/// Removes the default roles from MySQL's `CREATE USER`, because the roles may not exist yet.
/// Returns the statement without them, and the roles.
fn remove_default_roles(create: &str) -> (String, Option<&str>) {
    let clause = " DEFAULT ROLE ";
    let found =
        find_after(create, clause).and_then(|rest| Some((rest, find_after(rest, " REQUIRE ")?)));
    let Some((rest, after)) = found else {
        return (create.to_owned(), None);
    };
    let before = &create[..create.len() - rest.len() - clause.len()];
    let roles = &rest[..rest.len() - after.len() - " REQUIRE ".len()];
    (format!("{before} REQUIRE {after}"), Some(roles))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_that_a_restore_would_not_read_whole_is_not_taken() {
        let shown =
            |text: &str, name: &str| has_definitions(&[text.to_owned()], &[name.to_owned()]);
        let whole = "CREATE SERVER `a``;` FOREIGN DATA WRAPPER `mysql` OPTIONS (HOST 'h;', PASSWORD 'it''s\\n\\'x', PORT '3307');";
        assert!(shown(whole, "a`;"));
        assert!(shown(&whole.replace("h;", "h;\n-- x"), "a`;"));
        assert!(!shown(whole, "a"));
        for broken in [
            whole.trim_end_matches(';').to_owned(),
            whole.replace("'h;'", "h;"),
            whole.replace(" OPTIONS", "\nOPTIONS"),
            whole.replace("CREATE SERVER", "DROP SERVER"),
        ] {
            assert!(!shown(&broken, "a`;"), "{broken}");
        }
        assert!(!has_definitions(&[], &["a".to_owned()]));
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
            assert_eq!(remove_default_roles(line), (without.to_owned(), roles));
        }
    }
}
