//! Reaching a MySQL or MariaDB server, through whichever client programs are installed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::client::{Client, DUMPERS, SHELLS};
use crate::child;
use crate::secret::{PrivateFile, Secret};
use crate::stop::Stop;
use crate::url::Url;

/// Parameters of a URL that become options of the same name.
const OPTIONS: [&str; 14] = [
    "socket",
    "protocol",
    "ssl",
    "ssl-ca",
    "ssl-capath",
    "ssl-cert",
    "ssl-cipher",
    "ssl-crl",
    "ssl-crlpath",
    "ssl-key",
    "ssl-mode",
    "ssl-verify-server-cert",
    "skip-ssl",
    "tls-version",
];
const DEFAULTS_FILE: &str = "defaults-file";
const PORT: &str = "3306";

/// # Errors
/// One sentence, when the URL has a parameter that means nothing.
pub fn check(url: &Url) -> Result<(), String> {
    let known = |name: &str| name == DEFAULTS_FILE || OPTIONS.contains(&name);
    match url.parameters().find(|(name, _)| !known(name)) {
        Some((name, _)) => Err(format!(
            "{name} is no parameter of a mysql:// URL; {DEFAULTS_FILE}, {} are",
            OPTIONS.join(", ")
        )),
        None => Ok(()),
    }
}

/// A server and how to log in.
#[derive(Debug)]
pub struct Server {
    url: Url,
    /// Names the file that holds the password, where there is one.
    defaults: Option<PrivateFile>,
    /// The program that dumps.
    pub(super) dumper: Client,
    /// The program that runs SQL.
    pub(super) shell: Client,
}

impl Server {
    /// A password of its own goes before one in the URL, and that before one in an option file.
    ///
    /// # Errors
    /// When no client is installed.
    pub fn new(url: &Url, password: Option<&Secret>, stop: Stop) -> Result<Self> {
        let dumper = Client::find(DUMPERS, stop)?;
        let shell = Client::find(SHELLS, stop)?;
        let defaults = match password.or(url.password()) {
            None => None,
            Some(password) => {
                let files = match parameter(url, DEFAULTS_FILE) {
                    Some(file) => vec![PathBuf::from(file)],
                    None => dumper.default_files(),
                };
                Some(PrivateFile::new(&option_file(&files, password))?)
            }
        };
        Ok(Server {
            url: url.clone(),
            defaults,
            dumper,
            shell,
        })
    }

    /// Connects, asks for the server's version, and takes the clients of its own maker where they
    /// are installed: the other's do not know all of what it has.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub fn meet(&mut self, stop: Stop) -> Result<String> {
        let version = self.column("SELECT version()", stop);
        let version = version.with_context(|| format!("cannot connect to {}", self.url()))?;
        let version = version.into_iter().next().context("it has no version")?;
        for (client, names) in [(&mut self.dumper, DUMPERS), (&mut self.shell, SHELLS)] {
            if !client.suits(&version) {
                let mut others = Client::installed(names, stop);
                if let Some(other) = others.find(|other| other.suits(&version)) {
                    *client = other;
                }
            }
        }
        Ok(version)
    }

    /// One of the clients, connected.
    pub(super) fn client(&self, client: &Client) -> Command {
        let mut command = Command::new(client.program);
        // Must be the first option.
        let own = self.defaults.as_ref().map(PrivateFile::path);
        let file = own.or(parameter(&self.url, DEFAULTS_FILE).map(PathBuf::from));
        if let Some(file) = file {
            let mut option = std::ffi::OsString::from("--defaults-file=");
            option.push(file);
            command.arg(option);
        }
        let (host, port) = self.url.host_and_port();
        for (name, value) in [
            ("host", host.as_deref()),
            ("port", port),
            ("user", self.url.user().as_deref()),
        ] {
            if let Some(value) = value {
                command.arg(format!("--{name}={value}"));
            }
        }
        for (name, value) in self.url.parameters() {
            match value.as_str() {
                _ if name == DEFAULTS_FILE => {}
                "" => {
                    command.arg(format!("--{name}"));
                }
                value => {
                    command.arg(format!("--{name}={value}"));
                }
            }
        }
        command
            .arg("--default-character-set=utf8mb4")
            .arg("--max-allowed-packet=1G")
            .env_remove("MYSQL_HOST")
            .env_remove("MYSQL_TCP_PORT");
        command
    }

    /// The client that is fed SQL. What it was fed it must not print: that may be secret, and long.
    pub(super) fn fed_shell(&self) -> Command {
        let mut command = self.client(&self.shell);
        command.arg("--batch");
        if self.shell.knows("print-query-on-error") {
            command.arg("--skip-print-query-on-error");
        }
        command
    }

    /// The rows that a query gives; NULL reads `NULL`.
    ///
    /// # Errors
    /// In the server's words.
    pub fn ask(&self, query: &str, stop: Stop) -> Result<Vec<Vec<String>>> {
        let mut command = self.client(&self.shell);
        command.args(["--batch", "--skip-column-names", "--execute", query]);
        let printed = child::output(&mut command, self.shell.program, stop)?;
        let printed =
            String::from_utf8(printed).context("the server answered what is not UTF-8")?;
        let row = |line: &str| line.split('\t').map(unescape).collect();
        Ok(printed.lines().map(row).collect())
    }

    /// The only column of a query.
    pub(super) fn column(&self, query: &str, stop: Stop) -> Result<Vec<String>> {
        let rows = self.ask(query, stop)?;
        Ok(rows
            .into_iter()
            .filter_map(|row| row.into_iter().next())
            .collect())
    }

    /// A host and port, or a socket; for what an option file says, what the server says.
    pub(super) fn location(&self, stop: Stop) -> Result<String> {
        let (host, port) = self.url.host_and_port();
        if let Some(host) = host.filter(|host| host != "localhost") {
            return Ok(format!("{}:{}", host.to_lowercase(), port.unwrap_or(PORT)));
        }
        let query = if parameter(&self.url, DEFAULTS_FILE).is_some() {
            "SELECT CONCAT(@@hostname, ':', @@port)"
        } else {
            "SELECT @@socket"
        };
        let socket = self.column(query, stop)?.pop().context("no location")?;
        let real = std::fs::canonicalize(&socket).unwrap_or(PathBuf::from(&socket));
        Ok(real.display().to_string())
    }

    /// The server without a database.
    #[must_use]
    pub fn url(&self) -> Url {
        self.url.without_database()
    }
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut parameters = url.parameters();
    parameters
        .find(|(other, _)| other == name)
        .map(|(_, value)| value)
}

/// What the client would read anyway, then the password.
fn option_file(files: &[PathBuf], password: &Secret) -> Vec<u8> {
    let mut content = Vec::new();
    for file in files {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        content.extend(b"!include ");
        content.extend(file.as_os_str().as_bytes());
        content.push(b'\n');
    }
    content.extend(b"[client]\npassword=\"");
    for &byte in OsStr::as_bytes(password.expose()) {
        if matches!(byte, b'\\' | b'"') {
            content.push(b'\\');
        }
        content.push(byte);
    }
    content.extend(b"\"\n");
    content
}

/// As `--batch` escapes.
fn unescape(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('0') => '\0',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    text
}

/// An SQL identifier.
#[must_use]
pub fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// An SQL string, whatever the SQL mode says of backslashes.
#[must_use]
pub fn literal(text: &str) -> String {
    let hex = crate::meter::hexadecimal(text.as_bytes());
    if text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b" ._-".contains(&byte))
    {
        format!("'{text}'")
    } else {
        format!("CONVERT(0x{hex} USING utf8mb4)")
    }
}
