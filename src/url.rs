//! A server's URL: `SCHEME://[USER[:PASSWORD]@][HOST[:PORT]][/DATABASE][?NAME=VALUE[&...]]`, parsed
//! as libpq does ("Connection URIs" in its manual). In a URL whose scheme ends with `+unix`, the path
//! of a socket stands in place of the host and the database.

mod percent;

use std::fmt;

use crate::secret::Secret;
use percent::decode;
use percent::decode_text;
pub use percent::encode;

/// The URL of a server. Its printed form omits the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    scheme: String,
    /// The user, encoded as in the URL.
    user: Option<String>,
    password: Option<Secret>,
    /// The hosts and their ports, encoded as in the URL. libpq accepts several, separated by
    /// commas.
    hosts: String,
    database: Option<String>,
    /// The names and values of the parameters, encoded as in the URL.
    parameters: Vec<(String, String)>,
    /// True if [`Url::isolate`] made this URL.
    isolated: bool,
}

impl Url {
    /// Parses a URL.
    ///
    /// # Errors
    /// One sentence that repeats only the scheme of the URL, because a password may stand in the
    /// wrong place.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("a URL has ://")?;
        let wrong = |what: &str| format!("in the {scheme}:// URL, {what}");
        // libpq looks for the end of the user first, and only before the first slash.
        let end = rest.find(['@', '/']);
        let (credentials, rest) = match end {
            Some(at) if rest[at..].starts_with('@') => (Some(&rest[..at]), &rest[at + 1..]),
            _ => (None, rest),
        };
        let (user, mut password) = match credentials.map(|both| both.split_once(':')) {
            None => (None, None),
            Some(None) => (credentials, None),
            Some(Some((user, password))) => (Some(user), Some(decode_secret(password, &wrong)?)),
        };
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, database) = address.split_once('/').unwrap_or((address, ""));
        let has_path = is_of_socket(scheme) && hosts.is_empty();
        if hosts.contains('@') || database.contains('@') || database.contains('/') && !has_path {
            return Err(wrong(
                "a / or @ that belongs to a password or a name must be written %2F or %40",
            ));
        }
        for host in hosts.split(',') {
            let after_bracket = host.rsplit(']').next().unwrap_or(host);
            let port = after_bracket.split_once(':').map_or("", |(_, port)| port);
            if !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(wrong("the port is not a number"));
            }
        }
        let mut database =
            decode_text(database).ok_or_else(|| wrong("the database is not UTF-8"))?;
        let mut parameters = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match decode(name).as_slice() {
                b"password" => password = Some(decode_secret(value, &wrong)?),
                b"dbname" => {
                    database = decode_text(value).ok_or_else(|| wrong("dbname is not UTF-8"))?;
                }
                _ => parameters.push((name.to_owned(), value.to_owned())),
            }
        }
        Ok(Url {
            scheme: scheme.to_owned(),
            user: user.filter(|user| !user.is_empty()).map(str::to_owned),
            password,
            hosts: hosts.to_owned(),
            database: Some(database).filter(|database| !database.is_empty()),
            parameters,
            isolated: false,
        })
    }

    /// Returns the same URL for a connection that the URL alone determines: no file and no
    /// environment variable of the user may lead to another server.
    #[must_use]
    pub fn isolate(self) -> Self {
        Url {
            isolated: true,
            ..self
        }
    }

    /// Returns true if [`Url::isolate`] made this URL.
    #[must_use]
    pub fn is_isolated(&self) -> bool {
        self.isolated
    }

    /// Returns the password, if the URL contains one.
    #[must_use]
    pub fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// Returns the name of the database, if the URL contains one.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Returns the path of the socket, if the scheme is of one.
    #[must_use]
    pub fn socket(&self) -> Option<String> {
        let path = self.database.as_ref().filter(|_| self.is_of_socket())?;
        Some(format!("/{path}"))
    }

    /// Returns true if the scheme is of a socket (`redis+unix`).
    #[must_use]
    pub fn is_of_socket(&self) -> bool {
        is_of_socket(&self.scheme)
    }

    /// Returns the scheme.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Returns the same URL with this database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Url {
            database: Some(database.to_owned()),
            ..self.clone()
        }
    }

    /// Returns the same URL without a database.
    #[must_use]
    pub fn without_database(&self) -> Self {
        Url {
            database: None,
            ..self.clone()
        }
    }

    /// Returns the same URL with this value of a parameter, which replaces every other value of it.
    #[must_use]
    pub fn with_parameter(&self, name: &str, value: &str) -> Self {
        let mut url = self.clone();
        url.parameters
            .retain(|(other, _)| decode(other) != name.as_bytes());
        url.parameters.push((encode(name), encode(value)));
        url
    }

    /// Returns the decoded user, or `None` if the URL contains none or it is not UTF-8.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.user.as_deref().and_then(decode_text)
    }

    /// Returns the host and the port of a URL with at most one of each; `None` stands for a missing
    /// one.
    #[must_use]
    pub fn host_and_port(&self) -> (Option<String>, Option<&str>) {
        let at = self
            .hosts
            .rfind(':')
            .filter(|at| !self.hosts[*at..].contains(']'));
        let (host, port) = match at {
            Some(at) => (&self.hosts[..at], Some(&self.hosts[at + 1..])),
            None => (&*self.hosts, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = decode_text(host).filter(|host| !host.is_empty());
        (host, port.filter(|port| !port.is_empty()))
    }

    /// Returns the hosts of a URL that names several, each with its port if it has one. Returns
    /// nothing for a URL with one host.
    #[must_use]
    pub fn several_hosts(&self) -> Vec<(String, Option<String>)> {
        let parameter = |wanted: &str| {
            let mut parameters = self.parameters();
            parameters
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value)
        };
        let (hosts, ports) = if self.hosts.is_empty() {
            let hosts = parameter("host").unwrap_or_default();
            (hosts, parameter("port").unwrap_or_default())
        } else {
            (self.hosts.clone(), String::new())
        };
        let hosts: Vec<_> = hosts.split(',').collect();
        if hosts.len() < 2 {
            return Vec::new();
        }
        let ports: Vec<_> = ports.split(',').filter(|port| !port.is_empty()).collect();
        let each = hosts.iter().enumerate().map(|(place, host)| {
            // A single port applies to all hosts.
            let port = ports
                .get(place)
                .or(ports.first().filter(|_| ports.len() == 1));
            let alone = Url {
                hosts: (*host).to_owned(),
                ..self.clone()
            };
            let (name, own) = alone.host_and_port();
            let port = own
                .map(str::to_owned)
                .or(port.map(|port| (*port).to_owned()));
            (name.unwrap_or_default(), port)
        });
        each.collect()
    }

    /// Returns the decoded names and values of the parameters after `?`, except `password` and
    /// `dbname`.
    pub fn parameters(&self) -> impl Iterator<Item = (String, String)> {
        let decoded = |text: &str| String::from_utf8_lossy(&decode(text)).into_owned();
        let each = self.parameters.iter();
        each.map(move |(name, value)| (decoded(name), decoded(value)))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        write!(f, "{}/", self.hosts)?;
        let database = self.database.as_deref().unwrap_or_default();
        if self.is_of_socket() {
            let parts: Vec<_> = database.split('/').map(encode).collect();
            f.write_str(&parts.join("/"))?;
        } else {
            f.write_str(&encode(database))?;
        }
        for (number, (name, value)) in self.parameters.iter().enumerate() {
            let mark = if number == 0 { '?' } else { '&' };
            write!(f, "{mark}{name}={value}")?;
        }
        Ok(())
    }
}

fn is_of_socket(scheme: &str) -> bool {
    scheme.ends_with("+unix")
}

fn decode_secret(encoded: &str, wrong: &dyn Fn(&str) -> String) -> Result<Secret, String> {
    let bytes = decode(encoded);
    if bytes.contains(&0) {
        return Err(wrong("the password contains a zero byte"));
    }
    // In the clients' password files a line break ends the password, and their errors would show
    // the rest of it.
    if bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return Err(wrong("the password contains a line break"));
    }
    Ok(Secret::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_prints_as_it_was_without_its_password() {
        for (given, printed) in [
            ("postgresql:///", "postgresql:///"),
            ("postgresql://", "postgresql:///"),
            ("postgresql://h", "postgresql://h/"),
            ("postgresql://u@h:5433/a%20b", "postgresql://u@h:5433/a%20b"),
            ("postgresql://u:s3cret@h/a", "postgresql://u@h/a"),
            ("postgresql://u:s3:c?r@h/a", "postgresql://u@h/a"),
            (
                "postgresql://u:s3cret@/?host=/run/x&password=s3cret&port=3",
                "postgresql://u@/?host=/run/x&port=3",
            ),
            (
                "postgresql://u@/?%70assword=s3cret&port=3",
                "postgresql://u@/?port=3",
            ),
            (
                "postgresql://h1:1,h2:2/?dbname=x",
                "postgresql://h1:1,h2:2/x",
            ),
            ("mysql://[::1]:3307/a%2Fb", "mysql://[::1]:3307/a%2Fb"),
            (
                "redis+unix://u:s3cret@/run/re%20dis/s.sock?x=1",
                "redis+unix://u@/run/re%20dis/s.sock?x=1",
            ),
        ] {
            let url = Url::parse(given).unwrap();
            assert_eq!(url.to_string(), printed, "{given}");
            assert!(!format!("{url:?}").contains("s3"), "{url:?}");
        }
    }

    #[test]
    fn passwords_are_decoded_and_errors_do_not_repeat_them() {
        let url = Url::parse("mysql://u:a%40b%2fc@h/d").unwrap();
        assert_eq!(url.password(), Some(&Secret::new(b"a@b/c".to_vec())));
        for wrong in [
            "mysql://u:s3/cret@h/d",
            "mysql://u:s3cret/x",
            "mysql://h/d/s3cret@e",
            "postgresql://u@]x:s3cret@h:5433/d",
        ] {
            let why = Url::parse(wrong).unwrap_err();
            assert!(!why.contains("s3") && !why.contains("cret"), "{why}");
        }
    }

    #[test]
    fn hosts_and_ports_are_told_apart() {
        let parts = |text: &str| {
            let url = Url::parse(text).unwrap();
            let (host, port) = url.host_and_port();
            (host, port.map(str::to_owned))
        };
        assert_eq!(parts("mysql:///"), (None, None));
        let host = |host: &str| Some(host.to_owned());
        assert_eq!(parts("mysql://h"), (host("h"), None));
        assert_eq!(parts("mysql://h:3"), (host("h"), host("3")));
        assert_eq!(parts("mysql://[::1]"), (host("::1"), None));
        assert_eq!(parts("mysql://[::1]:3"), (host("::1"), host("3")));
    }
}
