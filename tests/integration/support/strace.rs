//! The program under strace: which system calls it makes, in which order, and what it does when
//! one fails.

use std::fs;
use std::process::Command;

use super::{Env, PROGRAM, Run};

/// A system call as strace shows it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// The whole call with its result; a descriptor has its path beside it.
    pub(crate) text: String,
    /// Its place in the order of beginnings and ends.
    pub(crate) began: usize,
    pub(crate) ended: usize,
}

impl Call {
    /// It is `name`, of something whose text contains `what`, and it did not fail.
    pub(crate) fn is(&self, name: &str, what: &str) -> bool {
        self.name == name && self.text.contains(what) && !self.text.contains(" = -1 ")
    }
}

/// The program under strace with `options` (`-e inject=...`), to be run.
pub(crate) fn command(env: &Env, options: &[&str], args: &str) -> Command {
    let mut command = env.command("strace");
    command
        .args(["-f", "-qq", "-y", "-s", "64", "-o"])
        .arg(env.path("strace.out"))
        .args(options)
        .arg(PROGRAM)
        .args(args.split_whitespace());
    command
}

/// Runs the program under strace: how it ended, and the calls strace was to show.
pub(crate) fn run(env: &Env, options: &[&str], args: &str) -> (Run, Vec<Call>) {
    let run = Run::of(&mut command(env, options, args));
    (run, calls(env))
}

/// The calls of the last run, by their ends. Without those that never ended.
pub(crate) fn calls(env: &Env) -> Vec<Call> {
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
