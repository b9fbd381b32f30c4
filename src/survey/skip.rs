//! Directories that a search does not enter.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Names of directories that hold caches and what is made again.
const CACHES: [&str; 14] = [
    ".cache",
    "cache",
    "Cache",
    "caches",
    "Caches",
    "CacheStorage",
    "Code Cache",
    "GPUCache",
    ".git",
    "node_modules",
    "__pycache__",
    ".cargo",
    ".npm",
    "lost+found",
];

/// Ends of paths: the layers of containers, and databases that the system makes again.
const MADE_AGAIN: [&str; 18] = [
    "lib/docker/overlay2",
    "lib/docker/aufs",
    "lib/docker/btrfs",
    "lib/docker/devicemapper",
    "lib/docker/vfs",
    "lib/docker/zfs",
    "lib/docker/containerd",
    "containers/storage/overlay",
    "containers/storage/vfs",
    "containers/storage/btrfs",
    "lib/containerd",
    "lib/lxcfs",
    "lib/snapd",
    "lib/flatpak",
    "lib/PackageKit",
    "lib/command-not-found",
    "lib/fwupd",
    "lib/rpm",
];

/// File systems of other machines and of programs: they may hang, and other machines dump their databases.
const ELSEWHERE: [&str; 14] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "ceph",
    "glusterfs",
    "lustre",
    "afs",
    "beegfs",
    "ocfs2",
    "gfs2",
    "autofs",
];

/// File systems that hold no files of anybody, or the layers of containers.
const VIRTUAL: [&str; 18] = [
    "proc",
    "sysfs",
    "devtmpfs",
    "devpts",
    "cgroup",
    "cgroup2",
    "securityfs",
    "debugfs",
    "tracefs",
    "bpf",
    "mqueue",
    "hugetlbfs",
    "fusectl",
    "configfs",
    "pstore",
    "binfmt_misc",
    "overlay",
    "squashfs",
];

/// Whether to enter a directory.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Skip {
    /// Enter it.
    No,
    /// Do not enter it: what it holds can be made again.
    Silently,
    /// Do not enter it, and say why.
    Because(String),
}

/// The directories that are not entered.
#[derive(Debug)]
pub(super) struct Skips {
    /// The type of the file system of each mount point.
    mounts: HashMap<PathBuf, String>,
}

impl Skips {
    /// Returns the rules for a machine with these mount points and types of file systems.
    pub(super) fn new(mounts: Vec<(PathBuf, String)>) -> Self {
        Skips {
            mounts: mounts.into_iter().collect(),
        }
    }

    /// Judges a directory by its path, without opening it.
    pub(super) fn judge(&self, path: &Path) -> Skip {
        if let Some(kind) = self.mounts.get(path) {
            if VIRTUAL.contains(&kind.as_str()) {
                return Skip::Silently;
            }
            let is_fuse = kind == "fuse" || kind.starts_with("fuse.");
            if is_fuse || ELSEWHERE.contains(&kind.as_str()) {
                return Skip::Because(format!(
                    "a file system of another machine or program ({kind})"
                ));
            }
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let is_cache = name.is_some_and(|name| CACHES.contains(&name));
        let is_made_again = || MADE_AGAIN.iter().any(|end| path.ends_with(end));
        if is_cache || is_made_again() {
            return Skip::Silently;
        }
        Skip::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_layers_and_other_machines_are_not_entered() {
        let mounts = [
            ("/srv/nas", "nfs4"),
            ("/srv/merged", "overlay"),
            ("/srv/disk", "ext4"),
        ];
        let mounts = mounts.map(|(path, kind)| (PathBuf::from(path), kind.to_owned()));
        let skips = Skips::new(mounts.into());
        let judge = |path: &str| skips.judge(Path::new(path));
        assert_eq!(judge("/srv/disk"), Skip::No);
        assert_eq!(judge("/var/lib/docker/volumes"), Skip::No);
        for path in [
            "/home/anna/.cache",
            "/var/lib/docker/overlay2",
            "/home/anna/.local/share/containers/storage/overlay",
            "/srv/merged",
        ] {
            assert_eq!(judge(path), Skip::Silently, "{path}");
        }
        assert!(matches!(judge("/srv/nas"), Skip::Because(why) if why.contains("nfs4")));
    }
}
