//! Writes messages to stderr, for people or for the journal.

use std::io::{self, Write};
use std::os::fd::AsFd;

use env_logger::{Builder, Target, WriteStyle};
use log::{Level, LevelFilter};

use crate::human::escape;
use crate::progress;

/// Starts to send messages of `level` and above to stderr, each as one line whatever it contains.
/// If stderr is the journal, each line begins with its priority (sd-daemon(3)). Otherwise each line
/// that is not plain information begins with its level in words.
pub fn start(level: LevelFilter) {
    let mut builder = make_builder(level);
    if is_journal() {
        write_priorities(&mut builder);
    } else {
        let coloured = io::IsTerminal::is_terminal(&io::stderr())
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        // env_logger takes the target for a pipe, because of the progress bars, and strips the
        // colours from a pipe for every style but Always.
        builder.write_style(WriteStyle::Always);
        builder.format(move |out, record| {
            let (word, colour) = match record.level() {
                Level::Error => ("error: ", "31"),
                Level::Warn => ("warning: ", "33"),
                Level::Info => ("", ""),
                Level::Debug => ("debug: ", "2"),
                Level::Trace => ("trace: ", "2"),
            };
            let line = escape(&record.args().to_string());
            if coloured && !colour.is_empty() {
                writeln!(out, "\x1b[{colour}m{word}\x1b[0m{line}")
            } else {
                writeln!(out, "{word}{line}")
            }
        });
    }
    builder.init();
}

/// Starts to send messages of `level` and above to a parent process, which reads the priority of
/// each line.
pub fn start_for_parent(level: LevelFilter) {
    let mut builder = make_builder(level);
    write_priorities(&mut builder);
    builder.init();
}

fn make_builder(level: LevelFilter) -> Builder {
    let mut builder = Builder::new();
    builder
        .filter_level(level)
        .target(Target::Pipe(Box::new(Stderr)));
    if cfg!(feature = "copies") {
        // Libraries that speak to a network could show secrets at the lower levels.
        builder
            .filter_level(level.min(LevelFilter::Warn))
            .filter_module("dump_database", level);
    }
    builder
}

fn write_priorities(builder: &mut Builder) {
    builder.write_style(WriteStyle::Never);
    builder.format(|out, record| {
        let priority = match record.level() {
            Level::Error => 3,
            Level::Warn => 4,
            Level::Info => 6,
            Level::Debug | Level::Trace => 7,
        };
        let line = escape(&record.args().to_string());
        writeln!(out, "<{priority}>{line}")
    });
}

/// Returns true if stderr is the stream that `JOURNAL_STREAM` names (systemd.exec(5)). A child
/// whose stderr goes elsewhere inherits the variable too.
fn is_journal() -> bool {
    let named = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    rustix::fs::fstat(io::stderr().as_fd())
        .is_ok_and(|stat| named == format!("{}:{}", stat.st_dev, stat.st_ino))
}

struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        progress::hide_bars_while(|| io::stderr().write_all(line)).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
