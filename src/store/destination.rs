//! Where copies go, as a URL or a path says it.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::exit::UsageError;

/// A place for copies, with the folder in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A directory: another disk, a network filesystem.
    Directory(PathBuf),
    /// A bucket of an object store.
    Bucket {
        /// Whose protocol the store speaks.
        protocol: Protocol,
        /// The bucket, which Azure calls a container.
        bucket: String,
        /// The folder in it, without a slash at either end; empty for the bucket itself.
        prefix: String,
    },
    /// A directory of an SSH server.
    Sftp(SftpDirectory),
    /// A directory of a WebDAV server.
    Webdav(Site),
}

/// Whose protocol an object store speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Amazon's: S3.
    S3,
    /// Google's: Cloud Storage.
    Google,
    /// Microsoft's: Azure Blob Storage.
    Azure,
}

/// A directory of a WebDAV server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The connection is encrypted.
    pub is_encrypted: bool,
    /// A name or an address, with the port where one is given.
    pub host: String,
    /// The directory, without a slash at either end.
    pub path: String,
}

/// A directory of an SSH server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SftpDirectory {
    /// As ssh takes it: a name or an address, or a host of its configuration.
    pub host: String,
    /// The user; ssh's own choice where none is given.
    pub user: Option<String>,
    /// The port; ssh's own choice where none is given.
    pub port: Option<u16>,
    /// The directory, absolute.
    pub path: String,
}

impl Protocol {
    /// Returns the scheme of its URLs.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Protocol::S3 => "s3",
            Protocol::Google => "gs",
            Protocol::Azure => "az",
        }
    }
}

impl Site {
    /// Returns the server's URL, as HTTP has it; `None` for a host that is none.
    #[must_use]
    pub fn url(&self) -> Option<reqwest::Url> {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        let url = reqwest::Url::parse(&format!("{scheme}://{}/", self.host)).ok()?;
        Some(url).filter(|url| url.path() == "/" && !self.host.is_empty())
    }

    /// Returns true where nobody else hears what is said: it is encrypted, or stays on this machine.
    #[must_use]
    pub fn is_private(&self) -> bool {
        let host = self.url().and_then(|url| url.host_str().map(str::to_owned));
        let host = host.unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        self.is_encrypted
            || host == "localhost"
            || address.is_ok_and(|address| address.is_loopback())
    }
}

/// Returns true for text that names a place by a URL, or by `file:PATH`.
#[must_use]
pub fn is_url(text: &str) -> bool {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    text.starts_with("file:") || (!scheme.is_empty() && scheme.chars().all(is_scheme))
}

impl Destination {
    /// Reads a URL, or a path.
    ///
    /// # Errors
    /// One sentence; it repeats nothing of what could be a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return directory(path);
        }
        let Some((scheme, rest)) = text.split_once("://").filter(|_| is_url(text)) else {
            return directory(text);
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
                    return Err(wrong("a user is not allowed; WEBDAV_USERNAME says it"));
                }
                let site = Site {
                    is_encrypted: scheme == "webdavs",
                    host: host.to_owned(),
                    path: path.to_owned(),
                };
                if site.url().is_none() {
                    return Err(wrong(&format!(
                        "a host is missing; write {scheme}://HOST/PATH"
                    )));
                }
                Ok(Destination::Webdav(site))
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

    /// Returns where a file of this destination is: a URL, or the path of a file.
    #[must_use]
    pub fn url_of(&self, path: &str) -> String {
        format!("{self}/{path}")
    }

    /// Returns the destination that has the folder `depth` levels up, and the path of this one
    /// there; none where it has no so many levels.
    #[must_use]
    pub fn split(&self, depth: usize) -> Option<(Destination, String)> {
        let cut = |path: &str| {
            let at = path.rmatch_indices('/').nth(depth - 1);
            match at {
                Some((at, _)) => Some((path[..at].to_owned(), path[at + 1..].to_owned())),
                // All of it lies in the root.
                None if path.split('/').count() == depth => Some((String::new(), path.to_owned())),
                None => None,
            }
        };
        match self {
            Destination::Directory(path) => {
                let (above, below) = cut(path.to_str()?)?;
                let above = if above.is_empty() { "/" } else { &above };
                Some((Destination::Directory(PathBuf::from(above)), below))
            }
            Destination::Bucket {
                protocol,
                bucket,
                prefix,
            } => {
                let (prefix, below) = cut(prefix)?;
                let (protocol, bucket) = (*protocol, bucket.clone());
                let above = Destination::Bucket {
                    protocol,
                    bucket,
                    prefix,
                };
                Some((above, below))
            }
            Destination::Webdav(site) => {
                let (path, below) = cut(&site.path)?;
                let site = site.clone();
                Some((Destination::Webdav(Site { path, ..site }), below))
            }
            Destination::Sftp(server) => {
                let (path, below) = cut(&server.path)?;
                let path = if path.is_empty() {
                    "/".to_owned()
                } else {
                    path
                };
                let server = server.clone();
                Some((Destination::Sftp(SftpDirectory { path, ..server }), below))
            }
        }
    }

    /// Returns the last component of its path.
    #[must_use]
    pub fn last_component(&self) -> &str {
        let path = match self {
            Destination::Directory(path) => path.to_str().unwrap_or_default(),
            Destination::Bucket { prefix, .. } => prefix,
            Destination::Webdav(site) => &site.path,
            Destination::Sftp(server) => &server.path,
        };
        path.rsplit('/').next().unwrap_or_default()
    }
}

fn directory(path: &str) -> Result<Destination, String> {
    if path.is_empty() {
        return Err("the destination is empty".to_owned());
    }
    let path = std::path::absolute(Path::new(path))
        .map_err(|error| format!("cannot find the absolute path of {path}: {error}"))?;
    // Without a slash at its end.
    Ok(Destination::Directory(path.components().collect()))
}

/// Returns an error where a prefix has characters that give signatures which stores refuse. The names of
/// copies below the prefix may have any character.
///
/// # Errors
/// [`UsageError`] for such a prefix.
pub(super) fn plain_prefix(prefix: &str, protocol: Protocol) -> Result<(), UsageError> {
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

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Directory(path) => {
                f.write_str(path.to_string_lossy().trim_end_matches('/'))
            }
            Destination::Bucket {
                protocol,
                bucket,
                prefix,
            } => {
                let scheme = protocol.scheme();
                f.write_str(format!("{scheme}://{bucket}/{prefix}").trim_end_matches('/'))
            }
            Destination::Webdav(site) => {
                let scheme = if site.is_encrypted {
                    "webdavs"
                } else {
                    "webdav"
                };
                let (host, path) = (&site.host, &site.path);
                f.write_str(format!("{scheme}://{host}/{path}").trim_end_matches('/'))
            }
            Destination::Sftp(server) => {
                f.write_str("sftp://")?;
                if let Some(user) = &server.user {
                    write!(f, "{user}@")?;
                }
                f.write_str(&server.host)?;
                if let Some(port) = server.port {
                    write!(f, ":{port}")?;
                }
                write!(f, "/{}", server.path.trim_start_matches('/'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_read_and_print() {
        for text in [
            "s3://bucket",
            "s3://bucket/a/b",
            "sftp://host/srv/backup",
            "sftp://joe@host:2222/srv/backup",
            "sftp://joe@[::1]:22/srv",
            "gs://bucket/a",
            "az://container",
            "webdavs://host:8443/a/b",
            "webdav://[::1]:80/a",
            "/mnt/disk",
        ] {
            assert_eq!(Destination::parse(text).unwrap().to_string(), text);
        }
        for (text, printed) in [
            ("s3://bucket/", "s3://bucket"),
            ("s3://bucket//a/", "s3://bucket/a"),
            ("file:/mnt/disk/", "/mnt/disk"),
            ("file:///mnt/disk", "/mnt/disk"),
            ("/mnt//disk/", "/mnt/disk"),
        ] {
            assert_eq!(Destination::parse(text).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn wrong_destinations_are_refused_in_one_sentence_without_a_secret() {
        for text in [
            "",
            "file:",
            "s3://",
            "s3:///prefix",
            "s3://buc ket/x",
            "s3://key:s3cret@bucket/x",
            "s3://key@bucket/x",
            "s3://bucket/a/../b",
            "s3://bucket/a?x=s3cret",
            "sftp://host",
            "sftp://host/~/backup",
            "sftp:///path",
            "sftp://-oProxyCommand=x/path",
            "sftp://@host/path",
            "sftp://host:port/path",
            "sftp://joe:s3cret@host/path",
            "gs://",
            "az:///x",
            "az://key@container/x",
            "webdavs://",
            "webdavs:///path",
            "webdavs://joe@host/path",
            "webdavs://joe:s3cret@host/path",
            "webdavs://ho st/path",
            "ftp://host/path",
            "http://host/path",
        ] {
            let why = Destination::parse(text).unwrap_err();
            assert!(!why.contains("s3cret") && !why.contains('\n'), "{why}");
        }
        for text in ["/a/b", "a", "./s3://x", "1:2"] {
            assert!(!is_url(text), "{text}");
        }
    }

    #[test]
    fn only_an_encrypted_connection_or_one_within_the_machine_is_private() {
        let is_private = |text: &str| match Destination::parse(text).unwrap() {
            Destination::Webdav(site) => site.is_private(),
            other => panic!("{other}"),
        };
        for text in [
            "webdavs://h/x",
            "webdav://localhost:8080",
            "webdav://127.0.0.1",
            "webdav://[::1]:1/",
        ] {
            assert!(is_private(text), "{text}");
        }
        for text in [
            "webdav://h/x",
            "webdav://localhost.example",
            "webdav://10.0.0.1",
            "webdav://127.0.0.1.example",
        ] {
            assert!(!is_private(text), "{text}");
        }
    }

    #[test]
    fn the_url_of_a_copy_is_split_into_its_destination_and_its_path() {
        for (text, above, below) in [
            ("s3://b/p/HOST/DB/NAME", "s3://b/p", "HOST/DB/NAME"),
            ("s3://b/HOST/DB/NAME", "s3://b", "HOST/DB/NAME"),
            ("gs://b/HOST/DB/NAME", "gs://b", "HOST/DB/NAME"),
            ("webdavs://h/HOST/DB/NAME", "webdavs://h", "HOST/DB/NAME"),
            ("sftp://h/p/HOST/DB/NAME", "sftp://h/p", "HOST/DB/NAME"),
            ("/mnt/HOST/DB/NAME", "/mnt", "HOST/DB/NAME"),
            ("s3://b/p/HOST/a%2Fb/@ü%20", "s3://b/p", "HOST/a%2Fb/@ü%20"),
        ] {
            let (destination, path) = Destination::parse(text).unwrap().split(3).unwrap();
            assert_eq!(
                (destination.to_string().as_str(), path.as_str()),
                (above, below)
            );
        }
        assert_eq!(Destination::parse("s3://b/DB/NAME").unwrap().split(3), None);
    }
}
