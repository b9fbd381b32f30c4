//! The root directory of a sandbox: an empty one, in which only programs, some devices and the work
//! directory are shown.

use std::ffi::CStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive,
    mount_change, unmount,
};
use rustix::process::geteuid;

use super::inhabitant::SandboxUser;

/// The directories that programs need; those that do not exist are skipped.
const SHOWN: [&str; 12] = [
    "/bin",
    "/etc",
    "/gnu/store",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/proc",
    "/run/current-system",
    "/sbin",
    "/usr",
];
const DEVICES: [&str; 5] = ["full", "null", "random", "urandom", "zero"];
/// The directory of the servers' sockets in the sandbox.
pub(super) const SOCKETS: &str = "/sockets";
/// The name of the sandbox's user in the sandbox's `/etc/passwd`.
const USER: &str = "dump-database-drill";

/// Makes the sandbox's root directory and enters it.
///
/// # Errors
/// When the kernel refuses a step.
pub(super) fn enter_new_root(inhabitant: &SandboxUser<'_>) -> Result<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).context("cannot separate mounts")?;
    let root = inhabitant.root;
    mount_empty(root, c"mode=0755,size=64m,nr_inodes=4k")?;
    for shown in SHOWN.map(Path::new) {
        show(root, shown)?;
    }
    for shown in inhabitant.programs {
        if !SHOWN.iter().any(|known| shown.starts_with(known)) {
            show(root, shown)?;
        }
    }
    make_devices(root)?;
    for place in ["/tmp", "/var/tmp", SOCKETS] {
        let place = join_below(root, Path::new(place));
        make_directory(&place)?;
        let mode = if place.ends_with("tmp") {
            0o1777
        } else {
            0o700
        };
        fs::set_permissions(&place, Permissions::from_mode(mode))?;
    }
    let user = inhabitant.user.unwrap_or_else(|| geteuid().as_raw());
    if inhabitant.user.is_some() {
        std::os::unix::fs::chown(join_below(root, Path::new(SOCKETS)), Some(user), Some(user))?;
    }
    name_user(root, inhabitant.work, user)?;
    show(root, inhabitant.work)?;
    enter_root(root).context("cannot change the root directory")
}

fn mount_empty(place: &Path, options: &CStr) -> Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("dump-database", place, "tmpfs", flags, options)
        .with_context(|| format!("cannot mount on {}", place.display()))
}

/// Returns the path below the new root directory that stands for `path` of the current one.
fn join_below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Shows a file or directory under its own path in the new root directory. A symbolic link stays a
/// symbolic link.
fn show(root: &Path, path: &Path) -> Result<()> {
    let Ok(meta) = path.symlink_metadata() else {
        return Ok(());
    };
    let place = join_below(root, path);
    if let Some(parent) = place.parent() {
        make_directory(parent)?;
    }
    if place.symlink_metadata().is_ok() {
        return Ok(());
    }
    let shown = if meta.is_symlink() {
        symlink(path.read_link()?, &place)
    } else if meta.is_dir() {
        fs::create_dir(&place)?;
        // A recursive bind includes what is mounted below: the kernel does not let a user uncover
        // what a mount covers.
        mount_bind_recursive(path, &place).map_err(io::Error::from)
    } else {
        fs::File::create(&place)?;
        mount_bind(path, &place).map_err(io::Error::from)
    };
    shown.with_context(|| format!("cannot show {}", path.display()))
}

/// Makes a directory and its missing parents, each searchable by every user.
fn make_directory(path: &Path) -> io::Result<()> {
    let missing = path.ancestors().take_while(|path| !path.exists());
    for path in missing.collect::<Vec<_>>().into_iter().rev() {
        fs::create_dir(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn make_devices(root: &Path) -> Result<()> {
    let dev = join_below(root, Path::new("/dev"));
    make_directory(&dev)?;
    for device in DEVICES {
        show(root, &Path::new("/dev").join(device))?;
    }
    symlink("/proc/self/fd", dev.join("fd"))?;
    // Servers share memory through `/dev/shm`; PostgreSQL's parallel workers need a multiple of
    // `work_mem`.
    let memory = dev.join("shm");
    fs::create_dir(&memory)?;
    mount_empty(&memory, c"mode=0755,size=25%,nr_inodes=4k")?;
    fs::set_permissions(&memory, Permissions::from_mode(0o1777))?;
    Ok(())
}

/// Gives the sandbox's user a name in `/etc/passwd` and `/etc/group`, because servers look up the
/// name of the user they run as.
fn name_user(root: &Path, work: &Path, user: u32) -> Result<()> {
    let home = work.display();
    for (file, lines) in [
        (
            "passwd",
            format!("root:x:0:0::/:/bin/false\n{USER}:x:{user}:{user}::{home}:/bin/false\n"),
        ),
        ("group", format!("root:x:0:\n{USER}:x:{user}:\n")),
    ] {
        let place = join_below(root, &Path::new("/etc").join(file));
        let own = root.join(format!(".{file}"));
        fs::write(&own, lines)?;
        fs::set_permissions(&own, Permissions::from_mode(0o644))?;
        if place.is_file() {
            mount_bind(&own, &place).with_context(|| format!("cannot replace /etc/{file}"))?;
        }
    }
    Ok(())
}

fn enter_root(root: &Path) -> io::Result<()> {
    std::env::set_current_dir(root)?;
    rustix::process::pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    std::env::set_current_dir("/")
}
