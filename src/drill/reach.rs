//! What a dump can reach where its sandbox has no root directory of its own.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;
use rustix::process::geteuid;

/// Where database servers listen, as distributions have it.
const PLACES: [&str; 6] = [
    "/run/mysqld",
    "/run/postgresql",
    "/tmp",
    "/var/lib/mysql",
    "/var/run/mysqld",
    "/var/run/postgresql",
];

/// What is within reach.
#[derive(Debug)]
pub(super) struct Reach {
    /// Another interface than `lo`.
    network: bool,
    /// The user whose files can be written.
    files: Option<u32>,
    /// Sockets of database servers that accept this user's connections.
    pub(super) servers: Vec<PathBuf>,
}

impl Reach {
    /// Of this process, which tries each of `sockets`.
    pub(super) fn now(sockets: BTreeSet<PathBuf>) -> Self {
        let is_open = |socket: &PathBuf| UnixStream::connect(socket).is_ok();
        // A unit with `ProtectSystem=strict` has few writable places.
        let is_kept = rustix::fs::statvfs("/")
            .is_ok_and(|root| root.f_flag.contains(StatVfsMountFlags::RDONLY));
        Reach {
            network: has_network(),
            files: (!is_kept).then(|| geteuid().as_raw()),
            servers: sockets.into_iter().filter(is_open).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.network && self.files.is_none() && self.servers.is_empty()
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers = self.servers.iter().map(|path| path.display().to_string());
        let network = self
            .network
            .then(|| "the network of this machine".to_owned());
        let files = self.files.map(|user| format!("the files of user {user}"));
        let all: Vec<_> = network.into_iter().chain(files).chain(servers).collect();
        out.write_str(&all.join(", "))
    }
}

/// The sockets of database servers: those that this network names, and those in their usual places.
pub(super) fn server_sockets() -> BTreeSet<PathBuf> {
    let named = fs::read_to_string("/proc/self/net/unix").unwrap_or_default();
    // unix(5) of /proc: the eighth column is the path, where there is one.
    let named = named
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(7));
    let usual = PLACES.iter().flat_map(fs::read_dir).flatten().flatten();
    let all = named
        .map(PathBuf::from)
        .chain(usual.map(|entry| entry.path()));
    // /var/run is /run.
    let real = all
        .filter(|path| is_server_socket(path))
        .filter_map(|path| path.canonicalize().ok());
    real.collect()
}

fn is_server_socket(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_postgresql = name
        .strip_prefix(".s.PGSQL.")
        .is_some_and(|port| port.parse::<u16>().is_ok());
    let is_mysql = name.ends_with(".sock") && (name.contains("mysql") || name.contains("maria"));
    path.is_absolute() && (is_postgresql || is_mysql)
}

/// In a unit without a network there is only `lo`.
fn has_network() -> bool {
    let interfaces = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let names = interfaces
        .lines()
        .skip(2)
        .filter_map(|line| line.split_once(':'));
    names.into_iter().any(|(name, _)| name.trim() != "lo")
}
