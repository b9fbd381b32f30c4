//! A throwaway MySQL or MariaDB server that is reachable only through a Unix socket.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::error::{self, ACCESS_DENIED, UNKNOWN_TIME_ZONE};
use super::missing;
use super::prepare;
use super::server::Server;
use super::source::MysqlSource;
use crate::child::output::read_output;
use crate::engine::access::Part;
use crate::engine::source::Source;
use crate::engine::throwaway::process::{ServerProcess, find_program};
use crate::engine::throwaway::{RestoredContent, Throwaway, ThrowawayResources};
use crate::header::Header;
use crate::secret::Secret;
use crate::stop::Stop;
use crate::url::{Url, encode};

const ZONES: &str = "/usr/share/zoneinfo";

/// The number of keys with which tables may be encrypted.
const KEYS: u32 = 100;
/// The length of a key in hexadecimal digits: AES with 128 bits.
const KEY_LENGTH: usize = 32;

/// A running throwaway server.
pub(super) struct ThrowawayServer {
    version: String,
    server: Server,
    url: Url,
    stop: Stop,
    _process: ServerProcess,
}

impl ThrowawayServer {
    pub(super) fn start(
        workshop: &ThrowawayResources<'_>,
        header: &Header,
        stop: Stop,
    ) -> Result<Self> {
        let is_mariadb = header.engine_version.contains("MariaDB");
        let program = find_server_program(is_mariadb, stop)?;
        let place = workshop.work.join("my");
        fs::create_dir(&place)?;
        let case = header.facts.settings.get("lower_case_table_names");
        let case = case
            .and_then(|case| case.as_str())
            .filter(|case| ["0", "1"].contains(case));
        let command = |program: &Path| {
            let mut command = Command::new(program);
            command.arg("--no-defaults");
            command.arg(format!("--datadir={}", place.join("data").display()));
            command.arg(format!("--tmpdir={}", place.display()));
            if let Some(case) = &case {
                command.arg(format!("--lower-case-table-names={case}"));
            }
            command.current_dir(&place);
            command
        };
        let mut install = if is_mariadb {
            let names = ["mariadb-install-db", "mysql_install_db"];
            let installer = names.into_iter().find_map(find_program);
            let mut install = command(&installer.context(
                "mariadb-install-db is needed; install MariaDB's server programs, or put them in PATH",
            )?);
            install.args([
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
            ]);
            install
        } else {
            let mut install = command(&program);
            install.arg("--initialize-insecure");
            install
        };
        read_output(&mut install, "install-db", stop)
            .context("cannot make a MySQL or MariaDB instance to restore into")?;

        // The server runs this file before it accepts connections.
        let init = place.join("init.sql");
        let password = workshop.password.expose().to_string_lossy();
        let set = format!("ALTER USER root@localhost IDENTIFIED BY '{password}';\n");
        fs::write(&init, set)?;
        let socket = workshop.sockets.join("s");
        let mut server = command(&program);
        server
            .arg(format!("--socket={}", socket.display()))
            .arg(format!("--pid-file={}", place.join("pid").display()))
            .arg(format!("--init-file={}", init.display()))
            .arg(format!("--secure-file-priv={}", place.display()))
            .args([
                "--skip-networking",
                "--skip-log-bin",
                "--skip-slave-start",
                "--local-infile=0",
            ])
            .args([
                "--event-scheduler=OFF",
                "--max-allowed-packet=1G",
                // Without this option, a table could be outside of the server's own directory.
                "--skip-symbolic-links",
                "--innodb-flush-log-at-trx-commit=0",
            ]);
        if is_mariadb {
            encrypt(&mut server, &place)?;
        } else {
            server.arg("--mysqlx=OFF");
        }
        let mut process =
            ServerProcess::start(&mut server, "server", Signal::TERM, workshop, stop)?;
        let socket = encode(&socket.to_string_lossy());
        let url = Url::parse(&format!("mysql://root@localhost/?socket={socket}"))
            .map_err(anyhow::Error::msg)?
            .isolate();
        let mut server = Server::new(&url, Some(&workshop.password), stop)?;
        let ask = || server.ask("SELECT 1", stop).map(|_| ());
        let is_final = |error: &anyhow::Error| error::find_number(error) == Some(ACCESS_DENIED);
        process.wait_until(ask, is_final, stop)?;
        Ok(ThrowawayServer {
            version: server.connect(stop)?,
            server,
            url,
            stop,
            _process: process,
        })
    }
}

impl Throwaway for ThrowawayServer {
    fn prepare(&mut self, header: &Header, _dump: &File) -> Result<Arc<dyn Source>> {
        let Some(database) = &header.identity.database else {
            prepare::install_logins(&self.server, self.stop)?;
            return Ok(Arc::new(MysqlSource::new(&self.url, Part::Whole)));
        };
        prepare::prepare(&self.server, header, self.stop)
            .context("cannot prepare the throwaway server")?;
        Ok(Arc::new(MysqlSource::new(
            &self.url,
            Part::Database(database.clone()),
        )))
    }

    fn add_missing(&mut self, error: &anyhow::Error) -> Result<bool> {
        if error::find_number(error) != Some(UNKNOWN_TIME_ZONE) {
            return Ok(false);
        }
        let names = ["mariadb-tzinfo-to-sql", "mysql_tzinfo_to_sql"];
        let Some(program) = names.into_iter().find_map(find_program) else {
            return Ok(false);
        };
        let zones = std::env::var_os("TZDIR").map_or(PathBuf::from(ZONES), PathBuf::from);
        // The program also prints messages about files that are no time zones.
        let printed = read_output(Command::new(program).arg(zones), "tzinfo-to-sql", self.stop);
        let Ok(printed) = printed else {
            return Ok(false);
        };
        prepare::load_time_zones(&self.server, &printed, self.stop).map(|()| true)
    }

    fn find_missing(&self, header: &Header, error: &anyhow::Error) -> Option<&'static str> {
        missing::find_missing(header.identity.database.as_deref(), error)
    }

    fn read_contents(&self, header: &Header) -> Result<Option<RestoredContent>> {
        let Some(database) = &header.identity.database else {
            return Ok(None);
        };
        Ok(Some(RestoredContent {
            rows: prepare::count_rows(&self.server, database, self.stop)?,
            version: Some(self.version.clone()),
            problems: Vec::new(),
        }))
    }
}

/// Lets the server encrypt tables with a random key under each of the first [`KEYS`] key numbers,
/// if it has the plugin. The keys of the dumped server are no part of a dump.
fn encrypt(server: &mut Command, place: &Path) -> Result<()> {
    let mut keys = String::new();
    for number in 1..=KEYS {
        let key = Secret::generate()?;
        let key = key.expose().to_string_lossy();
        writeln!(keys, "{number};{}", &key[..KEY_LENGTH])?;
    }
    let file = place.join("keys");
    fs::write(&file, keys)?;
    server
        .arg("--plugin-load-add=file_key_management")
        .arg(format!(
            "--loose-file-key-management-filename={}",
            file.display()
        ));
    Ok(())
}

/// Returns the path of the server program of the same maker as the dumped server.
fn find_server_program(is_mariadb: bool, stop: Stop) -> Result<PathBuf> {
    for program in ["mariadbd", "mysqld"].into_iter().filter_map(find_program) {
        let mut version = Command::new(&program);
        let printed = read_output(version.arg("--version"), "server", stop)?;
        if String::from_utf8_lossy(&printed).contains("MariaDB") == is_mariadb {
            return Ok(program);
        }
    }
    let wanted = if is_mariadb {
        "MariaDB's server program, mariadbd,"
    } else {
        "MySQL's server program, mysqld,"
    };
    anyhow::bail!("{wanted} is needed; install it, or put it in PATH")
}
