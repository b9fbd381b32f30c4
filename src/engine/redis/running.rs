//! Finds a running server by its working directory, which is the directory of its files.

use std::fs;
use std::path::Path;

use rustix::fs::Stat;

/// The beginnings of the names of the servers' processes.
const SERVERS: [&str; 3] = ["redis-server", "valkey-server", "keydb-server"];

/// Returns the process ID of a server whose files are in this directory, if one is running that this
/// user can see.
pub(super) fn find_server(directory: &Stat) -> Option<u32> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut processes =
        processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    processes.find(|process| {
        let place = Path::new("/proc").join(process.to_string());
        let name = fs::read_to_string(place.join("comm")).unwrap_or_default();
        let is_server = SERVERS.iter().any(|server| name.starts_with(server));
        let works_here = || {
            let cwd = rustix::fs::stat(place.join("cwd"));
            cwd.is_ok_and(|cwd| (cwd.st_dev, cwd.st_ino) == (directory.st_dev, directory.st_ino))
        };
        is_server && works_here()
    })
}
