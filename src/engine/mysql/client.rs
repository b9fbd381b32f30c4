//! The client programs: which of them are installed, and which options they know.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::child::output::read_output;
use crate::stop::Stop;

/// The programs that dump.
pub(super) const DUMPERS: [&str; 2] = ["mariadb-dump", "mysqldump"];
/// The programs that run SQL.
pub(super) const SHELLS: [&str; 2] = ["mariadb", "mysql"];
const MARIADB: &str = "MariaDB";

/// An installed client program.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) program: &'static str,
    help: String,
}

impl Client {
    /// Returns the first of these programs that is installed.
    pub(super) fn find(names: [&'static str; 2], stop: Stop) -> Result<Self> {
        let program = names.into_iter().find(|name| is_in_path(name));
        let program = program.with_context(|| {
            format!(
                "neither {} nor {} is installed; install the server's client programs",
                names[0], names[1]
            )
        })?;
        Client::new(program, stop)
    }

    /// Returns those of these programs that are installed and can be run.
    pub(super) fn find_installed(
        names: [&'static str; 2],
        stop: Stop,
    ) -> impl Iterator<Item = Self> {
        let names = names.into_iter().filter(|name| is_in_path(name));
        names.filter_map(move |name| Client::new(name, stop).ok())
    }

    fn new(program: &'static str, stop: Stop) -> Result<Self> {
        let help = read_printed(program, "--help", stop)?;
        Ok(Client { program, help })
    }

    /// Returns true if the client has the same maker as a server of this version.
    pub(super) fn fits_server(&self, version: &str) -> bool {
        self.is_mariadb() == version.contains(MARIADB)
    }

    pub(super) fn is_mariadb(&self) -> bool {
        self.help.contains(MARIADB)
    }

    /// Returns true if the client knows the option `--name`.
    pub(super) fn has_option(&self, name: &str) -> bool {
        let option = format!("--{name}");
        let mut words = self.help.split([' ', '\n', '=', '[', ',']);
        words.any(|word| word == option)
    }

    pub(super) fn read_version(&self, stop: Stop) -> Result<String> {
        Ok(read_printed(self.program, "--version", stop)?
            .trim()
            .to_owned())
    }

    /// Returns the existing option files that the client reads, in the order in which it reads
    /// them.
    pub(super) fn default_files(&self) -> Vec<PathBuf> {
        let mut lines = self.help.lines();
        let named = lines.find(|line| line.starts_with("Default options are read from"));
        let files = named.and_then(|_| lines.next()).unwrap_or_default();
        let home = std::env::var_os("HOME").unwrap_or_default();
        let whole = |file: &str| match file.strip_prefix("~/") {
            Some(rest) => Path::new(&home).join(rest),
            None => PathBuf::from(file),
        };
        let files = files.split_whitespace().map(whole);
        files.filter(|file| file.is_file()).collect()
    }
}

/// Returns what a program prints with this option alone. It is asked only once.
fn read_printed(program: &'static str, option: &'static str, stop: Stop) -> Result<String> {
    static KNOWN: Mutex<BTreeMap<[&str; 2], String>> = Mutex::new(BTreeMap::new());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(printed) = known().get(&[program, option]) {
        return Ok(printed.clone());
    }
    let printed = read_output(Command::new(program).arg(option), program, stop)?;
    let printed = String::from_utf8_lossy(&printed).into_owned();
    known().insert([program, option], printed.clone());
    Ok(printed)
}

fn is_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
