//! The sandbox of one drill: a network namespace without any interface, separate processes, a root
//! directory that shows only programs and one work directory, a user that no other process runs
//! as, and no privileges.
//!
//! Root can make all of it. An ordinary user can make it where the system allows user namespaces,
//! and stays the same user. Where a system allows no namespaces (as in the systemd unit of the
//! drill, whose own sandbox does the same), [`Isolation`] says why and what is within reach, and the
//! other limits still hold.

mod inhabitant;
mod root;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use rustix::mount::{MountFlags, mount};
use rustix::process::{getegid, geteuid};
use rustix::thread::UnshareFlags;
use serde::{Deserialize, Serialize};

use super::reach::{self, Reach};
use crate::identity::Engine;
pub(super) use inhabitant::{SandboxUser, become_user, let_children_mount};
use root::{SOCKETS, enter_new_root};

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
        // Without a PID namespace, the sandbox shows the processes of its user only.
        let options = (!self.has_own_processes).then_some(c"hidepid=invisible");
        if let Err(error) = mount("proc", "/proc", "proc", flags, options) {
            self.why_shown = Some(format!("cannot mount /proc: {error}"));
        }
    }

    /// Returns what the sandbox keeps out. Call it after this process has become the sandbox's
    /// user.
    pub(super) fn describe_isolation(self, inhabitant: &SandboxUser<'_>) -> Isolation {
        let has_root = self.why.is_none();
        let reach = |_: &String| {
            if has_root {
                Reach::measure_processes()
            } else {
                Reach::measure(self.servers)
            }
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
    let servers = reach::list_server_sockets();
    let (has_own_processes, separated) = separate();
    let built = separated.and_then(|()| enter_new_root(inhabitant));
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

#[expect(deprecated, reason = "only UnshareFlags::FILES makes it unsafe")]
fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    rustix::thread::unshare(flags)
}
