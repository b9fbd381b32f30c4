//! The outer part of a drill: this program starts itself a second time, gives the second process a
//! dump and a directory, and reads what that process found. Only the second process and those it
//! starts (`drill/worker.rs`) read the content of the dump, and only in the sandbox.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::finding::Finding;
use super::scratch::Scratch;
use super::user::FreshUser;
use super::worker::SECOND;
use crate::child::Child;
use crate::header::Header;
use crate::stop::Stop;

/// The time that the second process may take to stop its server.
const GRACE: Duration = Duration::from_secs(10);
const LONGEST_FINDING: u64 = 16 << 20;
/// The directories next to a directory of programs that hold what these programs need.
const BESIDE_PROGRAMS: [&str; 6] = ["lib", "lib32", "lib64", "libexec", "sbin", "share"];
/// The environment variables that the second process inherits.
const INHERITED: [&str; 7] = [
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "LOCALE_ARCHIVE",
    "RUST_BACKTRACE",
    "TZ",
    "TZDIR",
];

/// Restores a dump in the sandbox, in a new directory below `scratch`, and compares it with the
/// facts in its header.
///
/// # Errors
/// When the dump has no readable header, the sandbox cannot be made, the drill is stopped, or the
/// second process does not report what it found.
pub(super) fn restore(
    dump: &File,
    scratch: Option<&Path>,
    timeout: Duration,
    stop: Stop,
) -> Result<Finding> {
    let header = read_header(dump).context("it is not a complete dump")?;
    let taken = if rustix::process::geteuid().is_root() {
        Some(FreshUser::take()?)
    } else {
        None
    };
    let id = taken.as_ref().map(|user| user.id);
    let scratch = Scratch::new(scratch, header.bytes, id)?;
    // This variable is declared after the directory, so it is dropped first, also after an error:
    // a process of this user that still ran would write into the directory while it is removed.
    let _user = taken;
    let mut command = build_command(&scratch, id, timeout)?;
    let mut child = Child::filter(&mut command, "drill", dump.try_clone()?, stop)?;
    child.relay_log(GRACE);
    let mut said = Vec::new();
    let read = (&mut child).take(LONGEST_FINDING).read_to_end(&mut said);
    stop.check()?;
    read.context("the drill's process cannot be read")?;
    child.finish()?;
    serde_json::from_slice(&said).context("the drill's process ended without a result")
}

fn read_header(dump: &File) -> Result<Header> {
    struct StartReader<'a>(&'a File, u64);
    impl Read for StartReader<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let read = self.0.read_at(buffer, self.1)?;
            self.1 += read as u64;
            Ok(read)
        }
    }
    let (header, ..) = Header::read(&mut BufReader::new(StartReader(dump, 0)))?;
    Ok(header)
}

fn build_command(scratch: &Scratch, user: Option<u32>, timeout: Duration) -> Result<Command> {
    let program = std::env::current_exe().context("cannot find this program's executable file")?;
    let mut command = Command::new(if cfg!(target_os = "linux") {
        Path::new("/proc/self/exe")
    } else {
        &program
    });
    // `PATH` gets the real directories of programs, not symbolic links to them: the sandbox does
    // not have these links.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).filter_map(|place| place.canonicalize().ok());
    let places: Vec<_> = places.collect();
    command.arg0(SECOND).env_clear();
    command.env("PATH", std::env::join_paths(&places)?);
    command
        .env("HOME", &scratch.work)
        .env("TMPDIR", &scratch.work);
    for name in INHERITED {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.arg(log::max_level().to_string());
    command.arg(timeout.as_millis().to_string());
    command.arg(user.map_or("-".to_owned(), |user| user.to_string()));
    command.arg(&scratch.root).arg(&scratch.work);
    let mut shown = vec![program];
    for place in places {
        for name in BESIDE_PROGRAMS {
            shown.extend(place.parent().map(|parent| parent.join(name)));
        }
        shown.push(place);
    }
    command.args(shown);
    Ok(command)
}
