//! Restores users, roles and their privileges, and the definitions of other servers.

pub(super) mod statement;

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;

use anyhow::{Context, Result, anyhow, ensure};

use super::load::{MOST_LINES, find_failures};
use super::quotes::split_statements;
use super::script::located::ObjectPositions;
use super::server::{self, Server};
use crate::child::Child;
use crate::child::output::read_output;
use crate::engine::feed::{finish, read_list};
use crate::engine::load::{Failure, LoadResult};
use crate::engine::object_lines::LocatingWriter;
use crate::human;
use crate::stop::{Stop, Stopped};
use statement::{
    AccountStatement, EVERYONE, find_account, find_defined_server, is_about_accounts, is_of_role,
    is_on_object, read_statement,
};

/// Creates the accounts that do not exist, with their grants. An account that exists stays as it
/// is. Returns the grants on objects, which must wait until their databases are restored. With
/// `keep_going`, returns the accounts for which a statement failed.
///
/// # Errors
/// When a statement fails and the restore does not keep going; the created accounts are then
/// dropped again.
pub(super) fn restore(
    dump: &File,
    mut server: Server,
    keep_going: bool,
    stop: Stop,
) -> Result<LoadResult> {
    server.connect(stop)?;
    let server = &server;
    let existing = server.query_column(
        "SELECT IF(host = '', user, CONCAT(user, '@', host)) FROM mysql.user",
        stop,
    )?;
    let mut existing: HashSet<_> = existing.into_iter().collect();
    // MariaDB lists `PUBLIC` even if it has no grants.
    if server
        .query_column("SHOW GRANTS FOR PUBLIC", stop)
        .is_ok_and(|grants| grants.is_empty())
    {
        existing.remove(EVERYONE);
    }
    let existing_servers: HashSet<_> = server
        .query_column("SELECT LOWER(server_name) FROM mysql.servers", stop)?
        .into_iter()
        .collect();
    let script = read_list(dump, stop)?;
    let mut accounts = Accounts {
        server,
        keep_going,
        stop,
        kept: Vec::new(),
        created: Vec::new(),
    };
    let mut grants = Vec::new();
    let mut seen = HashSet::new();
    for line in split_statements(&script) {
        let Some(line) = read_statement(line) else {
            continue;
        };
        ensure!(
            is_about_accounts(&line),
            "the dump was changed after it was made: it has a statement that creates no account and no server and grants nothing: {}",
            human::escape(&human::cut(&line, 80))
        );
        if let Some(name) = find_defined_server(&line) {
            if existing_servers.contains(&name.to_lowercase()) {
                log::info!("the definition of the server {name} exists and stays as it is");
                continue;
            }
            let drop = format!("DROP SERVER IF EXISTS {}", server::quote_identifier(&name));
            accounts.created.push(drop);
            accounts.kept.push((format!("server {name}"), line));
            continue;
        }
        let account = find_account(&line);
        if let Some((statement, account)) = &account
            && existing.contains(account)
            && !is_of_role(&line, &existing)
        {
            if *statement == AccountStatement::Create("USER") {
                log::info!("the user {account} exists and stays as it is");
            }
            continue;
        }
        if let Some((AccountStatement::Create(kind), account)) = &account {
            // MariaDB's client creates a role once for each of its administrators.
            if !seen.insert(account.clone()) {
                continue;
            }
            let drop = format!("DROP {kind} IF EXISTS {}", quote_account(account));
            accounts.created.push(drop);
        }
        if is_on_object(&line) {
            grants.push(line.trim_end_matches(';').to_owned());
            continue;
        }
        let object = match account {
            Some((statement, account)) => statement.describe(&account),
            None => "the settings of the session".to_owned(),
        };
        accounts.kept.push((object, line));
    }
    Ok(LoadResult {
        failed: accounts.create()?,
        grants,
        ..LoadResult::default()
    })
}

/// The accounts to create.
struct Accounts<'a> {
    server: &'a Server,
    keep_going: bool,
    stop: Stop,
    /// The statements to run, each with what it is about.
    kept: Vec<(String, String)>,
    /// The statements that drop the accounts again.
    created: Vec<String>,
}

impl Accounts<'_> {
    /// Runs the statements. Returns the failures that do not end the restore.
    fn create(&self) -> Result<Vec<Failure>> {
        let program = self.server.shell.program;
        let mut command = self.server.build_input_shell();
        if self.keep_going {
            command.args(["--force", "--skip-reconnect"]);
        }
        let mut child = Child::write_to(&mut command, program, self.stop)?;
        child.keep_lines(MOST_LINES);
        let mut out = LocatingWriter::new(child);
        let fed = self.kept.iter().try_for_each(|(object, line)| {
            out.begin(object);
            out.write_all(format!("{line}\n").as_bytes())
        });
        let (child, lines) = out.into_parts();
        let places = ObjectPositions(lines);
        if self.keep_going {
            let mut failed = find_failures(child, fed, &places, self.stop)
                .context("the restore of the users did not end")?;
            for failure in &mut failed {
                failure.error = remove_statement(&failure.error);
            }
            return Ok(failed);
        }
        finish(child, fed, self.stop).map_err(|error| {
            self.undo();
            if error.is::<Stopped>() {
                return error;
            }
            let said = places.explain(&format!("{error:#}"));
            anyhow!(remove_statement(&said)).context("the users cannot be restored")
        })?;
        Ok(Vec::new())
    }

    fn undo(&self) {
        let mut command = self.server.build_shell();
        command.args(["--batch", "--force", "--execute", &self.created.join("; ")]);
        let program = self.server.shell.program;
        if let Err(error) = read_output(&mut command, program, Stop::for_cleanup()) {
            log::warn!("accounts that were created could not be dropped again: {error:#}");
        }
    }
}

/// Removes the part of a statement that the server repeats in its error. It may be a password's
/// hash.
fn remove_statement(error: &str) -> String {
    let end = error.find(" near '").unwrap_or(error.len());
    error[..end].to_owned()
}

/// Runs grants on objects. Returns the grants that fail.
///
/// # Errors
/// When the server cannot be reached.
pub(super) fn grant(mut server: Server, grants: &[String], stop: Stop) -> Result<Vec<Failure>> {
    server.connect(stop)?;
    let mut failed = Vec::new();
    for grant in grants {
        let given = server.ask(grant, stop);
        stop.check()?;
        if let Err(error) = given {
            failed.push(Failure {
                object: format!("{grant};"),
                error: format!("{error:#}"),
            });
        }
    }
    Ok(failed)
}

fn quote_account(account: &str) -> String {
    let quote = super::server::quote_identifier;
    match account.rsplit_once('@') {
        Some((user, host)) => format!("{}@{}", quote(user), quote(host)),
        None => quote(account),
    }
}
