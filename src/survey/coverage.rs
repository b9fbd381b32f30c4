//! What is dumped on this machine: the dumps in its dump directories, and the sources in its units.
//!
//! The owner of a dump directory can forge dumps of any database. So the dumps of a directory count for
//! a database only if the directory belongs to root, to this user, or to the user of the database; if
//! the unit of the directory names the database; or if the user names the directory.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::server::FoundServer;
use super::socket::Address;
use super::unit::Unit;
use crate::clock;
use crate::directory::Directory;
use crate::identity::{Engine, Identity};
use crate::series::Series;

/// The directories whose subdirectories are dump directories.
const HOMES: [&str; 2] = ["/var/lib/dump-database", "/var/lib/private/dump-database"];

/// The dumps of one database.
#[derive(Debug)]
pub(super) struct Dumped {
    pub(super) identity: Identity,
    pub(super) directory: PathBuf,
    /// The number of the user who owns the directory; `None` if the user named the directory.
    owner: Option<u32>,
    /// When the database was last known to be what its newest dump holds.
    pub(super) newest: Timestamp,
}

/// What is dumped.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    pub(super) dumped: Vec<Dumped>,
    pub(super) units: Vec<Unit>,
    /// Dump directories that cannot be read, and why.
    pub(super) unseen: Vec<(PathBuf, String)>,
}

impl Coverage {
    /// Reads the dump directories of the machine, those that `units` name, and `more`; a directory of
    /// `more` may also hold dump directories.
    pub(super) fn read(more: &[PathBuf], units: Vec<Unit>) -> Self {
        let of_units = units.iter().flat_map(|unit| &unit.directories).cloned();
        let found = HOMES.iter().map(PathBuf::from).chain(of_units);
        let named = more.iter().cloned().map(|home| (home, true));
        let mut directories: BTreeMap<PathBuf, bool> = BTreeMap::new();
        for (home, is_named) in found.map(|home| (home, false)).chain(named) {
            let home = std::path::absolute(&home).unwrap_or(home);
            let below = std::fs::read_dir(&home).into_iter().flatten().flatten();
            let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            let below = below.map(|entry| entry.path());
            for directory in below.chain([home.clone()]) {
                *directories.entry(directory).or_default() |= is_named;
            }
        }
        let mut this = Coverage {
            units,
            ..Coverage::default()
        };
        for (path, is_named) in directories {
            if let Err(error) = this.add(&path, is_named)
                && path.exists()
            {
                this.unseen.push((path, format!("{error:#}")));
            }
        }
        this
    }

    fn add(&mut self, path: &Path, is_named: bool) -> anyhow::Result<()> {
        let directory = Directory::open(path)?;
        let owner = directory.read_owner()?;
        let (state, is_own) = directory.read_state_and_trust();
        let now = clock::now();
        for series in Series::read_all(&directory, &directory.list_dumps()?) {
            let Some((entry, header)) = series.restorable_past(now).next() else {
                continue;
            };
            let record = state.databases.get(series.name.as_str());
            let unchanged = record.and_then(|record| record.unchanged.as_ref());
            let unchanged = unchanged.filter(|same| is_own && same.dump == entry.name.to_string());
            self.dumped.push(Dumped {
                identity: header.identity.clone(),
                directory: path.to_owned(),
                owner: (!is_named).then_some(owner),
                newest: unchanged.map_or(header.time, |same| same.time.max(header.time)),
            });
        }
        Ok(())
    }

    /// Returns true if no other user can have forged a dump of the database of `user`, which a unit
    /// names if `names` says so.
    fn is_trusted(
        &self,
        dumped: &Dumped,
        user: Option<u32>,
        names: impl Fn(&Unit) -> bool,
    ) -> bool {
        let Some(owner) = dumped.owner else {
            return true;
        };
        let own = rustix::process::geteuid().as_raw();
        let mut units = self.units.iter();
        owner == 0
            || owner == own
            || user.is_none_or(|user| user == owner)
            || units.any(|unit| unit.directories.contains(&dumped.directory) && names(unit))
    }

    /// Returns the dumps of an SQLite file.
    pub(super) fn list_dumps_of_file<'a>(
        &'a self,
        path: &'a Path,
    ) -> impl Iterator<Item = &'a Dumped> {
        let location = remove_private(&Identity::from_path(path).location);
        let user = path.symlink_metadata().ok().map(|file| file.uid());
        self.dumped.iter().filter(move |dumped| {
            dumped.identity.engine == Engine::Sqlite
                && remove_private(&dumped.identity.location) == location
                && self.is_trusted(dumped, user, |unit| unit.names_file(path))
        })
    }

    /// Returns the dumps of a server's databases, or of a program that dumps such a server.
    pub(super) fn list_dumps_of_server<'a>(
        &'a self,
        server: &'a FoundServer,
    ) -> impl Iterator<Item = &'a Dumped> {
        self.dumped.iter().filter(|dumped| {
            let Identity { location, .. } = &dumped.identity;
            let is_named = |unit: &Unit| unit.names_server(server, answers);
            if !self.is_trusted(dumped, server.user, is_named) {
                return false;
            }
            if dumped.identity.engine == Engine::Command {
                let program = Path::new(location).file_name();
                let program = program.and_then(|program| program.to_str());
                return program.is_some_and(|program| server.kind.dumpers.contains(&program));
            }
            server.kind.scheme.is_some_and(|scheme| {
                crate::engine::find_engine(scheme) == Some(dumped.identity.engine)
            }) && location
                .split(',')
                .any(|location| answers(server, location))
        })
    }
}

/// Returns a path as every user sees it: the state directory of a service with a dynamic user is
/// below `private`.
fn remove_private(location: &str) -> String {
    match location.strip_prefix("/var/lib/private/") {
        Some(rest) => format!("/var/lib/{rest}"),
        None => location.to_owned(),
    }
}

/// Returns true if a server answers at this location, as an identity has it: a socket, a directory of
/// a PostgreSQL socket and a port, or a host and a port.
pub(super) fn answers(server: &FoundServer, location: &str) -> bool {
    server.addresses.iter().any(|address| match address {
        Address::Socket(path) => {
            let real = find_real_path(path);
            let name = real.file_name().and_then(|name| name.to_str());
            let port = name.and_then(|name| name.strip_prefix(".s.PGSQL."));
            let place = real.parent().unwrap_or(Path::new("/")).display();
            location == real.to_string_lossy()
                || port.is_some_and(|port| location == format!("{place}:{port}"))
        }
        Address::Port(address, port) => {
            let Some((host, wanted)) = location.rsplit_once(':') else {
                return false;
            };
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let is_local =
                || address.is_unspecified() || address.is_loopback() || host == address.to_string();
            wanted == port.to_string()
                && (host == address.to_string() || is_here(host) && is_local())
        }
    })
}

/// Returns the path of a socket without symlinks. The socket itself may be hidden from this process, or
/// removed.
fn find_real_path(path: &Path) -> PathBuf {
    let directory = path.parent().and_then(|parent| parent.canonicalize().ok());
    match (directory, path.file_name()) {
        (Some(directory), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    }
}

/// Returns true if `host` is this machine.
fn is_here(host: &str) -> bool {
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let own = own.trim().to_lowercase();
    let is_loopback = host
        .parse()
        .is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    let short = host.split('.').next().unwrap_or_default();
    host == "localhost" || is_loopback || !own.is_empty() && (host == own || short == own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_is_hidden_has_the_path_of_its_real_directory() {
        let place = tempfile::tempdir().unwrap();
        let real = place.path().canonicalize().unwrap().join("run");
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, place.path().join("link")).unwrap();
        let hidden = place.path().join("link/.s.PGSQL.5432");
        assert_eq!(find_real_path(&hidden), real.join(".s.PGSQL.5432"));
        let gone = Path::new("/missing/directory/socket");
        assert_eq!(find_real_path(gone), gone);
    }
}
