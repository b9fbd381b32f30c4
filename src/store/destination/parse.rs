//! Reads a destination from a URL or a path.

use std::path::Path;

use super::{Destination, Protocol, SftpDirectory, WebdavDirectory};
use crate::exit::UsageError;

/// Returns true for a text that is a URL, or `file:PATH`.
#[must_use]
pub fn is_url(text: &str) -> bool {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    text.starts_with("file:") || (!scheme.is_empty() && scheme.chars().all(is_scheme))
}

impl Destination {
    /// Parses a URL or a path.
    ///
    /// # Errors
    /// One sentence, which repeats nothing that could be a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return parse_directory(path);
        }
        let Some((scheme, rest)) = text.split_once("://").filter(|_| is_url(text)) else {
            return parse_directory(text);
        };
        let wrong = |what: &str| format!("in the {scheme}:// destination, {what}");
        if rest.contains(['?', '#']) {
            return Err(wrong(
                "? and # are not allowed; put settings into the environment or into --store-config",
            ));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err(wrong(
                "a password is not allowed; put it into the environment, --store-config or ssh's configuration",
            ));
        }
        let path = path.trim_matches('/');
        if path.split('/').any(|part| part == ".." || part == ".") {
            return Err(wrong("the path has a . or .. in it"));
        }
        match scheme {
            "s3" | "gs" | "az" => {
                let (protocol, what) = match scheme {
                    "s3" => (Protocol::S3, "bucket"),
                    "gs" => (Protocol::Google, "bucket"),
                    _ => (Protocol::Azure, "container"),
                };
                let form = format!("write {scheme}://{}/PREFIX", what.to_uppercase());
                if user.is_some() {
                    return Err(wrong(&format!("a user is not allowed; {form}")));
                }
                if !is_plain(host) {
                    return Err(wrong(&format!("a {what} is missing; {form}")));
                }
                Ok(Destination::Bucket {
                    protocol,
                    bucket: host.to_owned(),
                    prefix: path.to_owned(),
                })
            }
            "webdav" | "webdavs" => {
                if user.is_some() {
                    return Err(wrong("a user is not allowed; put it into WEBDAV_USERNAME"));
                }
                let directory = WebdavDirectory {
                    is_encrypted: scheme == "webdavs",
                    host: host.to_owned(),
                    path: path.to_owned(),
                };
                if directory.url().is_none() {
                    return Err(wrong(&format!(
                        "a host is missing; write {scheme}://HOST/PATH"
                    )));
                }
                Ok(Destination::Webdav(directory))
            }
            "sftp" => {
                let (host, port) = match host.rsplit_once(':') {
                    Some((host, port)) if !host.ends_with(':') => (host, Some(port)),
                    _ => (host, None),
                };
                let port =
                    port.map(|port| port.parse().map_err(|_| wrong("the port is not a number")));
                // ssh would take such a host for an option.
                if host.is_empty() || host.starts_with('-') || user == Some("") {
                    return Err(wrong("a host is missing; write sftp://USER@HOST/PATH"));
                }
                if path.is_empty() || path.starts_with('~') {
                    return Err(wrong(
                        "an absolute directory is missing; write sftp://USER@HOST/PATH",
                    ));
                }
                Ok(Destination::Sftp(SftpDirectory {
                    host: host.to_owned(),
                    user: user.map(str::to_owned),
                    port: port.transpose()?,
                    path: format!("/{path}"),
                }))
            }
            _ => Err(format!(
                "{scheme}:// is not a known kind of destination; expected s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, sftp://USER@HOST/PATH, webdavs://HOST/PATH or a directory"
            )),
        }
    }
}

fn parse_directory(path: &str) -> Result<Destination, String> {
    if path.is_empty() {
        return Err("the destination is empty".to_owned());
    }
    let path = std::path::absolute(Path::new(path))
        .map_err(|error| format!("cannot find the absolute path of {path}: {error}"))?;
    // Without a slash at its end.
    Ok(Destination::Directory(path.components().collect()))
}

/// Refuses a prefix with characters that give signatures which stores refuse. The names of copies below
/// the prefix may have any character.
///
/// # Errors
/// [`UsageError`] for such a prefix.
pub(in super::super) fn check_prefix(prefix: &str, protocol: Protocol) -> Result<(), UsageError> {
    let mut parts = prefix.split('/').filter(|part| !part.is_empty());
    if parts.all(is_plain) {
        return Ok(());
    }
    let scheme = protocol.scheme();
    Err(UsageError::new(&format!(
        "the prefix of the {scheme}:// destination has other characters than letters, digits and -._"
    )))
}

/// Returns true for a name of letters, digits and `-._`.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    !name.is_empty() && name.chars().all(plain)
}
