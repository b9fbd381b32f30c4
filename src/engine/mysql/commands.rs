//! The commands that run the client programs: their options, and the environment that they see.

use std::path::PathBuf;
use std::process::Command;

use super::client::Client;
use super::options::{DEFAULTS_FILE, find_parameter};
use super::server::Server;

impl Server {
    /// Returns the command for a client, without any option except for the place of its option
    /// files.
    pub(super) fn build_bare_client(&self, client: &Client) -> Command {
        let mut command = Command::new(client.program);
        // This must be the first option.
        let own = self.defaults.as_ref();
        let own = own.map(|file| file.pass_to(&mut command));
        let file = own.or(find_parameter(&self.url, DEFAULTS_FILE).map(PathBuf::from));
        if let Some(file) = file {
            let mut option = std::ffi::OsString::from("--defaults-file=");
            option.push(file);
            command.arg(option);
        } else if self.url.is_isolated() {
            command.arg("--no-defaults");
        }
        if self.url.is_isolated() {
            command
                .env_remove("MYSQL_PWD")
                .env_remove("MYSQL_UNIX_PORT");
        }
        command
    }

    /// Returns the command for a client, with the options to connect.
    pub(super) fn build_client(&self, client: &Client) -> Command {
        let mut command = self.build_bare_client(client);
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
        // Otherwise a server could ask for any file that this process may read.
        if client.has_option("local-infile") {
            command.arg("--local-infile=0");
        }
        command
            .arg("--default-character-set=utf8mb4")
            .arg("--max-allowed-packet=1G")
            .env_remove("MYSQL_HOST")
            .env_remove("MYSQL_TCP_PORT");
        command
    }

    /// Returns the command for the client that runs SQL. It switches off `safe-updates`, which an
    /// option file may set for people: with it, the client would get 1000 rows at most.
    pub(super) fn build_shell(&self) -> Command {
        let mut command = self.build_client(&self.shell);
        if self.shell.has_option("safe-updates") {
            command.arg("--skip-safe-updates");
        }
        command
    }

    /// Returns the command for the client that is fed SQL. The client must not print what it was
    /// fed, because that may be secret and long.
    pub(super) fn build_input_shell(&self) -> Command {
        let mut command = self.build_plain_shell();
        if self.shell.has_option("print-query-on-error") {
            command.arg("--skip-print-query-on-error");
        }
        command
    }

    /// Returns the command for the client that runs SQL and no commands of the client. Without binary
    /// mode, the client runs commands that it finds in SQL, such as `\! rm`, also those that it
    /// finds in a name which it reads otherwise than the server; and it removes carriage returns
    /// from the ends of lines.
    pub(super) fn build_plain_shell(&self) -> Command {
        let mut command = self.build_shell();
        // An option file may set force, with which the client goes on after an error.
        command.args(["--batch", "--binary-mode", "--skip-force"]);
        for option in ["sandbox", "skip-named-commands"] {
            if self.shell.has_option(option.trim_start_matches("skip-")) {
                command.arg(format!("--{option}"));
            }
        }
        command
    }
}
