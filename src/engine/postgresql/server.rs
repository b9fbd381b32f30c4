//! Connects to a PostgreSQL server through PostgreSQL's own client programs, so that everything
//! libpq supports (service files, password files, TLS, several hosts) works as everywhere else.

use std::process::Command;

use anyhow::{Context, Error, Result, anyhow};
use serde_json::Value;

use super::programs;
use crate::child::output::read_output;
use crate::secret::Secret;
use crate::stop::Stop;
use crate::url::Url;

/// Options of every session. They take precedence over the settings of the role and the database.
/// Those settings could end a session early, make it read-only, or (by the search path) call
/// operators and functions of the database's owner with the rights of the role that dumps. The last
/// option is for [`IS_DIRECT`].
const OPTIONS: &str = "-c search_path=pg_catalog,pg_temp -c statement_timeout=0 -c lock_timeout=0 \
    -c idle_in_transaction_session_timeout=0 -c default_transaction_read_only=off \
    -c dump_database.session=direct";

/// A query that fails in a session that did not begin with [`OPTIONS`], because a connection pooler
/// does not pass them on. It calls no operator, changes nothing and prints nothing.
const IS_DIRECT: &str =
    "SELECT FROM pg_catalog.current_setting('dump_database.session') AS direct OFFSET 1";

/// The messages of poolers and servers that do not accept [`OPTIONS`].
const NOT_DIRECT: [&str; 3] = [
    "\"dump_database.session\"",
    "unsupported startup parameter",
    "support command-line options",
];

/// The first statements of every `psql`. They also work if the options of a service file replace
/// [`OPTIONS`]. The last one looks up `transaction_timeout` and `idle_session_timeout`, because not
/// every server knows them. A session waits while others load the rows of a table. A database with the encoding `SQL_ASCII` holds bytes of any encoding, and only the client encoding
/// `SQL_ASCII` can pass them on.
const FIRST: [&str; 4] = [
    "SET search_path = pg_catalog, pg_temp",
    "SET statement_timeout = 0",
    "SET default_transaction_read_only = off",
    "SELECT FROM pg_settings WHERE CASE
        WHEN name IN ('transaction_timeout', 'idle_session_timeout') THEN set_config(name, '0', false) IS NULL
        WHEN name = 'server_encoding' AND setting = 'SQL_ASCII'
            THEN set_config('client_encoding', setting, false) IS NULL END",
];

/// The port of a host that is named without a port.
const PORT: &str = "5432";

/// A server and how to log in to it.
#[derive(Debug, Clone)]
pub struct Server {
    url: Url,
    password: Option<Secret>,
    /// True if the server's sessions are told to give their messages in English.
    speaks_english: bool,
}

/// What one connection reported.
#[derive(Debug, Clone)]
pub struct ConnectionReport {
    /// The server's location: a host or the directory of a socket, and a port.
    pub location: String,
    /// The answer to the query, as JSON.
    pub answer: Value,
}

impl ConnectionReport {
    /// Returns what `psql` printed: the host, the port, and a JSON value.
    ///
    /// # Errors
    /// When it printed something else.
    pub(super) fn parse(printed: &str) -> Result<Self> {
        let mut lines = printed.lines();
        let (Some(host), Some(port), Some(answer)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(anyhow!("psql answered {printed:?}"));
        };
        Ok(ConnectionReport {
            location: write_location(host, port),
            answer: serde_json::from_str(answer)
                .with_context(|| format!("psql answered {answer:?}"))?,
        })
    }
}

impl Server {
    /// Returns the server. `password` takes precedence over a password in the URL.
    #[must_use]
    pub fn new(url: &Url, password: Option<&Secret>) -> Self {
        Server {
            url: url.clone(),
            password: password.or(url.password()).cloned(),
            speaks_english: false,
        }
    }

    /// Switches the messages of all sessions to English, which only a superuser may do. `pg_dump`
    /// reports errors only in the server's words.
    pub(super) fn speak_english(&mut self) {
        self.speaks_english = !self.has_service();
    }

    /// Returns true if the server's sessions are told to give their messages in English.
    pub(super) fn speaks_english(&self) -> bool {
        self.speaks_english
    }

    /// Returns the options of every session.
    fn options(&self) -> String {
        let language = if self.speaks_english {
            " -c lc_messages=C"
        } else {
            ""
        };
        format!("{OPTIONS}{language}")
    }

    /// Returns the command for one of libpq's programs, connected to `database` in a session with
    /// `OPTIONS`. The program never asks for a password.
    #[must_use]
    pub fn build_client(&self, program: &str, database: &str) -> Command {
        let url = self.url.with_database(database);
        // libpq uses the URL's options instead of those in the environment.
        if let Some(own) = self.configured_options() {
            let options = format!("{own} {}", self.options());
            let url = url.with_parameter("options", options.trim_start());
            return self.build_bare_client(program, &url);
        }
        let mut command = self.build_bare_client(program, &url);
        let given = std::env::var("PGOPTIONS").ok();
        let given = given.filter(|_| !self.url.is_isolated());
        let options = format!("{} {}", given.unwrap_or_default(), self.options());
        command.env("PGOPTIONS", options.trim_start());
        command
    }

    fn configured_options(&self) -> Option<String> {
        let parameters = self.url.parameters();
        let options = parameters.filter(|(name, _)| name == "options").last();
        options.map(|(_, value)| value)
    }

    /// Returns true if the options of a service file may replace [`OPTIONS`].
    fn has_service(&self) -> bool {
        let of_environment = !self.url.is_isolated() && std::env::var_os("PGSERVICE").is_some();
        let mut parameters = self.url.parameters();
        self.configured_options().is_none()
            && (of_environment || parameters.any(|(name, _)| name == "service"))
    }

    fn build_bare_client(&self, program: &str, url: &Url) -> Command {
        let mut command = programs::build_command(program);
        command.arg("--no-password").arg(format!("--dbname={url}"));
        if self.url.is_isolated() {
            let names = std::env::vars_os().map(|(name, _)| name);
            for name in names.filter(|name| name.as_encoded_bytes().starts_with(b"PG")) {
                command.env_remove(name);
            }
            for name in programs::VARIABLES {
                command.env_remove(name);
            }
        }
        // This process reads what these programs say themselves, and shows it within English
        // messages.
        command
            .env("LC_ALL", "C")
            .env_remove("PGDATABASE")
            .env_remove("PGCLIENTENCODING");
        if let Some(password) = &self.password {
            command.env("PGPASSWORD", password.expose());
        }
        for (name, value) in [
            ("PGAPPNAME", "dump-database"),
            ("PGCONNECT_TIMEOUT", "15"), // seconds
        ] {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        command
    }

    /// Returns the command for a `psql` that reads none of the user's files and stops at the first
    /// error, and whose session no setting of the role ends.
    #[must_use]
    pub fn build_psql(&self, database: &str) -> Command {
        let mut command = self.build_client("psql", database);
        command
            .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"])
            .env_remove("PSQLRC")
            .env("PGCLIENTENCODING", "UTF8");
        if !self.has_service() {
            command.args(["--command", IS_DIRECT]);
        }
        for statement in FIRST {
            command.arg("--command").arg(statement);
        }
        command
    }

    /// Adds an explanation to a connection error if a connection pooler is the reason, with the
    /// port of the server itself. A pooler shares its sessions: settings of one client reach the
    /// next, and the snapshot of a transaction cannot be relied on.
    pub(super) fn explain(&self, error: Error, database: &str, stop: Stop) -> Error {
        let said = format!("{error:#}");
        if !NOT_DIRECT.iter().any(|sentence| said.contains(sentence)) {
            return error;
        }
        let mut psql = self.build_bare_client("psql", &self.url.with_database(database));
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]);
        psql.args(["--command", "SHOW port"]);
        let port = read_output(&mut psql, "psql", stop).ok();
        let port = port.and_then(|port| String::from_utf8(port).ok());
        let port = port.map_or("its own port".to_owned(), |port| {
            format!("port {}", port.trim())
        });
        error.context(format!(
            "this is a connection pooler, not PostgreSQL; name the server's own address in the URL (it listens on {port})"
        ))
    }

    /// Returns the answer to a query for one JSON value.
    ///
    /// # Errors
    /// When there is no answer, in the server's words.
    pub fn ask(&self, database: &str, query: &str, stop: Stop) -> Result<ConnectionReport> {
        let mut psql = self.build_psql(database);
        psql.args(["--no-align", "--tuples-only"]);
        psql.args(["--command", "\\echo :HOST"]);
        psql.args(["--command", "\\echo :PORT"]);
        psql.args(["--command", query]);
        let printed = read_output(&mut psql, "psql", stop)?;
        ConnectionReport::parse(&String::from_utf8_lossy(&printed))
    }

    /// Runs statements, each in a separate transaction unless the statements say otherwise.
    ///
    /// # Errors
    /// When a statement fails, in the server's words. The statements after it are not run.
    pub fn execute(&self, database: &str, statements: &[String], stop: Stop) -> Result<()> {
        let mut psql = self.build_psql(database);
        for statement in statements {
            psql.arg("--command").arg(statement);
        }
        read_output(&mut psql, "psql", stop).map(|_| ())
    }

    /// Returns the location of each host if the URL names several hosts, otherwise an empty list.
    pub(super) fn locations(&self) -> Vec<String> {
        let hosts = self.url.several_hosts().into_iter();
        let mut all: Vec<_> = hosts
            .map(|(host, port)| write_location(&host, port.as_deref().unwrap_or(PORT)))
            .collect();
        all.sort();
        all.dedup();
        all
    }

    /// Returns the server's URL without a database.
    #[must_use]
    pub fn url(&self) -> Url {
        self.url.without_database()
    }
}

/// Checks the parameters of a URL.
///
/// # Errors
/// One sentence, when the URL has a secret that can only be passed on in an argument.
pub fn check(url: &Url) -> Result<(), String> {
    const SECRET: [&str; 4] = [
        "sslpassword",
        "oauth_client_secret",
        "scram_client_key",
        "scram_server_key",
    ];
    match url
        .parameters()
        .find(|(name, _)| SECRET.contains(&name.as_str()))
    {
        Some((name, _)) => Err(format!(
            "{name} in a URL would be seen by every user of the machine; put it into a service file (PGSERVICEFILE) and name that with ?service="
        )),
        None => Ok(()),
    }
}

/// Returns the location of a server. For a socket, it uses the real path of the socket's directory,
/// which has several names on many systems (`/run`, `/var/run`).
fn write_location(host: &str, port: &str) -> String {
    let real = std::fs::canonicalize(host)
        .ok()
        .filter(|_| host.starts_with('/'));
    match real {
        Some(path) => format!("{}:{port}", path.display()),
        None => format!("{}:{port}", host.to_lowercase()),
    }
}
