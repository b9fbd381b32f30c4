//! The `dump-database` program: parses the command line, runs the command, prints the error chain,
//! and exits.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use dump_database::cli::{Cli, Command, EXAMPLES, RetentionArgs};
use dump_database::directory::DirectoryInUse;
use dump_database::exit::{Exit, UsageError};
use dump_database::stop::{self, Stopped};
use dump_database::{drill, logging, secret};

fn main() -> ExitCode {
    // This comes first: a drill's sandbox can be made only while the process has one thread.
    if drill::is_inside() {
        return drill::run_inside();
    }
    let parsed = Cli::command().try_get_matches().and_then(|matches| {
        let command = matches.subcommand();
        let has_policy = command.is_some_and(|(_, matches)| RetentionArgs::is_given(matches));
        Ok((Cli::from_arg_matches(&matches)?, has_policy))
    });
    let (cli, has_policy) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return print_usage(&error).into(),
    };
    logging::start(cli.log);
    let only_prints = matches!(
        cli.command,
        Command::List(_) | Command::Completions { .. } | Command::Man { .. }
    );
    if let Err(error) = secret::close_memory() {
        log::debug!("passwords are not kept out of core dumps: {error}");
    }
    let ended = stop::listen().and_then(|()| cli.command.run(has_policy));
    // If a signal stopped the work, the signal says more than the error that followed from it.
    if let Some(signal) = stop::get_signal() {
        log::error!("{}", Stopped::Signal(signal));
        stop::die_by(signal);
    }
    let exit = ended.unwrap_or_else(|error| {
        // The reader of the output has seen enough. For other commands a closed pipe is a failure.
        if only_prints && error.chain().any(is_closed_pipe) {
            return Exit::Success;
        }
        log::error!("{error:#}");
        if error.is::<DirectoryInUse>() || is_destination_in_use(&error) {
            Exit::Held
        } else if error.is::<UsageError>() {
            Exit::Usage
        } else {
            Exit::Failure
        }
    });
    exit.into()
}

/// Returns true if another run copies to the same destination.
fn is_destination_in_use(error: &anyhow::Error) -> bool {
    #[cfg(feature = "copies")]
    return error.is::<dump_database::copy::DestinationInUse>();
    #[cfg(not(feature = "copies"))]
    {
        let _ = error;
        false
    }
}

fn is_closed_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
    kind == Some(io::ErrorKind::BrokenPipe)
}

/// Prints help and version on stdout, a short help for an empty command line on stderr, and any
/// other error as one sentence on stderr. Returns the exit status.
fn print_usage(error: &clap::Error) -> Exit {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        let _ = error.print();
        return Exit::Success;
    }
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand
    ) {
        let expected = "error: expected a command, such as dump, list or restore";
        let more = "dump-database --help lists every command.";
        let _ = writeln!(io::stderr(), "{expected}\n\n{EXAMPLES}\n\n{more}");
        return Exit::Usage;
    }
    let sentence = error
        .to_string()
        .lines()
        .take_while(|line| !line.starts_with("Usage:"))
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
        .fold(String::new(), |sentence, line| {
            let joint = match sentence.chars().last() {
                None => "",
                Some(':') => " ",
                Some(_) => "; ",
            };
            sentence + joint + line
        });
    let _ = writeln!(io::stderr(), "{sentence} (see dump-database --help)");
    Exit::Usage
}
