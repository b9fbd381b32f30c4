//! Running database servers, from their processes and the sockets on which they listen.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::kind::Kind;
use super::socket::{Address, list_listening, read};

/// The most open files of one process that are looked at.
const FILES: usize = 100_000;

/// A running server.
#[derive(Debug)]
pub(super) struct FoundServer {
    pub(super) kind: &'static Kind,
    /// The process that listens; `None` if only its sockets can be seen.
    pub(super) process: Option<u32>,
    /// The user of the process.
    pub(super) user: Option<u32>,
    /// Where it listens.
    pub(super) addresses: Vec<Address>,
    /// True if it is in another network namespace, as in a container.
    pub(super) is_apart: bool,
}

/// A process of a database server.
struct ServerProcess {
    pid: u32,
    kind: &'static Kind,
    user: Option<u32>,
    /// The inodes of its sockets; `None` if this user may not see them.
    sockets: Option<HashSet<u64>>,
    /// Its network namespace; `None` if this user may not see it.
    network: Option<PathBuf>,
}

/// Returns the servers that run on this machine. A server that listens nowhere is left out.
pub(super) fn find_servers() -> Vec<FoundServer> {
    let own = fs::read_link("/proc/self/ns/net").ok();
    let here = list_listening("self");
    let mut processes = read_processes();
    processes.sort_by_key(|process| process.pid);
    // A child of a server may still have the server's socket open.
    let mut taken = HashSet::new();
    let mut networks: HashMap<PathBuf, Vec<(u64, Address)>> = HashMap::new();
    let mut servers = Vec::new();
    for process in &processes {
        let Some(sockets) = &process.sockets else {
            continue;
        };
        let apart = process.network.clone().filter(|_| process.network != own);
        let all = match &apart {
            None => &here,
            Some(network) => networks
                .entry(network.clone())
                .or_insert_with(|| list_listening(&process.pid.to_string())),
        };
        let of_it = all.iter().filter(|(inode, _)| sockets.contains(inode));
        let mut addresses = Vec::new();
        for (inode, address) in of_it {
            if taken.insert((process.network.clone(), *inode)) {
                addresses.push(address.clone());
            }
        }
        if !addresses.is_empty() {
            servers.push(FoundServer {
                kind: process.kind,
                process: Some(process.pid),
                user: process.user,
                addresses,
                is_apart: apart.is_some(),
            });
        }
    }
    if processes.iter().any(|process| process.sockets.is_none()) || !is_root() {
        servers.extend(find_by_address(&here, &read_all_sockets()));
    }
    servers
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns the inodes of the sockets of all processes whose sockets this user may see. A program
/// that is no database server may listen at a port that database servers use.
fn read_all_sockets() -> HashSet<u64> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter(|entry| {
        let name = entry.file_name();
        name.to_str()
            .is_some_and(|name| name.parse::<u32>().is_ok())
    });
    processes
        .filter_map(|entry| read_sockets(&entry.path()))
        .flatten()
        .collect()
}

/// Returns the servers of the sockets that belong to no process that was seen, judged by the names
/// of the sockets and the ports.
fn find_by_address(all: &[(u64, Address)], seen: &HashSet<u64>) -> Vec<FoundServer> {
    let mut found: BTreeMap<(&str, u16), (&'static Kind, Vec<Address>)> = BTreeMap::new();
    for (_, address) in all.iter().filter(|(inode, _)| !seen.contains(inode)) {
        let (kind, port) = match address {
            Address::Socket(path) => (Kind::find_by_socket(path), parse_port(path)),
            Address::Port(_, port) => (Kind::find_by_port(*port), *port),
        };
        let Some(kind) = kind else {
            continue;
        };
        let entry = found.entry((kind.name, port));
        entry.or_insert((kind, Vec::new())).1.push(address.clone());
    }
    let server = |(kind, addresses)| FoundServer {
        kind,
        process: None,
        user: None,
        addresses,
        is_apart: false,
    };
    found.into_values().map(server).collect()
}

/// Returns the port in the name of a PostgreSQL socket, otherwise 0.
fn parse_port(path: &Path) -> u16 {
    let name = path.file_name().and_then(|name| name.to_str());
    let port = name.and_then(|name| name.strip_prefix(".s.PGSQL."));
    port.and_then(|port| port.parse().ok()).unwrap_or(0)
}

/// Returns the processes that have the name of a database server.
fn read_processes() -> Vec<ServerProcess> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let place = entry.path();
            let name = String::from_utf8_lossy(&read(&place.join("comm"))).into_owned();
            let arguments = || String::from_utf8_lossy(&read(&place.join("cmdline"))).into_owned();
            let name = name.trim_end();
            // The arguments are in the memory of the process. Where every user may handle page faults
            // (userfaultfd), its user can let a read of them hang.
            let kind = if Kind::depends_on_arguments(name) {
                Kind::find_by_process(name, &arguments())?
            } else {
                Kind::find_by_process(name, "")?
            };
            let owner = fs::metadata(&place);
            Some(ServerProcess {
                pid,
                kind,
                user: owner.ok().map(|owner| owner.uid()),
                sockets: read_sockets(&place),
                network: fs::read_link(place.join("ns/net")).ok(),
            })
        })
        .collect()
}

/// Returns the inodes of the sockets that a process has open, or `None` if they cannot be seen.
fn read_sockets(process: &Path) -> Option<HashSet<u64>> {
    let files = fs::read_dir(process.join("fd")).ok()?.take(FILES).flatten();
    let inode = |file: fs::DirEntry| {
        let target = fs::read_link(file.path()).ok()?;
        let target = target
            .to_str()?
            .strip_prefix("socket:[")?
            .strip_suffix(']')?;
        target.parse().ok()
    };
    Some(files.filter_map(inode).collect())
}
