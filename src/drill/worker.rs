//! The processes of a drill that work in its sandbox.
//!
//! Where the system allows it, they are in a process namespace (`pid_namespaces(7)`): the second
//! process makes the sandbox, starts the third process and waits for it. The third process is the
//! first one of the namespace, so when it ends for any reason, the kernel kills every other
//! process there. The third process ends with the second process, and the second process ends with
//! the first.
//!
//! Elsewhere the second process restores the dump itself. It gets a signal when the first process
//! ends, and before it ends it kills the processes that it started and that still run.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, Signal, getpid, getppid, set_child_subreaper, set_parent_process_death_signal,
};

use super::inside;
use super::leftovers::end_children;
use super::sandbox::{self, Isolation, SandboxSetup, SandboxUser};
use crate::logging;
use crate::stop;

/// The `argv[0]` by which the second and the third process recognize themselves.
pub(super) const SECOND: &str = "dump-database-drill";
const THIRD: &str = "dump-database-drill-init";

/// Returns true if this is the second or the third process.
#[must_use]
pub fn is_inside() -> bool {
    is_named(SECOND) || is_named(THIRD)
}

fn is_named(name: &str) -> bool {
    std::env::args_os().next().is_some_and(|own| own == name)
}

/// Runs the second or the third process: enters the sandbox, restores the dump on stdin, and
/// prints what it found on stdout. Returns the exit status.
#[must_use]
pub fn run_inside() -> ExitCode {
    let ended = if is_named(THIRD) {
        run_third_process()
    } else {
        run_second_process()
    };
    ended.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "<3>{error:#}");
        ExitCode::FAILURE
    })
}

/// The arguments of the second process.
struct Arguments {
    all: Vec<OsString>,
    level: log::LevelFilter,
    timeout: Duration,
    user: Option<u32>,
    root: PathBuf,
    work: PathBuf,
    programs: Vec<PathBuf>,
}

impl Arguments {
    fn read(arguments: impl Iterator<Item = OsString>) -> Result<Self> {
        let all: Vec<_> = arguments.collect();
        let [level, timeout, user, root, work, programs @ ..] = &all[..] else {
            bail!("the drill's process lacks an argument");
        };
        let (Some(level), Some(timeout), Some(user)) =
            (level.to_str(), timeout.to_str(), user.to_str())
        else {
            bail!("an argument of the drill's process is not UTF-8");
        };
        Ok(Arguments {
            level: level.parse().unwrap_or(log::LevelFilter::Info),
            timeout: Duration::from_millis(timeout.parse()?),
            user: user.parse().ok(),
            root: root.into(),
            work: work.into(),
            programs: programs.iter().map(PathBuf::from).collect(),
            all,
        })
    }

    fn sandbox_user(&self) -> SandboxUser<'_> {
        SandboxUser {
            user: self.user,
            root: &self.root,
            work: &self.work,
            programs: &self.programs,
        }
    }
}

fn run_second_process() -> Result<ExitCode> {
    close_inherited().context("cannot close the files that the drill's caller left open")?;
    be_killed_first();
    let parent = getppid();
    let arguments = Arguments::read(std::env::args_os().skip(1))?;
    let inhabitant = arguments.sandbox_user();
    let mut built = sandbox::build(&inhabitant)?;
    if built.has_own_processes {
        sandbox::let_children_mount(&inhabitant)?;
        let third = start_third(&arguments, &built)?;
        sandbox::become_user(&inhabitant).context("cannot drop privileges")?;
        end_with(parent, Signal::KILL)?;
        stop::listen()?;
        return wait_for(third);
    }
    set_child_subreaper(Some(getpid()))?;
    built.hide_other_processes();
    sandbox::become_user(&inhabitant).context("cannot drop privileges")?;
    end_with(parent, Signal::TERM)?;
    let walls = built.describe_isolation(&inhabitant);
    let printed = restore(&arguments, &walls);
    end_children();
    printed
}

/// Closes all descriptors but those of stdin, stdout and stderr: the process that started the drill may have
/// left others open, and every process of the drill would inherit them.
#[expect(
    unsafe_code,
    reason = "only a descriptor that no value owns can be closed by its number"
)]
fn close_inherited() -> std::io::Result<()> {
    let mut numbers: Vec<RawFd> = Vec::new();
    // An entry keeps the list open, so none is kept.
    for entry in std::fs::read_dir("/proc/self/fd")? {
        numbers.extend(
            entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<RawFd>().ok()),
        );
    }
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // SAFETY: this is the first thing that this process does, so no value owns the descriptor.
        // The list's own descriptor is closed already; its number is then unused, and this process
        // has one thread only.
        unsafe {
            if rustix::io::fcntl_getfd(BorrowedFd::borrow_raw(number)).is_ok() {
                rustix::io::close(number);
            }
        }
    }
    Ok(())
}

/// Makes the kernel end the processes of the drill before any other process when memory runs out.
/// A process may always raise this number (proc(5), `oom_score_adj`).
fn be_killed_first() {
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "1000") {
        log::debug!("cannot write /proc/self/oom_score_adj: {error}");
    }
}

fn start_third(arguments: &Arguments, built: &SandboxSetup) -> Result<Child> {
    let mut third = Command::new("/proc/self/exe");
    third.arg0(THIRD).arg(serde_json::to_string(built)?);
    third.arg(built.servers.len().to_string());
    third.args(&built.servers);
    let third = third.args(&arguments.all).spawn();
    third.context("cannot start the drill's third process")
}

/// Makes the kernel send `signal` to this process when its parent ends. A change of user undoes
/// this.
fn end_with(parent: Option<Pid>, signal: Signal) -> Result<()> {
    set_parent_process_death_signal(Some(signal))?;
    ensure!(getppid() == parent, "the drill was killed");
    Ok(())
}

fn wait_for(mut third: Child) -> Result<ExitCode> {
    let status = third.wait()?;
    if let Some(signal) = status.signal() {
        bail!("signal {signal} ended the drill's process");
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn run_third_process() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let built = arguments.next().unwrap_or_default();
    let mut built: SandboxSetup = serde_json::from_slice(built.as_encoded_bytes())?;
    let servers = arguments.next().unwrap_or_default();
    let servers = servers.to_string_lossy().parse()?;
    let servers = arguments.by_ref().take(servers);
    built.servers = servers.map(PathBuf::from).collect();
    let arguments = Arguments::read(arguments)?;
    let inhabitant = arguments.sandbox_user();
    built.hide_other_processes();
    sandbox::become_user(&inhabitant).context("cannot drop privileges")?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The second process has no number in this namespace, so `getppid` cannot say whether it still
    // runs. It ends with the first process, which reads the stdout of this one.
    ensure!(has_reader()?, "the drill was killed");
    restore(&arguments, &built.describe_isolation(&inhabitant))
}

fn has_reader() -> Result<bool> {
    let stdout = std::io::stdout();
    let mut ends = [PollFd::new(&stdout, PollFlags::empty())];
    poll(&mut ends, Some(&Timespec::default()))?;
    Ok(!ends[0].revents().contains(PollFlags::ERR))
}

/// Restores the dump on stdin and prints what it found.
fn restore(arguments: &Arguments, walls: &Isolation) -> Result<ExitCode> {
    logging::start_for_parent(arguments.level);
    stop::listen()?;
    let dump = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let finding = inside::restore(&dump, &arguments.work, walls, arguments.timeout);
    std::io::stdout().write_all(&serde_json::to_vec(&finding)?)?;
    Ok(ExitCode::SUCCESS)
}
