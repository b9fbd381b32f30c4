//! What code in a dump can reach where the sandbox has no separate root directory.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;
use rustix::process::geteuid;

/// The directories in which distributions let database servers listen.
const PLACES: [&str; 10] = [
    "/run/mysqld",
    "/run/postgresql",
    "/run/redis",
    "/run/valkey",
    "/tmp",
    "/var/lib/mysql",
    "/var/run/mysqld",
    "/var/run/postgresql",
    "/var/run/redis",
    "/var/run/valkey",
];

/// What the process can reach.
#[derive(Debug)]
pub(super) struct Reach {
    /// True if there is a network interface besides `lo`.
    network: bool,
    /// The user whose files the process can write; `None` if the root filesystem is read-only.
    files: Option<u32>,
    /// Whether `/proc` shows processes that do not belong to the drill.
    processes: bool,
    /// The sockets of database servers that accept connections of this user.
    pub(super) servers: Vec<PathBuf>,
}

impl Reach {
    /// Returns what this process can reach now; it tries to connect to each of `sockets`.
    pub(super) fn measure(sockets: BTreeSet<PathBuf>) -> Self {
        let is_open = |socket: &PathBuf| UnixStream::connect(socket).is_ok();
        // A unit with `ProtectSystem=strict` has few writable directories.
        let is_kept = rustix::fs::statvfs("/")
            .is_ok_and(|root| root.f_flag.contains(StatVfsMountFlags::RDONLY));
        Reach {
            network: has_network(),
            files: (!is_kept).then(|| geteuid().as_raw()),
            processes: sees_processes(),
            servers: sockets.into_iter().filter(is_open).collect(),
        }
    }

    /// Returns what a process can reach in a sandbox that keeps out everything but, possibly, the
    /// list of processes.
    pub(super) fn measure_processes() -> Self {
        Reach {
            network: false,
            files: None,
            processes: sees_processes(),
            servers: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.network && self.files.is_none() && !self.processes && self.servers.is_empty()
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers = self.servers.iter().map(|path| path.display().to_string());
        let network = self
            .network
            .then(|| "the network of this machine".to_owned());
        let files = self.files.map(|user| format!("the files of user {user}"));
        let processes = self
            .processes
            .then(|| "the list of this machine's processes".to_owned());
        let all = network.into_iter().chain(files).chain(processes);
        let all: Vec<_> = all.chain(servers).collect();
        out.write_str(&all.join(", "))
    }
}

/// Returns true if `/proc` shows another process than this one. Call it before this process starts
/// others.
fn sees_processes() -> bool {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    numbers.any(|number| number != own)
}

/// Returns the sockets of database servers: those that this network namespace lists, and those in
/// the usual directories.
pub(super) fn list_server_sockets() -> BTreeSet<PathBuf> {
    let named = fs::read_to_string("/proc/self/net/unix").unwrap_or_default();
    // In `/proc/self/net/unix`, the eighth column is the path, if the socket has one.
    let named = named
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(7));
    let usual = PLACES.iter().flat_map(fs::read_dir).flatten().flatten();
    let all = named
        .map(PathBuf::from)
        .chain(usual.map(|entry| entry.path()));
    // The same socket can appear twice, because `/var/run` is a link to `/run`.
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
    let is_redis = name.ends_with(".sock") && (name.contains("redis") || name.contains("valkey"));
    path.is_absolute() && (is_postgresql || is_mysql || is_redis)
}

/// Returns true if there is a network interface besides `lo`. A unit without a network has only
/// `lo`.
fn has_network() -> bool {
    let interfaces = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let names = interfaces
        .lines()
        .skip(2)
        .filter_map(|line| line.split_once(':'));
    names.into_iter().any(|(name, _)| name.trim() != "lo")
}
