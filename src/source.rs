//! Where a database is reached: what the command line names.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use anyhow::Result;

use crate::dump::Options;
use crate::engine::Dumper;
use crate::engine::command::{Printing, Program};
use crate::engine::mysql::{self, Mysql};
use crate::engine::postgresql::{self, Postgresql};
use crate::engine::sqlite::{self, Sqlite};
use crate::identity::Engine;
use crate::stop::Stop;
use crate::url::Url;

/// Something to dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `sqlite:PATH`, or a plain path.
    Sqlite(PathBuf),
    /// `postgresql://...`, in libpq's form.
    Postgresql(Url, Part),
    /// `mysql://...` or `mariadb://...`.
    Mysql(Url, Part),
    /// A program that prints a dump.
    Command(Program),
}

/// What of a server is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Every database, found at run time, and what belongs to none.
    Whole,
    /// The database of this name.
    Database(String),
    /// What belongs to no database: roles, users, tablespaces.
    Globals,
}

impl Source {
    /// Reads a server's URL, `sqlite:PATH` or a plain path.
    ///
    /// # Errors
    /// One sentence, when it is neither. A password in it is not repeated.
    pub fn parse(text: &OsStr) -> Result<Self, String> {
        let bytes = text.as_bytes();
        let path = bytes.strip_prefix(b"sqlite:").unwrap_or(bytes);
        if path.is_empty() {
            return Err("an SQLite file's path is wanted, or a server's URL".to_owned());
        }
        let scheme = path.split(|byte| *byte == b':').next().unwrap_or_default();
        if path.len() == bytes.len() && path[scheme.len()..].starts_with(b"://") {
            return Source::of_url(&String::from_utf8_lossy(scheme), text);
        }
        Ok(Source::Sqlite(PathBuf::from(OsStr::from_bytes(path))))
    }

    fn of_url(scheme: &str, text: &OsStr) -> Result<Self, String> {
        let text = text.to_str();
        let text = text.ok_or_else(|| format!("the {scheme}:// URL is not UTF-8"))?;
        let engine = match scheme {
            "postgresql" | "postgres" => Engine::Postgresql,
            "mysql" | "mariadb" => Engine::Mysql,
            _ => {
                return Err(format!(
                    "{scheme}:// is no known kind of source; sqlite:PATH, postgresql://, mysql:// and mariadb:// are"
                ));
            }
        };
        let url = Url::parse(text)?;
        if url.password().is_some() {
            log::warn!(
                "the password in {url} can be read by whoever sees this command line; move it to a file and name that with --password-file"
            );
        }
        let part = match url.database() {
            Some(database) => Part::Database(database.to_owned()),
            None => Part::Whole,
        };
        if engine == Engine::Mysql {
            mysql::check(&url)?;
            return Ok(Source::Mysql(url, part));
        }
        postgresql::server::check(&url)?;
        Ok(Source::Postgresql(url, part))
    }

    /// Its engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self {
            Source::Sqlite(_) => Engine::Sqlite,
            Source::Postgresql(..) => Engine::Postgresql,
            Source::Mysql(..) => Engine::Mysql,
            Source::Command(_) => Engine::Command,
        }
    }

    /// What it is, as the end of a sentence.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Source::Sqlite(_) => "an SQLite file",
            Source::Postgresql(..) => "PostgreSQL",
            Source::Mysql(..) => "MySQL or MariaDB",
            Source::Command(_) => "a program",
        }
    }

    /// Does it stand for all of a server?
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(
            self,
            Source::Postgresql(_, Part::Whole) | Source::Mysql(_, Part::Whole)
        )
    }

    /// Is it what belongs to no database?
    #[must_use]
    pub fn is_globals(&self) -> bool {
        matches!(
            self,
            Source::Postgresql(_, Part::Globals) | Source::Mysql(_, Part::Globals)
        )
    }

    /// The database's name in bytes, as the engine has it.
    #[must_use]
    pub fn database(&self) -> Vec<u8> {
        match self {
            Source::Sqlite(path) => sqlite::database_of(path),
            Source::Postgresql(_, part) | Source::Mysql(_, part) => part.name().into(),
            Source::Command(program) => program.name.clone().into_bytes(),
        }
    }

    /// Each database of a whole server, and its server-wide objects.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn parts(&self, options: &Options, stop: Stop) -> Result<Vec<Source>> {
        let databases = match self {
            Source::Postgresql(url, Part::Whole) => {
                let server = postgresql::Server::new(url, options.password.as_ref());
                postgresql::databases(&server, stop)?
            }
            Source::Mysql(url, Part::Whole) => {
                let server = mysql::Server::new(url, options.password.as_ref(), stop)?;
                mysql::databases(&server, stop)?
            }
            _ => return Ok(vec![self.clone()]),
        };
        let parts = databases.into_iter().map(Part::Database);
        let parts = parts.chain([Part::Globals]);
        Ok(parts.map(|part| self.with(part)).collect())
    }

    fn with(&self, part: Part) -> Source {
        match self {
            Source::Postgresql(url, _) => Source::Postgresql(part.of(url), part),
            Source::Mysql(url, _) => Source::Mysql(part.of(url), part),
            Source::Sqlite(_) | Source::Command(_) => self.clone(),
        }
    }

    /// Whether there is anything to dump, where that can be told at a glance.
    ///
    /// # Errors
    /// One sentence for what is wrong with an SQLite file's path.
    pub fn find(&self) -> Result<()> {
        match self {
            Source::Sqlite(path) => sqlite::find(path).map(|_| ()),
            Source::Postgresql(..) | Source::Mysql(..) | Source::Command(_) => Ok(()),
        }
    }

    /// Finds the database; writes nothing.
    ///
    /// # Errors
    /// One sentence for whatever keeps it from being dumped.
    pub fn open(&self, options: &Options, stop: Stop) -> Result<Box<dyn Dumper>> {
        Ok(match self {
            Source::Sqlite(path) => Box::new(Sqlite::open(path, options.busy_timeout, stop)?),
            Source::Postgresql(url, part) => {
                let server = postgresql::Server::new(url, options.password.as_ref());
                Box::new(Postgresql::open(&server, part, options, stop)?)
            }
            Source::Mysql(url, part) => {
                let server = mysql::Server::new(url, options.password.as_ref(), stop)?;
                Box::new(Mysql::open(server, part, options, stop)?)
            }
            Source::Command(program) => Box::new(Printing::new(program, stop)),
        })
    }
}

impl Part {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Part::Whole => "",
            Part::Database(name) => name,
            Part::Globals => "@globals",
        }
    }

    fn of(&self, url: &Url) -> Url {
        match self {
            Part::Database(name) => url.with_database(name),
            Part::Whole | Part::Globals => url.without_database(),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Sqlite(path) => write!(f, "{}", path.display()),
            Source::Postgresql(url, _) | Source::Mysql(url, _) => write!(f, "{url}"),
            Source::Command(program) => f.write_str(&program.shown()),
        }
    }
}
