//! Logs in to a server and prepares the session that answers queries.

use anyhow::{Context, Result};

use super::client::{Client, DUMPERS, SHELLS};
use super::options::{self, NOT_FED};
use super::server::Server;
use super::{privileges, variables};
use crate::stop::Stop;

/// The variables with which a server ends statements that take long: MariaDB's and MySQL's.
const TIME_LIMITS: [&str; 2] = ["max_statement_time", "max_execution_time"];

impl Server {
    /// Connects and returns the server's version. From then on, no session has a limit of the time
    /// of a statement. Switches to the clients of the server's maker if they are installed: the other
    /// maker's clients do not know all features of the server. If this is connected and a new session
    /// would not differ from the one that answers queries, this goes on with that one. A session with
    /// a role is not used again, because a new one begins with the user's default role.
    ///
    /// # Errors
    /// When the server cannot be reached, or when an option file sets an option that is refused.
    pub fn connect(&mut self, stop: Stop) -> Result<String> {
        if let Some((version, beginning)) = self.connected.take() {
            let now = self.ask(&beginning.query, stop);
            stop.check()?;
            let is_same = now.is_ok_and(|now| now == beginning.rows);
            // The server may have ended the session, so that another one answered.
            if is_same && !privileges::has_role(self, stop)? {
                self.connected = Some((version.clone(), beginning));
                return Ok(version);
            }
        }
        self.end_session();
        self.refuse_options(stop)?;
        let first = self.shell.program;
        let version = self.query_column("SELECT version()", stop);
        let version = version.with_context(|| format!("cannot connect to {}", self.url()))?;
        let version = version.into_iter().next().with_context(|| {
            format!("{} shows this user no row, because sql_select_limit is 0 in the user's sessions; set it back (SET GLOBAL sql_select_limit = DEFAULT, or in init_connect)", self.url())
        })?;
        for (client, names) in [(&mut self.dumper, DUMPERS), (&mut self.shell, SHELLS)] {
            if !client.fits_server(&version) {
                let mut others = Client::find_installed(names, stop);
                if let Some(other) = others.find(|other| other.fits_server(&version)) {
                    *client = other;
                }
            }
        }
        if self.shell.program != first {
            self.end_session();
            self.refuse_options(stop)?;
        }
        let limit = TIME_LIMITS[usize::from(!version.contains("MariaDB"))];
        let is_known = self
            .ask_session([format!("SET SESSION {limit} = 0").as_str()], stop)
            .is_ok();
        stop.check()?;
        self.time_limit = is_known.then_some(limit);
        if !privileges::has_role(self, stop)? {
            let beginning = variables::read_beginning(self, stop)?;
            self.connected = beginning.map(|beginning| (version.clone(), beginning));
        }
        Ok(version)
    }

    /// Refuses option files with which the client would not run all SQL that it is fed.
    fn refuse_options(&self, stop: Stop) -> Result<()> {
        let client = self.build_bare_client(&self.shell);
        options::refuse(client, &self.shell, &NOT_FED, stop)
    }
}
