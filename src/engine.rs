//! The engines. An engine writes a database's snapshot to a `Write`, and loads a dump into a
//! database.
//!
//! An engine knows nothing about a run: no dump directory, no retention, no command line. It gets
//! an [`Access`]. To dump a database that a restore replaces, it calls a callback ([`Save`]).

pub mod access;
mod attributes;
pub mod command;
pub mod dumper;
mod feed;
mod leftover;
pub mod load;
pub mod missing;
pub mod mysql;
mod object_lines;
pub mod postgresql;
mod redis;
mod registered;
pub mod source;
pub mod sqlite;
pub mod throwaway;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::header::Header;
use crate::identity::Engine;
use crate::stop::Stop;
use crate::url::Url;

pub use access::{Access, Part};
pub use dumper::Dumper;
pub use load::{ExistingDatabase, LoadOptions, LoadResult, Save};
use registered::Registration;
pub use source::{DamagedInside, Source};
use throwaway::{Throwaway, ThrowawayResources};

/// The engines whose sources are URLs. A new engine is one more line here.
const ENGINES: [Registration; 3] = [postgresql::ENGINE, mysql::ENGINE, redis::ENGINE];

/// Parses `text`, which is a server's URL, `sqlite:PATH` or a plain path. A plain path that ends in
/// `.rdb` is an RDB file, every other one an SQLite file. Returns the source.
///
/// # Errors
/// Returns one sentence if `text` is none of these. The sentence does not repeat a password in
/// `text`.
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
    let is_named = path.len() < bytes.len();
    let path = Path::new(OsStr::from_bytes(path));
    if let Some(file) = redis::parse_file(path).filter(|_| !is_named) {
        return Ok(file);
    }
    Ok(Arc::new(sqlite::SqliteSource::new(path)))
}

/// Returns the engine that has URLs with this scheme, or `None`.
#[must_use]
pub fn find_engine(scheme: &str) -> Option<Engine> {
    let known = ENGINES.iter().find(|known| known.schemes.contains(&scheme));
    known.map(|known| known.engine)
}

/// Starts a throwaway database for the dump that has this `header`, and returns it.
///
/// # Errors
/// When the engine's server programs are not installed or do not start, and for a dump of a
/// command's output, which no engine restores.
pub fn start_throwaway(
    workshop: &ThrowawayResources<'_>,
    header: &Header,
    stop: Stop,
) -> Result<Box<dyn Throwaway>> {
    let engine = header.identity.engine;
    if engine == Engine::Sqlite {
        return Ok(Box::new(sqlite::ThrowawayFile::new(workshop.work, stop)));
    }
    let known = ENGINES.iter().find(|known| known.engine == engine);
    let known = known.context("dump-database does not restore the output of a program")?;
    (known.throwaway)(workshop, header, stop)
}

fn parse_url(scheme: &str, text: &OsStr) -> Result<Arc<dyn Source>, String> {
    let text = text.to_str();
    let text = text.ok_or_else(|| format!("the {scheme}:// URL is not UTF-8"))?;
    let known = ENGINES
        .iter()
        .find(|engine| engine.schemes.contains(&scheme));
    let known = known.ok_or_else(|| {
        let schemes = ENGINES.iter().flat_map(|engine| engine.schemes);
        let schemes: Vec<_> = schemes.map(|known| format!("{known}://")).collect();
        format!(
            "{scheme}:// is not a known kind of source; expected a path, sqlite:PATH or one of {}",
            schemes.join(", ")
        )
    })?;
    let url = Url::parse(text)?;
    if url.password().is_some() {
        log::warn!(
            "the password in {url} can be read by every user who sees this command line; move it to a file and name that with --password-file"
        );
    }
    (known.parse)(url)
}
