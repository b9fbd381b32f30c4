//! Where copies go, as a URL or a path says it.

use std::fmt;
use std::path::{Path, PathBuf};

/// A place for copies, with the folder in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A directory: another disk, a network filesystem.
    Directory(PathBuf),
    /// A bucket of an object store that speaks S3.
    S3 {
        /// The bucket.
        bucket: String,
        /// The folder in it, without a slash at either end; empty for the bucket itself.
        prefix: String,
    },
    /// A directory of an SSH server.
    Sftp(SftpDirectory),
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
                "? and # have no meaning; settings are in the environment or in --store-config",
            ));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err(wrong(
                "a password has no place; the environment, --store-config or ssh's configuration has it",
            ));
        }
        let path = path.trim_matches('/');
        if path.split('/').any(|part| part == ".." || part == ".") {
            return Err(wrong("the path has a . or .. in it"));
        }
        match scheme {
            "s3" if user.is_some() => Err(wrong("a user has no place; say s3://BUCKET/PREFIX")),
            "s3" if !is_plain(host) => Err(wrong("a bucket is missing; say s3://BUCKET/PREFIX")),
            "s3" => Ok(Destination::S3 {
                bucket: host.to_owned(),
                prefix: path.to_owned(),
            }),
            "sftp" => {
                let (host, port) = match host.rsplit_once(':') {
                    Some((host, port)) if !host.ends_with(':') => (host, Some(port)),
                    _ => (host, None),
                };
                let port =
                    port.map(|port| port.parse().map_err(|_| wrong("the port is no number")));
                // ssh would take such a host for an option.
                if host.is_empty() || host.starts_with('-') || user == Some("") {
                    return Err(wrong("a host is missing; say sftp://USER@HOST/PATH"));
                }
                if path.is_empty() || path.starts_with('~') {
                    return Err(wrong(
                        "an absolute directory is missing; say sftp://USER@HOST/PATH",
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
                "{scheme}:// is no destination of this program; s3://BUCKET/PREFIX, sftp://USER@HOST/PATH or a directory is"
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
            Destination::S3 { bucket, prefix } => {
                let (prefix, below) = cut(prefix)?;
                let bucket = bucket.clone();
                Some((Destination::S3 { bucket, prefix }, below))
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
            Destination::S3 { prefix, .. } => prefix,
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
        .map_err(|error| format!("cannot say where {path} is: {error}"))?;
    // Without a slash at its end.
    Ok(Destination::Directory(path.components().collect()))
}

/// Returns true for a name of letters, digits and `-._`.
pub(super) fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    !name.is_empty() && name.chars().all(plain)
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Directory(path) => {
                f.write_str(path.to_string_lossy().trim_end_matches('/'))
            }
            Destination::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Destination::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
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
    fn the_url_of_a_copy_is_split_into_its_destination_and_its_path() {
        for (text, above, below) in [
            ("s3://b/p/HOST/DB/NAME", "s3://b/p", "HOST/DB/NAME"),
            ("s3://b/HOST/DB/NAME", "s3://b", "HOST/DB/NAME"),
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
