//! The engines: each writes a database's snapshot to a `Write` and loads a dump into a database.
//!
//! An engine knows nothing of a run: no dump directory, no retention, no command line. It gets an
//! [`Access`], and what a restore must save first it hands to a callback ([`Save`]).

mod access;
pub mod command;
pub mod marker;
pub mod mysql;
pub mod postgresql;
pub mod sqlite;

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use serde_json::{Map, Value};

use crate::child::Child;
use crate::header::{Facts, Header};
use crate::identity::{Engine, Identity};
use crate::name::Format;
use crate::stop::Stop;
use crate::url::Url;

pub use access::{Access, Part};

/// The engines whose sources are URLs: the scheme, and how to read such a URL.
const SCHEMES: [(&str, OfUrl); 4] = [
    ("postgresql", |url| {
        arc(postgresql::PostgresqlSource::of_url(url))
    }),
    ("postgres", |url| {
        arc(postgresql::PostgresqlSource::of_url(url))
    }),
    ("mysql", |url| arc(mysql::MysqlSource::of_url(url))),
    ("mariadb", |url| arc(mysql::MysqlSource::of_url(url))),
];

type OfUrl = fn(Url) -> Result<Arc<dyn Source>, String>;

fn arc<S: Source + 'static>(source: Result<S, String>) -> Result<Arc<dyn Source>, String> {
    source.map(|source| Arc::new(source) as _)
}

/// Reads a source: a server's URL, `sqlite:PATH` or a plain path.
///
/// # Errors
/// One sentence, when it is neither. A password in it is not repeated.
pub fn parse_source(text: &OsStr) -> Result<Arc<dyn Source>, String> {
    let bytes = text.as_bytes();
    let path = bytes.strip_prefix(b"sqlite:").unwrap_or(bytes);
    if path.is_empty() {
        return Err("expected the path of an SQLite file, or a server's URL".to_owned());
    }
    let scheme = path.split(|byte| *byte == b':').next().unwrap_or_default();
    if path.len() == bytes.len() && path[scheme.len()..].starts_with(b"://") {
        return parse_url(&String::from_utf8_lossy(scheme), text);
    }
    let path = Path::new(OsStr::from_bytes(path));
    Ok(Arc::new(sqlite::SqliteSource::new(path)))
}

fn parse_url(scheme: &str, text: &OsStr) -> Result<Arc<dyn Source>, String> {
    let text = text.to_str();
    let text = text.ok_or_else(|| format!("the {scheme}:// URL is not UTF-8"))?;
    let known = SCHEMES.iter().find(|(known, _)| *known == scheme);
    let (_, of_url) = known.ok_or_else(|| {
        let schemes: Vec<_> = SCHEMES
            .iter()
            .map(|(known, _)| format!("{known}://"))
            .collect();
        format!(
            "{scheme}:// is no known kind of source; sqlite:PATH, {} are",
            schemes.join(", ")
        )
    })?;
    let url = Url::parse(text)?;
    if url.password().is_some() {
        log::warn!(
            "the password in {url} can be read by whoever sees this command line; move it to a file and name that with --password-file"
        );
    }
    of_url(url)
}

/// Where a database is reached: what the command line names.
pub trait Source: Loader + fmt::Debug + fmt::Display + Send + Sync {
    /// Returns its engine.
    fn engine(&self) -> Engine;

    /// Returns what it is, as the end of a sentence.
    fn kind(&self) -> &'static str;

    /// Returns the part of a server that is meant; none where the source is not a server.
    fn part(&self) -> Option<&Part> {
        None
    }

    /// Returns the database's name in bytes, as the engine has it.
    fn database(&self) -> Vec<u8>;

    /// Returns each database of a whole server, and its server-wide objects.
    ///
    /// # Errors
    /// When the source is no whole server, or the server cannot be asked.
    fn parts(&self, _access: &Access) -> Result<Vec<Arc<dyn Source>>> {
        bail!("{self} has no parts")
    }

    /// Checks that there is something to dump, where that can be told without connecting.
    ///
    /// # Errors
    /// One sentence for what is wrong with an SQLite file's path.
    fn find(&self) -> Result<()> {
        Ok(())
    }

    /// Finds the database; writes nothing.
    ///
    /// # Errors
    /// One sentence for whatever keeps it from being dumped.
    fn open(&self, access: &Access) -> Result<Box<dyn Dumper>>;
}

impl dyn Source + '_ {
    /// Does it stand for all of a server?
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.part() == Some(&Part::Whole)
    }

    /// Does it stand for a server's server-wide objects?
    #[must_use]
    pub fn is_globals(&self) -> bool {
        self.part() == Some(&Part::Globals)
    }

    /// Does `other` name the same database in the same words?
    #[must_use]
    pub fn is_same(&self, other: &dyn Source) -> bool {
        self.engine() == other.engine()
            && self.part() == other.part()
            && self.to_string() == other.to_string()
    }
}

/// Dumps the database that a restore is about to replace, and returns the dump's path.
pub type Save<'a> = &'a mut dyn FnMut(&mut dyn Dumper) -> Result<PathBuf>;

/// A place that dumps are loaded into.
pub trait Loader {
    /// Loads `dump`, which was verified and has this `header`. A database that exists is replaced
    /// only if `save` is given, which is called with it first. Returns the path of what was
    /// replaced, if something was.
    ///
    /// # Errors
    /// Whatever keeps the dump from being loaded; the old database is then as it was.
    fn load(
        &self,
        dump: &File,
        header: &Header,
        save: Option<Save<'_>>,
        access: &Access,
    ) -> Result<Option<PathBuf>>;
}

/// The error for a dump of server-wide objects and a target that is a database.
fn needs_no_database() -> anyhow::Error {
    anyhow!("the dump holds what belongs to no database; name its server without one")
}

/// The error for a dump of a database and a target that is a whole server.
fn needs_a_database() -> anyhow::Error {
    anyhow!("the dump holds a database; name the one to restore into, after the server")
}

/// A source that was found and may be read; nothing was written yet.
///
/// The calls come in the order of the methods, each once.
pub trait Dumper {
    /// Which database it is.
    fn identity(&self) -> &Identity;

    /// The file that decompressing the dump gives back, in bytes.
    fn file_name(&self) -> Vec<u8>;

    /// Returns the database's name in bytes, as the engine has it.
    fn database(&self) -> Vec<u8> {
        let name = self.identity().database.as_ref();
        name.map_or(Vec::new(), |name| name.clone().into_bytes())
    }

    /// What the dump's bytes will be.
    fn format(&self) -> Format;

    /// The engine's version.
    fn engine_version(&self) -> String;

    /// Bytes of a temporary file it needs beside the dump; 0 for none.
    fn scratch_bytes(&self) -> u64;

    /// Takes the snapshot, into `scratch` where one was asked for.
    ///
    /// # Errors
    /// When the database does not give one in time.
    fn snapshot(&mut self, scratch: Option<&Path>) -> Result<()>;

    /// What is known of the database before it is read, and must not be lost.
    fn settings(&self) -> Map<String, Value> {
        Map::new()
    }

    /// The tables whose rows [`Dumper::check`] will tell.
    fn tables(&self) -> Vec<String> {
        Vec::new()
    }

    /// Writes the snapshot. All that says the source was read whole (an exit status, an end
    /// marker) was checked when this returns.
    ///
    /// # Errors
    /// When any of it cannot be read or written.
    fn stream(&mut self, out: &mut dyn Write) -> Result<()>;

    /// Checks the database itself within the snapshot; what is known of it. `thorough` asks for
    /// what takes longer than reading it once.
    ///
    /// # Errors
    /// When the database is damaged.
    fn check(&mut self, thorough: bool) -> Result<Facts>;
}

/// The snapshot came to an end that was nobody's fault; another attempt may go well.
#[derive(Debug)]
pub struct SnapshotLost;

impl std::fmt::Display for SnapshotLost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a table was altered while it was read")
    }
}

/// The dump is whole and the database in it is damaged. The target was not touched; an older dump may
/// be good.
#[derive(Debug)]
pub struct DamagedInside;

impl std::fmt::Display for DamagedInside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the database in the dump is damaged")
    }
}

const BUFFER: usize = 256 << 10;

/// Copies all of `from`; how many bytes there were.
///
/// # Errors
/// Any of reading or writing.
pub(crate) fn pass_on(from: &mut dyn Read, out: &mut dyn Write) -> Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let mut passed = 0;
    loop {
        let read = match from.read(&mut buffer)? {
            0 => return Ok(passed),
            read => read,
        };
        out.write_all(&buffer[..read])?;
        passed += read as u64;
    }
}

/// Ends a child that was fed. Its own error says more than that it no longer reads.
pub(crate) fn finish(child: Child, fed: std::io::Result<()>, stop: Stop) -> Result<()> {
    stop.check()?;
    match fed {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        fed => {
            child.finish()?;
            Ok(fed?)
        }
    }
}
