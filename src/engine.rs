//! The engines: each writes a database's snapshot to a `Write` and loads a dump into a database.
//!
//! An engine knows nothing of a run: no dump directory, no retention, no command line. It gets an
//! [`Access`], and what a restore must save first it hands to a callback ([`Save`]).

pub mod access;
pub mod command;
pub mod dumper;
mod feed;
mod leftover;
pub mod load;
pub mod mysql;
pub mod postgresql;
pub mod source;
pub mod sqlite;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use crate::url::Url;

pub use access::{Access, Part};
pub use dumper::Dumper;
pub use load::{Existing, LoadOptions, Loaded, Save};
use source::Registered;
pub use source::{DamagedInside, Source};

/// Every engine that a URL's scheme names. A new engine is one more line here.
const ENGINES: [Registered; 2] = [postgresql::ENGINE, mysql::ENGINE];

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
    let known = ENGINES
        .iter()
        .find(|engine| engine.schemes.contains(&scheme));
    let known = known.ok_or_else(|| {
        let schemes = ENGINES.iter().flat_map(|engine| engine.schemes);
        let schemes: Vec<_> = schemes.map(|known| format!("{known}://")).collect();
        format!(
            "{scheme}:// is no known kind of source; expected a path, sqlite:PATH or one of {}",
            schemes.join(", ")
        )
    })?;
    let url = Url::parse(text)?;
    if url.password().is_some() {
        log::warn!(
            "the password in {url} can be read by whoever sees this command line; move it to a file and name that with --password-file"
        );
    }
    (known.parse)(url)
}
