//! Connects to a MySQL or MariaDB server through the installed client programs.

use std::cell::RefCell;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::client::{Client, DUMPERS, SHELLS};
use super::error::{LOST, ServerError, find_number};
use super::options::{self, DEFAULTS_FILE, find_parameter, write_option_file};
use super::session::Session;
use super::sql::unescape;
pub use super::sql::{quote_identifier, quote_literal};
use crate::child::output::read_output;
use crate::secret::{PrivateFile, Secret};
use crate::stop::Stop;
use crate::url::Url;

const PORT: &str = "3306";

/// The first words of the statements that change nothing.
const READING: [&str; 2] = ["SELECT ", "SHOW "];

/// A server and how to log in to it.
#[derive(Debug)]
pub struct Server {
    pub(super) url: Url,
    /// The option file that holds the password, if there is a password.
    pub(super) defaults: Option<PrivateFile>,
    /// The program that dumps.
    pub(super) dumper: Client,
    /// The program that runs SQL.
    pub(super) shell: Client,
    /// The variable that limits the time of a statement, if the server has one.
    pub(super) time_limit: Option<&'static str>,
    /// The server's version and what its sessions begin with, once this is connected.
    pub(super) connected: Option<(String, Answer)>,
    /// True after the option files of the program that dumps were checked.
    has_checked_dumper: bool,
    /// The session that answers queries, if one was started.
    session: RefCell<Option<Session>>,
    pub(super) facts: RefCell<SessionFacts>,
}

/// A query and the rows that the server answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) query: String,
    pub(super) rows: Vec<Vec<String>>,
}

/// What does not change while the session that answers queries lasts, once it was asked.
#[derive(Debug, Default)]
pub(super) struct SessionFacts {
    pub(super) has_role: Option<bool>,
    location: Option<String>,
    pub(super) shows_all_rows: bool,
}

impl Server {
    /// Finds the client programs. `password` takes precedence over a password in the URL, and that
    /// over a password in an option file.
    ///
    /// # Errors
    /// When no client is installed, or when the password cannot be written to a private file.
    pub fn new(url: &Url, password: Option<&Secret>, stop: Stop) -> Result<Self> {
        let dumper = Client::find(DUMPERS, stop)?;
        let shell = Client::find(SHELLS, stop)?;
        let defaults = match password.or(url.password()) {
            None => None,
            Some(password) => {
                let files = match find_parameter(url, DEFAULTS_FILE) {
                    Some(file) => vec![PathBuf::from(file)],
                    None => dumper.default_files(),
                };
                Some(PrivateFile::new(&write_option_file(&files, password))?)
            }
        };
        Ok(Server {
            url: url.clone(),
            defaults,
            dumper,
            shell,
            time_limit: None,
            connected: None,
            has_checked_dumper: false,
            session: RefCell::default(),
            facts: RefCell::default(),
        })
    }

    /// Refuses option files with which the program that dumps would not dump all of a part.
    ///
    /// # Errors
    /// One sentence that names the option; or when the program cannot be run.
    pub(super) fn check_dumper(&mut self, stop: Stop) -> Result<()> {
        if !self.has_checked_dumper {
            let command = self.build_bare_client(&self.dumper);
            options::refuse(command, &self.dumper, &options::OF_PARTS, stop)?;
            self.has_checked_dumper = true;
        }
        Ok(())
    }

    /// Returns the rows of a query. A NULL value is the text `NULL`. Statements that change
    /// anything run in a separate session, so that no later query is affected.
    ///
    /// # Errors
    /// When the query fails, in the server's words.
    pub fn ask(&self, query: &str, stop: Stop) -> Result<Vec<Vec<String>>> {
        if READING.iter().any(|word| query.starts_with(word)) {
            let [rows] = self.ask_all([query], stop)?;
            Ok(rows)
        } else {
            Ok(read_rows(&self.run(query, stop)?))
        }
    }

    /// Returns the rows of queries that change nothing, as [`Server::ask`] does, in less time.
    ///
    /// # Errors
    /// When one of the queries fails, in the server's words.
    pub(super) fn ask_all<const N: usize>(
        &self,
        queries: [&str; N],
        stop: Stop,
    ) -> Result<[Vec<Vec<String>>; N]> {
        let answers = self.ask_session(queries, stop)?;
        Ok(answers.map(|printed| read_rows(&printed)))
    }

    /// Runs statements in a separate session. Returns what the client prints.
    fn run(&self, statements: &str, stop: Stop) -> Result<String> {
        let mut command = self.build_plain_shell();
        command.args(["--skip-column-names", "--execute"]);
        command.arg(match self.time_limit {
            Some(limit) => format!("SET SESSION {limit} = 0; {statements}"),
            None => statements.to_owned(),
        });
        let printed = read_output(&mut command, self.shell.program, stop);
        let printed =
            printed.map_err(|error| ServerError::from_client_error(error, str::to_owned))?;
        String::from_utf8(printed).context("the server's answer is not UTF-8")
    }

    /// Runs statements in the session that answers queries. Returns what the client prints for each.
    pub(super) fn ask_session<const N: usize>(
        &self,
        statements: [&str; N],
        stop: Stop,
    ) -> Result<[String; N]> {
        let kept = self.session.take();
        let answered = match kept {
            None => self.start_session(stop)?.ask(statements, stop),
            Some(session) => match session.ask(statements, stop) {
                // The server ends a session that is idle for long.
                Err(error) if find_number(&error).is_some_and(|number| LOST.contains(&number)) => {
                    self.start_session(stop)?.ask(statements, stop)
                }
                answered => answered,
            },
        };
        let (session, printed) = answered.inspect_err(|_| self.end_session())?;
        self.session.replace(Some(session));
        Ok(printed)
    }

    /// Ends the session that answers queries. The next query starts another one.
    pub(super) fn end_session(&self) {
        self.session.take();
        self.facts.take();
    }

    fn start_session(&self, stop: Stop) -> Result<Session> {
        self.end_session();
        // Without autocommit, each query would lock its tables until the end of the session.
        let limit = self
            .time_limit
            .map(|limit| format!("SET SESSION {limit} = 0;\n"));
        let first = format!("SET SESSION autocommit = 1;\n{}", limit.unwrap_or_default());
        Session::start(self.build_plain_shell(), self.shell.program, &first, stop)
    }

    /// Returns the only column of a query.
    pub(super) fn query_column(&self, query: &str, stop: Stop) -> Result<Vec<String>> {
        Ok(first_column(self.ask(query, stop)?))
    }

    /// Returns the server's location: a host and port, or a socket. If the URL names no host but
    /// `localhost`, an option file may name one, so the server is asked.
    pub(super) fn find_location(&self, stop: Stop) -> Result<String> {
        let known = self.facts.borrow().location.clone();
        if let Some(location) = known {
            return Ok(location);
        }
        let location = self.ask_location(stop)?;
        self.facts.borrow_mut().location = Some(location.clone());
        Ok(location)
    }

    fn ask_location(&self, stop: Stop) -> Result<String> {
        let (host, port) = self.url.host_and_port();
        if let Some(host) = host.filter(|host| host != "localhost") {
            return Ok(format!("{}:{}", host.to_lowercase(), port.unwrap_or(PORT)));
        }
        let query = if find_parameter(&self.url, DEFAULTS_FILE).is_some() {
            "SELECT CONCAT(@@hostname, ':', @@port)"
        } else {
            // A host in an option file leads to another machine, over TCP.
            "SELECT IF(host LIKE '%:%', CONCAT(@@hostname, ':', @@port), @@socket)
             FROM information_schema.processlist WHERE id = CONNECTION_ID()"
        };
        let socket = self
            .query_column(query, stop)?
            .pop()
            .context("no location")?;
        let real = std::fs::canonicalize(&socket).unwrap_or(PathBuf::from(&socket));
        Ok(real.display().to_string())
    }

    /// Returns the server's URL without a database.
    #[must_use]
    pub fn url(&self) -> Url {
        self.url.without_database()
    }
}

fn read_rows(printed: &str) -> Vec<Vec<String>> {
    let row = |line: &str| line.split('\t').map(unescape).collect();
    printed.lines().map(row).collect()
}

/// Returns the first value of each row.
pub(super) fn first_column(rows: Vec<Vec<String>>) -> Vec<String> {
    rows.into_iter()
        .filter_map(|row| row.into_iter().next())
        .collect()
}
