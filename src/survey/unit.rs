//! The units of systemd that dump something, and the instances of `dump-database@.service`.

use std::fs;
use std::path::{Path, PathBuf};

use super::enabled::UnitFiles;
use super::server::FoundServer;
use super::socket::read;
use crate::url::Url;

/// Where the instances of `dump-database@.service` are configured, one file a database.
const INSTANCES: &str = "/etc/dump-database";
/// The instance of the file that the Debian package has for copying.
const EXAMPLE: &str = "example";

/// Where the dumps of the instances are, one directory a database.
const DUMPS: &str = "/var/lib/dump-database";

/// A unit that dumps something.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) name: String,
    /// True if systemd starts the unit by itself, for example by a timer that is enabled.
    pub(super) is_enabled: bool,
    /// The dump directories that the unit names.
    pub(super) directories: Vec<PathBuf>,
    /// Words of its command line that may be sources.
    sources: Vec<String>,
}

/// Returns the units of this machine that dump something.
pub(super) fn read_units() -> Vec<Unit> {
    let unit_files = UnitFiles::read();
    let enabled = unit_files.list_enabled();
    let mut units = Vec::new();
    for (name, text) in &unit_files.texts {
        if name.ends_with(".service") && !name.ends_with("@.service") {
            units.extend(parse(name, text));
        }
    }
    let files = fs::read_dir(INSTANCES).into_iter().flatten().flatten();
    for file in files {
        let name = file.file_name().to_string_lossy().into_owned();
        let instance = name.strip_suffix(".conf");
        if let Some(instance) = instance.filter(|instance| *instance != EXAMPLE) {
            let text = String::from_utf8_lossy(&read(&file.path())).into_owned();
            let unit = format!("dump-database@{instance}.service");
            let directory = Path::new(DUMPS).join(instance);
            units.extend(parse_instance(&unit, directory, &text));
        }
    }
    for unit in &mut units {
        unit.is_enabled = enabled.contains(&unit.name);
    }
    units
}

/// Parses a unit. Returns `None` if it dumps nothing by this program.
fn parse(name: &str, text: &str) -> Option<Unit> {
    let mut unit = Unit {
        name: name.to_owned(),
        ..Unit::default()
    };
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let mut words = value
            .split_ascii_whitespace()
            .map(|word| word.trim_matches(['"', '\'']).replace("%S", "/var/lib"));
        match key.trim() {
            "StateDirectory" => {
                let places = words.map(|word| Path::new("/var/lib").join(word));
                unit.directories.extend(places);
            }
            "ExecStart" if value.contains("dump-database") => {
                if !words.any(|word| word == "dump") {
                    continue;
                }
                let mut words = words.peekable();
                while let Some(word) = words.next() {
                    if word == "--to" {
                        unit.directories.extend(words.next().map(PathBuf::from));
                    } else if !word.starts_with('-') {
                        unit.sources.push(word);
                    }
                }
            }
            _ => {}
        }
    }
    (!unit.sources.is_empty()).then_some(unit)
}

/// Parses the configuration of an instance.
fn parse_instance(name: &str, directory: PathBuf, text: &str) -> Option<Unit> {
    let source = text.lines().find_map(|line| line.strip_prefix("SOURCE="))?;
    Some(Unit {
        name: name.to_owned(),
        is_enabled: false,
        directories: vec![directory],
        sources: vec![source.trim().trim_matches(['"', '\'']).to_owned()],
    })
}

impl Unit {
    /// Returns true if the unit names this SQLite file.
    pub(super) fn names_file(&self, path: &Path) -> bool {
        self.sources.iter().any(|source| {
            let source = Path::new(source.strip_prefix("sqlite:").unwrap_or(source));
            source == path || source.canonicalize().is_ok_and(|real| real == path)
        })
    }

    /// Returns true if the unit names this server by its URL. Without a host, any server of that kind
    /// and port on this machine is meant.
    pub(super) fn names_server(
        &self,
        server: &FoundServer,
        answers: impl Fn(&FoundServer, &str) -> bool,
    ) -> bool {
        self.sources.iter().any(|source| {
            let Some(scheme) = source
                .split("://")
                .next()
                .filter(|_| source.contains("://"))
            else {
                return false;
            };
            let engine = crate::engine::find_engine(scheme);
            if engine.is_none() || engine != server.kind.scheme.and_then(crate::engine::find_engine)
            {
                return false;
            }
            let Ok(url) = Url::parse(source) else {
                return false;
            };
            let (host, port) = url.host_and_port();
            let parameter = |name: &str| {
                let mut parameters = url.parameters();
                parameters.find_map(|(key, value)| (key == name).then_some(value))
            };
            let host = host
                .filter(|host| host != "localhost")
                .or(parameter("host"));
            let port = port.map(str::to_owned).or(parameter("port"));
            match (host.or(parameter("socket")), port) {
                (None, None) => true,
                (host, port) => {
                    let host = host.unwrap_or("localhost".to_owned());
                    let at = |port: &str| answers(server, &format!("{host}:{port}"));
                    answers(server, &host)
                        || port.map_or_else(
                            || ["5432", "3306", "6379"].into_iter().any(at),
                            |port| at(&port),
                        )
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_names_its_sources_and_its_directories() {
        let text = "[Service]\nStateDirectory=dump-database/notes\n\
            ExecStart=/usr/bin/dump-database dump --to %S/dump-database/notes --keep 5 /srv/notes.db\n";
        let unit = parse("notes.service", text).unwrap();
        let directory = PathBuf::from("/var/lib/dump-database/notes");
        assert_eq!(unit.directories, [directory.clone(), directory]);
        assert!(unit.names_file(Path::new("/srv/notes.db")));
        assert!(!unit.names_file(Path::new("/srv/other.db")));
        let status = "ExecStart=/usr/bin/dump-database status /var/lib/x\n";
        assert_eq!(parse("status.service", status), None);
        let instance = parse_instance("x", "/dumps/x".into(), "# a\nSOURCE='/srv/a.db'\n").unwrap();
        assert!(instance.names_file(Path::new("/srv/a.db")));
    }
}
