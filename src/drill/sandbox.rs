//! The sandbox of one drill: a network namespace without any interface, separate processes, a root
//! directory that shows only programs and one work directory, a user that no other process runs
//! as, and no privileges.
//!
//! Root can make all of it. An ordinary user can make it where the system allows user namespaces,
//! and stays the same user. Where a system allows no namespaces (as in the systemd unit of the
//! drill, whose own sandbox does the same), [`Isolation`] says why and what is within reach, and the
//! other limits still hold.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::{Gid, Uid};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive,
    mount_change, unmount,
};
use rustix::process::{Resource, Rlimit, getegid, geteuid};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags};
use serde::{Deserialize, Serialize};

use super::reach::{self, Reach};
use crate::identity::Engine;

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
const SOCKETS: &str = "/sockets";
/// The number of processes and threads that the sandbox's user may have at once.
const PROCESSES: u64 = 2048;
/// The name of the sandbox's user in the sandbox's `/etc/passwd`.
const USER: &str = "dump-database-drill";

/// The user who works in the sandbox, and the directories it gets.
pub(super) struct SandboxUser<'a> {
    /// The number of the user to become; `None` to stay the same user.
    pub(super) user: Option<u32>,
    /// An empty directory on which the sandbox's root directory is mounted.
    pub(super) root: &'a Path,
    /// The work directory, which belongs to the user.
    pub(super) work: &'a Path,
    /// Programs besides those of the system: the directories of `PATH`, and this program.
    pub(super) programs: &'a [PathBuf],
}

/// What the sandbox keeps out, as far as the system allows.
pub(super) struct Isolation {
    /// The directory for sockets, whose path is short; `None` if the sandbox has no root
    /// directory.
    pub(super) sockets: Option<PathBuf>,
    /// What the sandbox does not keep out, and why; `None` if it keeps out everything.
    pub(super) open: Option<RootlessSandbox>,
}

/// A sandbox without a separate root directory.
pub(super) struct RootlessSandbox {
    /// The step that failed, and its error.
    pub(super) why: String,
    pub(super) reach: Reach,
    /// True if the drill runs as the user who started it, whom servers of this machine may trust.
    pub(super) is_same_user: bool,
}

impl Isolation {
    /// Refuses to run code of a dump that could log in to a server of this machine as the user who
    /// drills. An SQLite dump is not refused, because it names no server.
    ///
    /// # Errors
    /// When such a server is within reach.
    pub(super) fn refuse_trusted(&self, engine: Engine) -> Result<()> {
        let Some(open) = self.open.as_ref().filter(|open| open.is_same_user) else {
            return Ok(());
        };
        if let (Some(server), true) = (open.reach.servers.first(), engine != Engine::Sqlite) {
            bail!(
                "it was not drilled, because code in it could log in to the server at {} as user {}: \
                 the sandbox is not whole ({}); drill as root, or in a unit that hides the socket \
                 (InaccessiblePaths=-{})",
                server.display(),
                geteuid().as_raw(),
                open.why,
                server.parent().unwrap_or(server).display()
            );
        }
        Ok(())
    }
}

/// What the system allowed of the sandbox, before it runs anything.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SandboxSetup {
    /// True if the next process that this process starts is the first of a new process namespace.
    pub(super) has_own_processes: bool,
    /// The step that failed, and its error; `None` if the sandbox has a root directory.
    why: Option<String>,
    /// Why `/proc` of a sandbox with a root directory shows other processes; `None` if it does not.
    why_shown: Option<String>,
    /// The sockets of servers that were found before the network namespace was made; their paths
    /// need not be UTF-8.
    #[serde(skip)]
    pub(super) servers: BTreeSet<PathBuf>,
}

impl SandboxSetup {
    /// Makes `/proc` show only the processes of the sandbox. Call it in the process that runs the
    /// restore, before it becomes the sandbox's user.
    pub(super) fn hide_other_processes(&mut self) {
        if self.why.is_some() {
            return;
        }
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        // Without process numbers of its own, the sandbox shows the processes of its user only.
        let options = (!self.has_own_processes).then_some(c"hidepid=invisible");
        if let Err(error) = mount("proc", "/proc", "proc", flags, options) {
            self.why_shown = Some(format!("cannot mount /proc: {error}"));
        }
    }

    /// Returns what the sandbox keeps out. Call it after this process has become the sandbox's
    /// user.
    pub(super) fn isolation(self, inhabitant: &SandboxUser<'_>) -> Isolation {
        let has_root = self.why.is_none();
        let reach = |_: &String| match has_root {
            true => Reach::of_processes(),
            false => Reach::now(self.servers),
        };
        let why = self.why.or(self.why_shown);
        Isolation {
            sockets: has_root.then(|| PathBuf::from(SOCKETS)),
            open: why.map(|why| RootlessSandbox {
                reach: reach(&why),
                why,
                is_same_user: inhabitant.user.is_none(),
            }),
        }
    }
}

/// Makes the sandbox around this process, which must have only one thread.
///
/// # Errors
/// When the work directory cannot be made reachable for the user.
pub(super) fn build(inhabitant: &SandboxUser<'_>) -> Result<SandboxSetup> {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // The new network namespace no longer lists these sockets, but they stay within reach.
    let servers = reach::server_sockets();
    let (has_own_processes, separated) = separate();
    let built = separated.and_then(|()| build_root(inhabitant));
    if let (Err(_), Some(user)) = (&built, inhabitant.user) {
        // The user must pass through the parent of the work directory; other users must not.
        let way = inhabitant.work.parent().context("no way to it")?;
        std::os::unix::fs::chown(way, None, Some(user))?;
        fs::set_permissions(way, Permissions::from_mode(0o710))?;
    }
    Ok(SandboxSetup {
        has_own_processes,
        why: built.err().map(|error| format!("{error:#}")),
        why_shown: None,
        servers,
    })
}

fn limit(resource: Resource, most: u64) -> rustix::io::Result<()> {
    let now = rustix::process::getrlimit(resource).maximum;
    let most = Some(now.map_or(most, |now| now.min(most)));
    let limits = Rlimit {
        current: most,
        maximum: most,
    };
    rustix::process::setrlimit(resource, limits)
}

/// Enters new namespaces: mounts, network, System V IPC, and processes where the system allows
/// that; an ordinary user also gets a user namespace, in which it stays the same user. Returns
/// whether future children are in a new process namespace, and whether the other steps succeeded.
fn separate() -> (bool, Result<()>) {
    let context = "this system allows no namespaces";
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let mut flags = UnshareFlags::NEWNS | UnshareFlags::NEWNET | UnshareFlags::NEWIPC;
    if uid != 0 {
        flags |= UnshareFlags::NEWUSER;
    }
    let has_own_processes = unshare(flags | UnshareFlags::NEWPID).is_ok();
    if !has_own_processes && let Err(error) = unshare(flags) {
        return (false, Err(error).context(context));
    }
    let map = || {
        if uid != 0 {
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
            fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
        }
        io::Result::Ok(())
    };
    (has_own_processes, map().context(context))
}

/// Lets the programs that this process starts mount in the sandbox. An ordinary user's programs do
/// not get the privileges that this process has in its user namespace, unless they are "ambient"
/// (capabilities(7)). [`become_user`] gives them up.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn let_children_mount(inhabitant: &SandboxUser<'_>) -> Result<()> {
    if inhabitant.user.is_some() {
        return Ok(());
    }
    let mut sets = rustix::thread::capabilities(None)?;
    if !sets.permitted.contains(CapabilitySet::SYS_ADMIN) {
        return Ok(());
    }
    sets.inheritable |= CapabilitySet::SYS_ADMIN;
    rustix::thread::set_capabilities(None, sets)?;
    rustix::thread::configure_capability_in_ambient_set(CapabilitySet::SYS_ADMIN, true)?;
    Ok(())
}

#[expect(deprecated, reason = "only UnshareFlags::FILES makes it unsafe")]
fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    rustix::thread::unshare(flags)
}

/// Makes the sandbox's root directory and enters it.
fn build_root(inhabitant: &SandboxUser<'_>) -> Result<()> {
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
        let place = path_below(root, Path::new(place));
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
        std::os::unix::fs::chown(path_below(root, Path::new(SOCKETS)), Some(user), Some(user))?;
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
fn path_below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Shows a file or directory under its own path in the new root directory. A symbolic link stays a
/// symbolic link.
fn show(root: &Path, path: &Path) -> Result<()> {
    let Ok(meta) = path.symlink_metadata() else {
        return Ok(());
    };
    let place = path_below(root, path);
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
    let dev = path_below(root, Path::new("/dev"));
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
        let place = path_below(root, &Path::new("/etc").join(file));
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

/// Becomes the sandbox's user permanently: without groups, without capabilities, and in such a way
/// that no program can regain any.
///
/// # Errors
/// When it cannot become the user, give up a privilege, or enter the work directory.
pub(super) fn become_user(inhabitant: &SandboxUser<'_>) -> Result<()> {
    if let Some(user) = inhabitant.user {
        let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
        for capability in CapabilitySet::all() {
            match rustix::thread::remove_capability_from_bounding_set(capability) {
                // The kernel does not know every capability, or a container's root may not give it
                // up. The `no_new_privs` flag set below lets no program gain one.
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::PERM) | Ok(()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_res_gid(gid, gid, gid)?;
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        limit(Resource::Nproc, PROCESSES)?;
    }
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    // A unit that forbids this system call has no capabilities to give up.
    if rustix::thread::capabilities(None)? != none {
        rustix::thread::set_capabilities(None, none)?;
    }
    rustix::thread::set_no_new_privs(true)?;
    crate::secret::close_memory()?;
    match std::env::set_current_dir(inhabitant.work) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Err(error).with_context(|| {
                format!(
                    "user {} cannot enter {}",
                    geteuid().as_raw(),
                    inhabitant.work.display()
                )
            })
        }
        entered => Ok(entered?),
    }
}
