//! The program under strace: the system calls it makes, their order, and what it does when one of
//! them fails.

use std::fs;
use std::process::Command;

use super::{Env, PROGRAM, Run};

/// A system call as strace prints it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// The whole call with its result; each descriptor is followed by its path.
    pub(crate) text: String,
    /// The positions of its start and its end in the order of all starts and ends.
    pub(crate) began: usize,
    pub(crate) ended: usize,
}

impl Call {
    /// Returns true if the call is `name`, its text contains `what`, and it did not fail.
    pub(crate) fn is(&self, name: &str, what: &str) -> bool {
        self.name == name && self.text.contains(what) && !self.text.contains(" = -1 ")
    }
}

/// The calls that strace traces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Traced {
    All,
    /// The calls on the dump directory itself, and on names in it.
    Directory,
    /// The calls on the run's temporary file of this number. In the rollback-journal modes, file 0
    /// is the copy of the database, and file 1 is the dump.
    Temporary(u32),
    /// The calls on this file of the test.
    File(&'static str),
}

/// Returns a command that runs the program under strace with `faults`, such as
/// `CALL:error=ERRNO:when=N`, in the form that strace expects. strace counts the calls of each
/// thread from 1. The command's process is the program itself, and strace is its child.
pub(crate) fn command(env: &Env, of: Traced, faults: &[&str], args: &str) -> Command {
    let calls: Vec<_> = faults
        .iter()
        .filter_map(|fault| fault.split(':').next())
        .collect();
    trace_command(env, of, &calls.join(","), faults, args)
}

fn trace_command(env: &Env, of: Traced, calls: &str, faults: &[&str], args: &str) -> Command {
    let paths = match of {
        Traced::All => String::new(),
        Traced::Directory => "-P \"$PWD/dump\"".to_owned(),
        Traced::File(name) => format!("-P \"$PWD/{name}\" -P {name}"),
        Traced::Temporary(number) => {
            let name = format!("\".dump-database-$(uname -n)-$$-{number}.tmp\"");
            format!("-P \"$PWD\"/dump/{name} -P {name}")
        }
    };
    let how = "-D -f -qq -y -s 64 -o strace.out";
    // The program is not dumpable: only the root of its user namespace may see its
    // files.
    let caps = if rustix::process::geteuid().is_root() {
        ""
    } else {
        "unshare --user --map-root-user"
    };
    let mut command = env.command("sh");
    command.args([
        "-c",
        &format!("exec {caps} strace {how} {paths} \"$@\""),
        "sh",
    ]);
    command.args(["-e", &format!("trace={calls}")]);
    for fault in faults {
        command.args(["-e", &format!("inject={fault}")]);
    }
    command.arg(PROGRAM).args(args.split_whitespace());
    command
}

/// Runs the program under strace. Returns how it ended, and `calls` in the order of their ends,
/// without those that never ended.
pub(crate) fn run(env: &Env, calls: &str, faults: &[&str], args: &str) -> (Run, Vec<Call>) {
    let run = Run::finish(&mut trace_command(env, Traced::All, calls, faults, args));
    (run, parse(env))
}

fn parse(env: &Env) -> Vec<Call> {
    let text = fs::read_to_string(env.path("strace.out")).expect("strace is installed and works");
    let mut begun: Vec<(&str, &str, usize)> = Vec::new();
    let mut calls = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some((pid, what)) = line.split_once(' ') else {
            continue;
        };
        let what = what.trim_start();
        if let Some(start) = what.strip_suffix(" <unfinished ...>") {
            begun.push((pid, start, at));
        } else if let Some(end) = what.strip_prefix("<... ") {
            let place = begun.iter().rposition(|(other, ..)| *other == pid);
            let (_, start, began) = begun.remove(place.expect("a beginning for each end"));
            let end = end.split_once("resumed>").map_or("", |(_, end)| end);
            calls.push(call(format!("{start}{end}"), began, at));
        } else {
            calls.push(call(what.to_owned(), at, at));
        }
    }
    calls
}

fn call(text: String, began: usize, ended: usize) -> Call {
    let name = text.split('(').next().unwrap_or_default().to_owned();
    Call {
        name,
        text,
        began,
        ended,
    }
}
