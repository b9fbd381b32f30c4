//! Writes a database's own settings as SQL: the settings that neither `pg_dump` without `--create`
//! nor `pg_dumpall --globals-only` dumps.

use anyhow::{Context, Result};

use super::catalogue::{DatabaseSettings, Grant, Parameters};
use super::sql::{quote_identifier, quote_literal};

/// Parameters whose value is a list of identifiers (`GUC_LIST_QUOTE`). PostgreSQL's `dumputils.c`
/// has the same list.
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// The privileges of a database, as `aclexplode` names them. They are words of SQL that cannot be
/// quoted.
const PRIVILEGES: [&str; 3] = ["CONNECT", "CREATE", "TEMPORARY"];

impl DatabaseSettings {
    /// Returns the statement that creates the empty database `name` on a server of this major
    /// version.
    pub(super) fn create(&self, name: &str, major: u32) -> String {
        let mut sql = format!(
            "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}",
            quote_identifier(name),
            quote_literal(&self.encoding),
            quote_literal(&self.collate),
            quote_literal(&self.ctype)
        );
        // The default tablespace needs no privilege unless the statement names it.
        if self.tablespace != "pg_default" {
            sql.extend([" TABLESPACE ", &quote_identifier(&self.tablespace)]);
        }
        if major < 15 {
            return sql;
        }
        let (provider, option) = match self.locale_provider.as_deref() {
            Some("i") => ("icu", "ICU_LOCALE"),
            Some("b") => ("builtin", "BUILTIN_LOCALE"),
            // Older servers had no other provider. template0 may use ICU.
            Some(_) | None => ("libc", ""),
        };
        sql.extend([" LOCALE_PROVIDER ", provider]);
        if let Some(locale) = self.locale.as_deref().filter(|_| !option.is_empty()) {
            sql.extend([" ", option, " ", &quote_literal(locale)]);
        }
        if let Some(rules) = self.icu_rules.as_deref().filter(|_| major >= 16) {
            sql.extend([" ICU_RULES ", &quote_literal(rules)]);
        }
        sql
    }

    /// Returns every role that the settings name.
    pub(super) fn all_roles(&self) -> impl Iterator<Item = &str> {
        let grants = self.grants.iter().flatten();
        let granted = grants.flat_map(|grant| [Some(&grant.grantor), grant.grantee.as_ref()]);
        let set = self.parameters.iter().map(|set| set.role.as_ref());
        let named = [Some(&self.owner)].into_iter().chain(granted).chain(set);
        named.flatten().chain(&self.roles).map(String::as_str)
    }

    /// Returns the statements that apply the settings to the database `name`. The first one closes
    /// the database, so that a failure of another one does not leave it open.
    ///
    /// # Errors
    /// The error of [`DatabaseSettings::check`].
    pub(super) fn apply(&self, name: &str) -> Result<Vec<String>> {
        let database = quote_identifier(name);
        let owner = quote_identifier(&self.owner);
        let mut sql = Vec::new();
        if self.grants.is_some() {
            sql.push(format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC"));
        }
        sql.push(format!("ALTER DATABASE {database} OWNER TO {owner}"));
        sql.extend(self.apply_without_owner(name));
        for parameters in self.parameters.iter().filter(|set| set.role.is_some()) {
            sql.extend(parameters.apply(&database));
        }
        if let Some(grants) = &self.grants {
            sql.push(format!("REVOKE ALL ON DATABASE {database} FROM {owner}"));
            for grant in grants {
                sql.push(grant.apply(&database, &self.owner)?);
            }
        }
        Ok(sql)
    }

    /// Checks that the settings hold no words that no server wrote.
    ///
    /// # Errors
    /// When the header was damaged or forged.
    pub(super) fn check(&self) -> Result<()> {
        let mut grants = self.grants.iter().flatten();
        grants.try_for_each(|grant| grant.find_privilege().map(drop))
    }

    /// Returns the statements for the settings that name no role.
    pub(super) fn apply_without_owner(&self, name: &str) -> Vec<String> {
        let database = quote_identifier(name);
        let mut sql = Vec::new();
        if let Some(comment) = &self.comment {
            sql.push(format!(
                "COMMENT ON DATABASE {database} IS {}",
                quote_literal(comment)
            ));
        }
        sql.push(format!(
            "ALTER DATABASE {database} CONNECTION LIMIT {} IS_TEMPLATE {}",
            self.connection_limit, self.is_template
        ));
        sql.extend(self.apply_parameters(name));
        sql
    }

    /// Returns the statements for the parameters that apply to every role.
    pub(super) fn apply_parameters(&self, name: &str) -> Vec<String> {
        let database = quote_identifier(name);
        let of_all = self.parameters.iter().filter(|set| set.role.is_none());
        of_all.flat_map(|set| set.apply(&database)).collect()
    }
}

impl Grant {
    /// Returns the privilege, which is one of the words that a database's privileges have.
    fn find_privilege(&self) -> Result<&'static str> {
        let known = PRIVILEGES.iter().find(|known| **known == self.privilege);
        known.copied().with_context(|| {
            format!(
                "the dump's header grants {:?} on the database, which is no privilege; the header is damaged or forged",
                self.privilege
            )
        })
    }

    fn apply(&self, database: &str, owner: &str) -> Result<String> {
        let grantee = self
            .grantee
            .as_deref()
            .map_or("PUBLIC".to_owned(), quote_identifier);
        let option = if self.grantable {
            " WITH GRANT OPTION"
        } else {
            ""
        };
        let grant = format!(
            "GRANT {} ON DATABASE {database} TO {grantee}{option}",
            self.find_privilege()?
        );
        // A grant by a superuser counts as the owner's.
        if self.grantor == owner {
            return Ok(grant);
        }
        // All three are one transaction: if one fails, none has an effect.
        Ok(format!(
            "SET SESSION AUTHORIZATION {}; {grant}; RESET SESSION AUTHORIZATION",
            quote_identifier(&self.grantor)
        ))
    }
}

/// The parameter of a database that is being loaded under its final name. Its value is the name of
/// the old database meanwhile, or empty.
pub(super) const LOADING: &str = "dump_database.loading";

impl Parameters {
    fn apply(&self, database: &str) -> Vec<String> {
        let whose = match &self.role {
            None => format!("ALTER DATABASE {database}"),
            Some(role) => format!(
                "ALTER ROLE {} IN DATABASE {database}",
                quote_identifier(role)
            ),
        };
        let values = self.values.iter().filter_map(|value| value.split_once('='));
        // A forged header could make a whole database one that no dump is made of.
        let values = values.filter(|(name, _)| !name.eq_ignore_ascii_case(LOADING));
        let set = values.map(|(name, value)| {
            let value = if LISTS.contains(&name.to_lowercase().as_str()) {
                let elements: Vec<_> = split_identifiers(value)
                    .iter()
                    .map(|text| quote_literal(text))
                    .collect();
                elements.join(", ")
            } else {
                quote_literal(value)
            };
            format!("{whose} SET {} TO {value}", quote_identifier(name))
        });
        set.collect()
    }
}

/// Returns the elements of a list of identifiers, some of them in double quotes.
fn split_identifiers(list: &str) -> Vec<String> {
    let mut elements = vec![String::new()];
    let mut quoted = false;
    let mut characters = list.chars().peekable();
    while let Some(character) = characters.next() {
        let Some(last) = elements.last_mut() else {
            break;
        };
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                last.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => elements.push(String::new()),
            ' ' if !quoted => {}
            _ => last.push(character),
        }
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_identifiers_are_taken_apart() {
        assert_eq!(split_identifiers("public"), ["public"]);
        assert_eq!(split_identifiers("\"$user\", public"), ["$user", "public"]);
        assert_eq!(split_identifiers("\"a, \"\"b\", c"), ["a, \"b", "c"]);
        assert_eq!(split_identifiers("\"\""), [""]);
    }

    #[test]
    fn a_database_of_before_locale_providers_is_libc_s() {
        let settings = serde_json::json!({
            "owner": "o", "encoding": "UTF8", "collate": "C", "ctype": "C", "tablespace": "pg_default",
            "connection_limit": -1, "is_template": false, "parameters": [], "roles": [],
            "extensions": [], "tablespaces": [], "collations": [],
        });
        let settings: DatabaseSettings = serde_json::from_value(settings).unwrap();
        assert!(!settings.create("d", 14).contains("LOCALE_PROVIDER"));
        let sql = settings.create("d", 15);
        assert!(sql.ends_with(" LOCALE_PROVIDER libc"), "{sql}");
    }

    #[test]
    fn a_forged_header_marks_no_database_as_half_loaded() {
        let parameters = Parameters {
            role: None,
            values: vec![
                "dump_database.loading=".to_owned(),
                "Dump_Database.Loading=x".to_owned(),
                "work_mem=4MB".to_owned(),
            ],
        };
        assert_eq!(
            parameters.apply("d"),
            ["ALTER DATABASE d SET \"work_mem\" TO '4MB'"]
        );
    }

    #[test]
    fn parameters_keep_what_is_in_their_values() {
        let parameters = Parameters {
            role: Some("o'x\"y".to_owned()),
            values: vec![
                "myapp.title=it's a=b\\c".to_owned(),
                "search_path=\"\"".to_owned(),
            ],
        };
        assert_eq!(
            parameters.apply("\"d\""),
            [
                r#"ALTER ROLE "o'x""y" IN DATABASE "d" SET "myapp.title" TO  E'it''s a=b\\c'"#,
                r#"ALTER ROLE "o'x""y" IN DATABASE "d" SET "search_path" TO ''"#,
            ]
        );
    }
}
