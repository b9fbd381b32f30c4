//! Checks what the user may read. Otherwise a dump would silently lack what the user may not read.

use anyhow::{Result, ensure};

use super::server::{Server, first_column, quote_literal};
use super::sql::unquote_identifier;
use crate::stop::Stop;

/// The current user as `'user'@'host'`, as the catalogue's views of privileges write it.
const ME: &str = "CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')";
const ALL: &str = "ALL PRIVILEGES";

/// The user's privileges on all databases, and those on one database.
#[derive(Default)]
struct Privileges {
    everywhere: Vec<String>,
    in_database: Vec<String>,
}

/// Checks that the user can read all of the database, and warns if functions of others can then run
/// with the user's rights.
///
/// # Errors
/// A sentence that names the privileges that the user lacks.
pub(super) fn check(server: &Server, name: &str, stop: Stop) -> Result<()> {
    let mut held = Privileges::default();
    let condition = format!("AND {} LIKE table_schema", quote_literal(name));
    let [everywhere, in_database, grants, creators] = server.ask_all(
        [
            &select_privileges("user_privileges", ""),
            &select_privileges("schema_privileges", &condition),
            "SHOW GRANTS",
            &select_creators(name),
        ],
        stop,
    )?;
    let grants = first_column(grants);
    if has_role(server, stop)? {
        held.read_grants(server, &grants, name, stop)?;
    } else {
        held.everywhere = first_column(everywhere);
        held.in_database = first_column(in_database);
    }
    let has = |wanted: &str| {
        let mut all = held.everywhere.iter().chain(&held.in_database);
        all.any(|held| held == wanted || held == ALL)
    };
    let mut lacking: Vec<_> = ["SELECT", "SHOW VIEW", "TRIGGER", "EVENT"]
        .into_iter()
        .filter(|wanted| !has(wanted))
        .collect();
    let sees_routines = held.everywhere.iter().any(|held| held == "SELECT")
        || ["EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE", "SHOW_ROUTINE"]
            .iter()
            .any(|held| has(held));
    if !sees_routines {
        lacking.push("EXECUTE (to see routines)");
    }
    ensure!(
        lacking.is_empty(),
        "the user may not read all of {name}, so the dump would be incomplete; it lacks {}",
        lacking.join(", ")
    );
    warn_of_functions(name, &grants, &first_column(creators));
    Ok(())
}

/// Warns if others, the `creators`, can create views and functions here, and this user may execute some
/// function. A server runs some functions of a view when it only opens the view. A user who does not
/// see the privileges of others has nothing that they could want.
fn warn_of_functions(name: &str, grants: &[String], creators: &[String]) {
    let mut held = grants.iter().filter_map(|line| grant(line));
    let may_execute =
        held.any(|(held, _)| held.iter().any(|held| held == "EXECUTE" || held == ALL));
    if may_execute && !creators.is_empty() {
        log::warn!(
            "{name}: views and functions of {} can run with the rights of the user who dumps, who may EXECUTE them; dump as a user with SELECT, SHOW VIEW, TRIGGER and EVENT only (docs/security.md)",
            creators.join(", ")
        );
    }
}

/// Returns the query for the other users who can create views and functions in the database `name`.
fn select_creators(name: &str) -> String {
    format!(
        "SELECT DISTINCT grantee FROM information_schema.schema_privileges
         WHERE {} LIKE table_schema AND privilege_type = 'CREATE VIEW' AND grantee <> {ME}
         AND grantee IN (SELECT grantee FROM information_schema.schema_privileges WHERE privilege_type = 'CREATE ROUTINE')
         AND grantee NOT IN (SELECT grantee FROM information_schema.user_privileges WHERE privilege_type = 'SUPER')
         ORDER BY 1",
        quote_literal(name)
    )
}

/// Returns true if the user sees every database: any global privilege is enough.
pub(super) fn sees_every_database(server: &Server, stop: Stop) -> Result<bool> {
    let everywhere = if has_role(server, stop)? {
        let mut held = Privileges::default();
        let grants = server.query_column("SHOW GRANTS", stop)?;
        held.read_grants(server, &grants, "", stop)?;
        held.everywhere
    } else {
        server.query_column(&select_privileges("user_privileges", ""), stop)?
    };
    Ok(everywhere.iter().any(|held| held != "USAGE"))
}

/// Returns true if the session that answers queries has a role.
///
/// # Errors
/// When work must end.
pub(super) fn has_role(server: &Server, stop: Stop) -> Result<bool> {
    if let Some(has_role) = server.facts.borrow().has_role {
        return Ok(has_role);
    }
    let role = server.query_column("SELECT CURRENT_ROLE()", stop);
    stop.check()?;
    // MySQL 5.7 has no roles.
    let Ok(role) = role else {
        return Ok(false);
    };
    let has_role = role.iter().any(|role| role != "NULL" && role != "NONE");
    server.facts.borrow_mut().has_role = Some(has_role);
    Ok(has_role)
}

/// Returns the query for the user's privileges without a role's.
fn select_privileges(table: &str, condition: &str) -> String {
    format!(
        "SELECT privilege_type FROM information_schema.{table} WHERE grantee = {ME} {condition}"
    )
}

impl Privileges {
    /// Adds the privileges that the lines of `SHOW GRANTS` name, because the catalogue's views do not
    /// include a role's privileges.
    fn read_grants(
        &mut self,
        server: &Server,
        grants: &[String],
        name: &str,
        stop: Stop,
    ) -> Result<()> {
        for (granted, object) in grants.iter().filter_map(|line| grant(line)) {
            if object == "*.*" {
                self.everywhere.extend(granted);
            } else if let Some(pattern) = object.strip_suffix(".*").map(unquote_identifier)
                && matches(server, name, &pattern, stop)?
            {
                self.in_database.extend(granted);
            }
        }
        Ok(())
    }
}

fn matches(server: &Server, name: &str, pattern: &str, stop: Stop) -> Result<bool> {
    let query = format!(
        "SELECT {} LIKE {}",
        quote_literal(name),
        quote_literal(pattern)
    );
    Ok(server.query_column(&query, stop)?.pop().as_deref() == Some("1"))
}

/// Returns the privileges and the object of a grant, or `None` for the grant of a role.
fn grant(line: &str) -> Option<(Vec<String>, &str)> {
    let (granted, rest) = line.strip_prefix("GRANT ")?.split_once(" ON ")?;
    let object = rest.rsplit_once(" TO ")?.0;
    let granted = granted.split(", ").map(str::to_owned).collect();
    Some((granted, object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_of_privileges_on_an_object() {
        for (line, granted, object) in [
            (
                "GRANT SELECT, SHOW VIEW ON `a\\_b`.* TO `r`",
                vec!["SELECT", "SHOW VIEW"],
                "`a\\_b`.*",
            ),
            (
                "GRANT ALL PRIVILEGES ON *.* TO `u`@`%` WITH GRANT OPTION",
                vec![ALL],
                "*.*",
            ),
        ] {
            let granted = granted.into_iter().map(str::to_owned).collect();
            assert_eq!(grant(line), Some((granted, object)));
        }
        assert_eq!(grant("GRANT `r` TO `u`@`%`"), None);
    }
}
