//! The user who works in a sandbox, and the privileges that this user does not have.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{Gid, Uid};
use rustix::process::{Resource, Rlimit, geteuid};
use rustix::thread::{CapabilitySet, CapabilitySets};

/// The number of processes and threads that the sandbox's user may have at once.
const PROCESSES: u64 = 2048;

/// The user who works in the sandbox, and the directories it gets.
pub(in super::super) struct SandboxUser<'a> {
    /// The number of the user to become; `None` to stay the same user.
    pub(in super::super) user: Option<u32>,
    /// An empty directory on which the sandbox's root directory is mounted.
    pub(in super::super) root: &'a Path,
    /// The work directory, which belongs to the user.
    pub(in super::super) work: &'a Path,
    /// Programs besides those of the system: the directories of `PATH`, and this program.
    pub(in super::super) programs: &'a [PathBuf],
}

/// Lets the programs that this process starts mount in the sandbox. An ordinary user's programs do
/// not get the privileges that this process has in its user namespace, unless they are "ambient"
/// (capabilities(7)). [`become_user`] gives them up.
///
/// # Errors
/// When the kernel refuses.
pub(in super::super) fn let_children_mount(inhabitant: &SandboxUser<'_>) -> Result<()> {
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

/// Becomes the sandbox's user permanently: without groups, without capabilities, and in such a way
/// that no program can regain any.
///
/// # Errors
/// When it cannot become the user, give up a privilege, or enter the work directory.
pub(in super::super) fn become_user(inhabitant: &SandboxUser<'_>) -> Result<()> {
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

fn limit(resource: Resource, most: u64) -> rustix::io::Result<()> {
    let now = rustix::process::getrlimit(resource).maximum;
    let most = Some(now.map_or(most, |now| now.min(most)));
    let limits = Rlimit {
        current: most,
        maximum: most,
    };
    rustix::process::setrlimit(resource, limits)
}
