//! A destination of copies: a directory, a bucket, or a directory on a server.

pub(super) mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

/// A place for copies, and the folder in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A directory: another disk, a network filesystem.
    Directory(PathBuf),
    /// A bucket of an object store.
    Bucket {
        /// The protocol of the store.
        protocol: Protocol,
        /// The bucket, which Azure calls a container.
        bucket: String,
        /// The folder in it, without a slash at either end; empty for the bucket itself.
        prefix: String,
    },
    /// A directory of an SSH server.
    Sftp(SftpDirectory),
    /// A directory of a WebDAV server.
    Webdav(WebdavDirectory),
}

/// The protocol of an object store.
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
pub struct WebdavDirectory {
    /// True if the connection is encrypted.
    pub is_encrypted: bool,
    /// A name or an address, with the port if one is given.
    pub host: String,
    /// The directory, without a slash at either end.
    pub path: String,
}

/// A directory of an SSH server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SftpDirectory {
    /// A name, an address, or a host in ssh's configuration.
    pub host: String,
    /// The user. If it is `None`, ssh chooses.
    pub user: Option<String>,
    /// The port. If it is `None`, ssh chooses.
    pub port: Option<u16>,
    /// The absolute path of the directory.
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

impl WebdavDirectory {
    /// Returns the HTTP URL of the server, or `None` if the host is not valid.
    #[must_use]
    pub fn url(&self) -> Option<reqwest::Url> {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        let url = reqwest::Url::parse(&format!("{scheme}://{}/", self.host)).ok()?;
        Some(url).filter(|url| url.path() == "/" && !self.host.is_empty())
    }

    /// Returns true if nobody else can read the connection: it is encrypted, or within this machine.
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

impl Destination {
    /// Returns the URL, or the path, of a file in this destination.
    #[must_use]
    pub fn url_of(&self, path: &str) -> String {
        format!("{self}/{path}")
    }

    /// Returns the destination `depth` levels above this one, and the path of this one below it. Returns
    /// `None` if this destination has fewer levels.
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
            Destination::Webdav(directory) => {
                let (path, below) = cut(&directory.path)?;
                let directory = directory.clone();
                Some((
                    Destination::Webdav(WebdavDirectory { path, ..directory }),
                    below,
                ))
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
            Destination::Webdav(directory) => &directory.path,
            Destination::Sftp(server) => &server.path,
        };
        path.rsplit('/').next().unwrap_or_default()
    }
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
            Destination::Webdav(directory) => {
                let scheme = if directory.is_encrypted {
                    "webdavs"
                } else {
                    "webdav"
                };
                let (host, path) = (&directory.host, &directory.path);
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
