//! Passes an open file to a child.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use rustix::io::FdFlags;

const DESCRIPTORS: &str = if cfg!(target_os = "linux") {
    "/proc/self/fd"
} else {
    "/dev/fd"
};

/// Lets the program that `command` starts inherit `file`; no other program inherits it. Returns the
/// path under which that program and the programs that it starts can open the file.
#[expect(
    unsafe_code,
    reason = "only between fork and exec does a descriptor become the one child's"
)]
pub fn pass(command: &mut Command, file: Arc<File>) -> PathBuf {
    let path = PathBuf::from(DESCRIPTORS).join(file.as_raw_fd().to_string());
    let keep_open = move || Ok(rustix::io::fcntl_setfd(&file, FdFlags::empty())?);
    // SAFETY: between fork and exec `keep_open` makes one system call and neither allocates nor
    // locks.
    unsafe {
        command.pre_exec(keep_open);
    }
    path
}
