//! Runs servers of other projects on this machine.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Returns a command that runs `program` as an unprivileged user if these tests run as root. The
/// program ends with the thread that starts it.
pub(crate) fn unprivileged(user: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
    }
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// Starts a server whose output goes to the file `log`, and waits until it is ready. Returns its process.
#[track_caller]
pub(crate) fn start_server(
    command: &mut Command,
    log: &Path,
    mut is_ready: impl FnMut() -> bool,
) -> Child {
    let output = std::fs::File::create(log).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output);
    let process = command.spawn().unwrap();
    let until = Instant::now() + Duration::from_mins(1);
    while !is_ready() {
        assert!(
            Instant::now() < until,
            "{}",
            std::fs::read_to_string(log).unwrap()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    process
}

/// Returns what a client printed, without the line ends at its end. Panics if the client failed to do
/// `work`.
#[track_caller]
pub(crate) fn read_printed(work: &str, output: Output) -> String {
    assert!(output.status.success(), "{work}: {output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.trim_end().to_owned()
}

/// Gives a directory to `user` if these tests run as root.
pub(crate) fn give_to(user: &str, path: &Path) {
    if rustix::process::geteuid().is_root() {
        let given = Command::new("chown").arg(user).arg(path).status();
        assert!(given.unwrap().success());
    }
}

/// Returns the path below `path` whose name is the highest number.
pub(crate) fn newest_below(path: &str) -> PathBuf {
    let entries = std::fs::read_dir(path).expect("the server is installed");
    let number = |path: &PathBuf| -> u32 {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.parse().unwrap_or(0)
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.max_by_key(number).expect("a version")
}

/// A process that is killed when this value is dropped.
pub(crate) struct KilledOnDrop(pub(crate) Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A disk that only programs in its mount namespace see.
pub(crate) struct SmallDisk(KilledOnDrop);

impl SmallDisk {
    /// Mounts a disk of `megabytes` MB at a directory that is made for it. Reports that the test
    /// is skipped and returns `None` if the system does not allow this.
    pub(crate) fn at(path: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir(path).unwrap();
        let script =
            format!("mount -t tmpfs -o size={megabytes}m,mode=777 none \"$0\"; exec sleep 3600");
        let mut holder = Command::new("unshare");
        holder.args(["--mount", "--propagation", "private", "sh", "-euc", &script]);
        let holder = holder.arg(path).stdin(Stdio::null()).spawn().unwrap();
        let mut disk = SmallDisk(KilledOnDrop(holder));
        let mounts = format!("/proc/{}/mounts", disk.0.0.id());
        let mounted = format!(" {} tmpfs ", path.display());
        let mut ended = None;
        wait_for("the disk", || {
            ended = disk.0.0.try_wait().unwrap();
            let mounts = std::fs::read_to_string(&mounts).unwrap_or_default();
            ended.is_some() || mounts.contains(&mounted)
        });
        if ended.is_some() {
            eprintln!("SKIPPED: no mount namespace can be made here");
            return None;
        }
        Some(disk)
    }

    /// Returns a command that runs the same program where it sees this disk.
    pub(crate) fn seen_by(&self, command: &Command) -> Command {
        let mut entering = Command::new("nsenter");
        if let Some(directory) = command.get_current_dir() {
            entering.arg(format!("--wdns={}", directory.display()));
        }
        entering
            .arg(format!("--mount=/proc/{}/ns/mnt", self.0.0.id()))
            .arg(command.get_program())
            .args(command.get_args());
        entering
    }
}
