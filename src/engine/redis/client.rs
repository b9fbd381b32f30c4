//! The client program of a Redis or Valkey server, and how it reaches the server.

use std::io::{Read, Seek, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::explain::explain;
use crate::child::Child;
use crate::secret::Secret;
use crate::stop::Stop;
use crate::url::Url;

/// The client programs. Each of them can talk to the servers of both.
const PROGRAMS: [&str; 2] = ["redis-cli", "valkey-cli"];
/// The variables in which the clients look for a password.
const PASSWORDS: [&str; 2] = ["REDISCLI_AUTH", "VALKEYCLI_AUTH"];
/// URL parameters that become client options of the same name.
const OPTIONS: [&str; 5] = ["cacert", "cacertdir", "cert", "key", "sni"];
/// The parameter that lets the client accept any certificate.
const INSECURE: &str = "insecure";
const PORT: &str = "6379";
const HOST: &str = "127.0.0.1";
/// The beginning of an error in the output of the client.
const ERROR: &str = "(error) ";

/// Checks a URL.
///
/// # Errors
/// One sentence, when the URL names what the engine cannot use.
pub(super) fn check(url: &Url) -> Result<(), String> {
    let scheme = url.scheme();
    let wrong = |what: &str| Err(format!("in the {scheme}:// URL, {what}"));
    if url.is_of_socket() && url.socket().is_none() {
        return wrong("the path of the server's socket is missing");
    }
    if url.is_of_socket() && url.host_and_port() != (None, None) {
        return wrong("a socket has no host; write three slashes before its path");
    }
    if !url.is_of_socket() && url.database().is_some() {
        return wrong("no database may be named; a dump holds all databases of the server");
    }
    if !url.several_hosts().is_empty() {
        return wrong("name one host; a dump is of one server");
    }
    let known = |name: &str| name == INSECURE || OPTIONS.contains(&name);
    if let Some((name, _)) = url.parameters().find(|(name, _)| !known(name)) {
        return wrong(&format!(
            "{name} is not a parameter; expected one of {}, {INSECURE}",
            OPTIONS.join(", ")
        ));
    }
    if url.parameters().next().is_some() && !is_encrypted(url) {
        return wrong("the parameters are for TLS, which rediss:// and valkeys:// use");
    }
    Ok(())
}

fn is_encrypted(url: &Url) -> bool {
    matches!(url.scheme(), "rediss" | "valkeys")
}

/// A client program, a server, and how to log in to it.
#[derive(Debug, Clone)]
pub(super) struct Client {
    program: &'static str,
    url: Url,
    password: Option<Secret>,
    stop: Stop,
}

impl Client {
    /// Finds the client program; `password` takes precedence over a password in the URL.
    ///
    /// # Errors
    /// When no client is installed.
    pub(super) fn new(url: &Url, password: Option<&Secret>, stop: Stop) -> Result<Self> {
        let mut programs = PROGRAMS;
        if url.scheme().starts_with("valkey") {
            programs.reverse();
        }
        let program = programs.into_iter().find(|name| is_in_path(name));
        let program = program.with_context(|| {
            format!(
                "neither {} nor {} is installed; install the server's client programs",
                programs[0], programs[1]
            )
        })?;
        Ok(Client {
            program,
            url: url.clone(),
            password: password.or(url.password()).cloned(),
            stop,
        })
    }

    /// Returns the same client with another deadline.
    pub(super) fn with_stop(&self, stop: Stop) -> Self {
        Client {
            stop,
            ..self.clone()
        }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn stop(&self) -> Stop {
        self.stop
    }

    pub(super) fn program(&self) -> &'static str {
        self.program
    }

    /// Returns the location of the server: its host and port, or its socket.
    pub(super) fn find_location(&self) -> String {
        if let Some(socket) = self.url.socket() {
            let real = std::fs::canonicalize(&socket);
            return real.map_or(socket, |real| real.display().to_string());
        }
        let (host, port) = self.url.host_and_port();
        let host = host.map_or(HOST.to_owned(), |host| host.to_lowercase());
        format!("{host}:{}", port.unwrap_or(PORT))
    }

    /// Returns the command for the client, with the options to connect.
    pub(super) fn build_command(&self) -> Command {
        let mut command = Command::new(self.program);
        if let Some(socket) = self.url.socket() {
            command.arg("-s").arg(socket);
        } else {
            let (host, port) = self.url.host_and_port();
            command.arg("-h").arg(host.as_deref().unwrap_or(HOST));
            command.arg("-p").arg(port.unwrap_or(PORT));
        }
        if is_encrypted(&self.url) {
            command.arg("--tls");
        }
        for (name, value) in self.url.parameters() {
            command.arg(format!("--{name}"));
            if name != INSECURE {
                command.arg(value);
            }
        }
        if let Some(user) = self.url.user() {
            command.arg("--user").arg(user);
        }
        let password = self.password.as_ref().map(Secret::expose);
        for variable in PASSWORDS {
            match password {
                Some(password) => command.env(variable, password),
                None if self.url.is_isolated() => command.env_remove(variable),
                // Without any password the client would not name the user to the server.
                None if self.url.user().is_some() && std::env::var_os(variable).is_none() => {
                    command.env(variable, "")
                }
                None => &mut command,
            };
        }
        command
    }

    /// Sends one command and returns what the server answers.
    ///
    /// # Errors
    /// When the server cannot be reached or answers with an error; the error says what to do.
    pub(super) fn ask(&self, words: &[&str]) -> Result<String> {
        let mut command = self.build_command();
        command.arg("--no-raw").args(words);
        let printed = self.read(&mut command, Stdio::null())?;
        let printed = printed.trim_end();
        if let Some(error) = printed.strip_prefix(ERROR) {
            bail!(explain(error));
        }
        Ok(printed.to_owned())
    }

    /// Returns the number that the server answers.
    pub(super) fn query_number(&self, database: u64, words: &[&str]) -> Result<u64> {
        let database = database.to_string();
        let words = [&["-n", &database], words].concat();
        let answer = self.ask(&words)?;
        let number = answer.strip_prefix("(integer) ").unwrap_or(&answer);
        number
            .parse()
            .with_context(|| format!("the server answered {number:?} and not a number"))
    }

    /// Sends several commands over one connection. Returns the lines of the answers.
    ///
    /// # Errors
    /// When the server cannot be reached or answers any command with an error.
    pub(super) fn run(&self, commands: &[Vec<Vec<u8>>]) -> Result<Vec<String>> {
        let mut command = self.build_command();
        command.arg("--no-raw");
        let mut lines = Vec::new();
        for words in commands {
            let words: Vec<_> = words.iter().map(|word| quote(word)).collect();
            lines.extend_from_slice(words.join(&b' ').as_slice());
            lines.push(b'\n');
        }
        let mut stdin = tempfile::tempfile().context("cannot make a temporary file")?;
        stdin.write_all(&lines)?;
        stdin.rewind()?;
        let printed = self.read(&mut command, stdin)?;
        // Errors of a transaction's commands are indented elements of one answer.
        if let Some((_, error)) = printed.split_once(ERROR) {
            bail!(explain(error.lines().next().unwrap_or_default()));
        }
        Ok(printed.lines().map(str::to_owned).collect())
    }

    /// Runs a client and returns what it prints. The client goes on after a login that failed, and
    /// then works as another user; it goes on in another database if it cannot select one.
    fn read(&self, command: &mut Command, stdin: impl Into<Stdio>) -> Result<String> {
        let mut child = Child::filter(command, self.program, stdin, self.stop)?;
        child.keep_lines(3);
        let mut printed = Vec::new();
        child.read_to_end(&mut printed)?;
        let said = child.finish_with_lines().map_err(|error| explain(&error))?;
        if said.iter().any(|line| line.contains("failed: ")) {
            bail!(explain(&said.join("; ")));
        }
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// Starts the client that passes on commands, which the caller writes in the server's protocol.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub(super) fn start_pipe(&self) -> Result<Child> {
        let mut command = self.build_command();
        command.args(["--pipe", "--pipe-timeout", "0"]);
        let mut child = Child::write_to(&mut command, self.program, self.stop)?;
        child.keep_lines(3);
        Ok(child)
    }
}

/// Returns a word in quotes, as the client reads it.
fn quote(word: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for byte in word {
        match byte {
            b' '..=b'~' if !matches!(byte, b'"' | b'\\') => quoted.push(*byte),
            byte => quoted.extend(format!("\\x{byte:02x}").into_bytes()),
        }
    }
    quoted.push(b'"');
    quoted
}

fn is_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
