//! Finds the processes that hold locks on a file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::Stat;

use super::sides::add_suffix;
use crate::human;

/// Returns the IDs of the processes that hold POSIX locks on a file. `locks` is the content of
/// `/proc/locks` (`proc_locks(5)`).
pub(super) fn find_holders(locks: &str, file: &Stat) -> BTreeSet<i64> {
    let (major, minor) = (
        rustix::fs::major(file.st_dev),
        rustix::fs::minor(file.st_dev),
    );
    let wanted = format!("{major:02x}:{minor:02x}:{}", file.st_ino);
    let pid = |line: &str| {
        let mut fields = line
            .split_whitespace()
            .skip_while(|field| *field != "POSIX");
        let pid = fields.nth(3)?;
        (fields.next()? == wanted).then(|| pid.parse().ok())?
    };
    locks.lines().filter_map(pid).collect()
}

/// Returns a description of another process that holds a lock on a database or its `-shm` file, as
/// far as this user can see it.
pub(super) fn name_holder(database: &Path) -> String {
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let shm = PathBuf::from(add_suffix(database.as_os_str(), "-shm"));
    let own = i64::from(std::process::id());
    let holder = [database, &shm]
        .into_iter()
        .filter_map(|file| rustix::fs::lstat(file).ok())
        .flat_map(|file| find_holders(&locks, &file))
        .find(|pid| *pid != own);
    describe(holder.unwrap_or(0))
}

/// Returns a process's ID and name in words; 0 stands for a process that cannot be seen.
pub(super) fn describe(pid: i64) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    match (pid, name.trim()) {
        (0, _) => "another program".to_owned(),
        (_, "") => format!("process {pid}"),
        (_, name) => format!("process {pid} ({})", human::escape(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_those_of_one_file() {
        let mut file = rustix::fs::stat("/").unwrap();
        (file.st_dev, file.st_ino) = (rustix::fs::makedev(0xfd, 1), 77);
        let locks = "1: POSIX  ADVISORY  READ 12 fd:01:77 1073741826 1073742335\n\
             1: -> POSIX  ADVISORY  WRITE 13 fd:01:77 128 128\n\
             2: FLOCK  ADVISORY  WRITE 14 fd:01:77 0 EOF\n\
             3: POSIX  ADVISORY  READ 15 fd:00:77 1 2\n\
             4: POSIX  ADVISORY  READ 16 fd:01:78 1 2\n";
        assert_eq!(find_holders(locks, &file), BTreeSet::from([12, 13]));
    }
}
