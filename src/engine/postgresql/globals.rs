//! Restores roles and tablespaces. Those that exist stay as they are.

use std::fs::File;
use std::io::Write;

use anyhow::{Context, Result};

use super::entry_loader::EntryLoader;
use super::load::{Scope, load_each, load_whole};
use super::script::find_restrict_line;
use super::server::Server;
use super::target::TargetServer;
use crate::engine::access::Access;
use crate::engine::feed::read_list;
use crate::engine::load::{LoadOptions, LoadResult};

/// Runs the SQL that `pg_dumpall --globals-only` printed. A role that exists is neither created nor
/// altered, so its password stays. If the restore keeps going, returns what failed.
///
/// # Errors
/// When a statement fails and the restore does not keep going; then no role is created.
pub fn run(
    dump: &File,
    server: &Server,
    options: &LoadOptions<'_>,
    access: &Access,
) -> Result<LoadResult> {
    let target = TargetServer::connect(server, None, options, access)?;
    let script = read_list(dump, target.stop)?;
    let (mut roles, mut tablespaces) = (String::new(), String::new());
    for statement in Statements::new(&script) {
        let subject = find_subject(statement);
        let heading = target
            .keep_going
            .then(|| write_heading(statement, subject.as_ref()));
        let kept = match subject {
            Some((GlobalKind::Role, name)) if target.objects.roles.contains(&name) => {
                if statement.starts_with("CREATE") {
                    log::info!("the role {name} exists and stays as it is");
                }
                continue;
            }
            Some((GlobalKind::Tablespace, name)) if target.objects.tablespaces.contains(&name) => {
                continue;
            }
            Some((GlobalKind::Tablespace, _)) => &mut tablespaces,
            Some((GlobalKind::Role, _)) | None => &mut roles,
        };
        kept.extend(heading);
        kept.push_str(statement);
        kept.push('\n');
    }
    let restrict = find_restrict_line(&script);
    if target.keep_going {
        let parts = [restrict, &roles, &tablespaces];
        let each = EntryLoader::for_secrets(&target, &target.maintenance);
        let failed = load_each(&target, each, dump, |psql| {
            let mut parts = parts.into_iter();
            parts.try_for_each(|part| psql.write_all(part.as_bytes()))
        });
        let failed = failed.context("the server-wide objects cannot be restored")?;
        return Ok(LoadResult::new(None, failed));
    }
    // A tablespace cannot be created within a transaction.
    let parts = [restrict, "BEGIN;\n", &roles, "COMMIT;\n", &tablespaces];
    let mut psql = server.build_psql(&target.maintenance);
    // psql must not repeat the text of a failed statement, which could contain a password's hash.
    psql.arg("--set=VERBOSITY=terse");
    let feed = |psql: &mut dyn Write| {
        let mut parts = parts.into_iter();
        parts.try_for_each(|part| psql.write_all(part.as_bytes()))
    };
    load_whole(&target, psql, None, dump, Scope::EachStatement, feed)
        .context("the server-wide objects cannot be restored")?;
    Ok(LoadResult::default())
}

/// Returns a heading as `pg_dump` writes it, so that an error of the statement names the object.
/// Returns nothing for a `SET`.
fn write_heading(statement: &str, subject: Option<&(GlobalKind, String)>) -> String {
    let (kind, name) = match subject {
        Some((GlobalKind::Role, name)) => ("ROLE", name.as_str()),
        Some((GlobalKind::Tablespace, name)) => ("TABLESPACE", name.as_str()),
        // It names the roles and nothing secret.
        None if statement.starts_with("GRANT ") => ("GRANT", statement[6..].trim_end_matches(';')),
        None if statement.starts_with("SET ") => return String::new(),
        None => ("STATEMENT", statement.split(' ').next().unwrap_or_default()),
    };
    let name = name.replace(char::is_control, " ");
    format!("-- Name: {name}; Type: {kind}; Schema: -; Owner: -\n")
}

/// Returns the tablespaces that a script creates.
pub(super) fn find_tablespaces(script: &str) -> Vec<String> {
    let creating =
        Statements::new(script).filter(|statement| statement.starts_with("CREATE TABLESPACE "));
    let subjects = creating.filter_map(find_subject);
    subjects.map(|(_, name)| name).collect()
}

#[derive(Debug, PartialEq, Eq)]
enum GlobalKind {
    Role,
    Tablespace,
}

/// Returns the role or tablespace that a statement creates, alters or comments on, or `None` if it
/// is about something else.
fn find_subject(statement: &str) -> Option<(GlobalKind, String)> {
    let (_, on_tablespace) = statement.split_once(" ON TABLESPACE ").unzip();
    for (start, kind) in [
        ("CREATE ROLE ", GlobalKind::Role),
        ("ALTER ROLE ", GlobalKind::Role),
        ("COMMENT ON ROLE ", GlobalKind::Role),
        ("SECURITY LABEL ", GlobalKind::Role),
        ("CREATE TABLESPACE ", GlobalKind::Tablespace),
        ("ALTER TABLESPACE ", GlobalKind::Tablespace),
        ("COMMENT ON TABLESPACE ", GlobalKind::Tablespace),
    ] {
        if let Some(rest) = statement.strip_prefix(start) {
            let rest = match start {
                "SECURITY LABEL " => rest.split_once(" ON ROLE ")?.1,
                _ => rest,
            };
            return Some((kind, read_identifier(rest)));
        }
    }
    let grants = statement.starts_with("GRANT ") || statement.starts_with("REVOKE ");
    let rest = on_tablespace.filter(|_| grants)?;
    Some((GlobalKind::Tablespace, read_identifier(rest)))
}

fn read_identifier(text: &str) -> String {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', ';']).unwrap_or(text.len());
        return text[..end].to_owned();
    };
    let mut name = String::new();
    let mut characters = quoted.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '"' && characters.next_if_eq(&'"').is_none() {
            break;
        }
        name.push(character);
    }
    name
}

/// Iterates over the statements of a script, without comments and psql's own commands. It does not
/// collect them, because a forged script can have as many statements as bytes.
struct Statements<'a> {
    script: &'a str,
    at: usize,
}

impl<'a> Statements<'a> {
    fn new(script: &'a str) -> Self {
        Statements { script, at: 0 }
    }
}

impl<'a> Iterator for Statements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.script.as_bytes();
        let (mut start, mut at) = (self.at, self.at);
        // True while the statement has only blanks before `at`.
        let mut is_start = true;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' if is_start => {
                    at = end_of_line(bytes, at);
                    start = at;
                }
                b'-' if bytes[at..].starts_with(b"--") => {
                    at = end_of_line(bytes, at);
                    if is_start {
                        start = at;
                    }
                }
                quote @ (b'\'' | b'"') => {
                    // This need only understand what pg_dumpall writes: E'' marks a string in which
                    // \ escapes.
                    let escapes = quote == b'\'' && at > 0 && bytes[at - 1] == b'E';
                    is_start = false;
                    at += 1;
                    while at < bytes.len() && bytes[at] != quote {
                        at += if escapes && bytes[at] == b'\\' { 2 } else { 1 };
                    }
                    at += 1;
                }
                b';' => {
                    at += 1;
                    if !is_start {
                        self.at = at;
                        return Some(self.script[start..at].trim());
                    }
                    start = at;
                }
                byte => {
                    is_start = is_start && byte.is_ascii_whitespace();
                    at += 1;
                }
            }
        }
        self.at = at;
        None
    }
}

fn end_of_line(bytes: &[u8], at: usize) -> usize {
    let rest = bytes[at..].iter().position(|byte| *byte == b'\n');
    rest.map_or(bytes.len(), |length| at + length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_passed_over_once() {
        let blanks = " ".repeat(2_000_000);
        let script = format!("{blanks}SET a = 'b';{blanks}\n\\restrict x;{blanks}\n;;SET c = 1;");
        let began = std::time::Instant::now();
        let found: Vec<_> = Statements::new(&script).collect();
        assert_eq!(found, ["SET a = 'b';", "SET c = 1;"]);
        assert!(began.elapsed().as_secs() < 60);
    }

    #[test]
    fn statements_end_where_they_do() {
        let script = "--\n-- a; b\n--\n\\restrict x;y\nSET a = 'b;''c\\';\nCREATE ROLE \"a;\"\"b\";\nCOMMENT ON ROLE x IS E'1\\';\n2';\n\n\\unrestrict x;y\n\n--\n-- end\n--\n";
        let found: Vec<_> = Statements::new(script).collect();
        assert_eq!(
            found,
            [
                "SET a = 'b;''c\\';",
                "CREATE ROLE \"a;\"\"b\";",
                "COMMENT ON ROLE x IS E'1\\';\n2';",
            ]
        );
        assert_eq!(find_subject(found[0]), None);
        assert_eq!(
            find_subject(found[1]),
            Some((GlobalKind::Role, "a;\"b".to_owned()))
        );
        assert_eq!(
            find_subject(found[2]),
            Some((GlobalKind::Role, "x".to_owned()))
        );
        let grant = "GRANT ALL ON TABLESPACE fast TO app;";
        assert_eq!(
            find_subject(grant),
            Some((GlobalKind::Tablespace, "fast".to_owned()))
        );
        assert_eq!(find_subject("GRANT a TO b;"), None);
    }
}
