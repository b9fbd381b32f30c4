//! The `dump-database` program: parses the command line, runs the command, prints the error chain,
//! and exits.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use dump_database::cli::{Cli, Command, EXAMPLES, Output, Retention, ServerFormat};
#[cfg(feature = "copies")]
use dump_database::copy::{self, CopySelection};
use dump_database::directory::DirectoryInUse;
use dump_database::dump::RetentionChoice;
use dump_database::engine::access::Sessions;
use dump_database::engine::command::Program;
use dump_database::engine::parse_source;
use dump_database::exit::{Exit, UsageError};
use dump_database::header::LeftOut;
use dump_database::name::Format;
use dump_database::secret::{self, Secret};
use dump_database::stop::{self, Stopped};
use dump_database::{
    clock, drill, dump, list, logging, metrics, restore, rotate, status, survey, verify,
};

fn main() -> ExitCode {
    // This comes first: a drill's sandbox can be made only while the process has one thread.
    if drill::is_inside() {
        return drill::run_inside();
    }
    let parsed = Cli::command().try_get_matches().and_then(|matches| {
        let command = matches.subcommand();
        let keeps = command.is_some_and(|(_, matches)| Retention::is_given(matches));
        Ok((Cli::from_arg_matches(&matches)?, keeps))
    });
    let (cli, keeps) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return usage(&error).into(),
    };
    logging::start(cli.log);
    let only_prints = matches!(
        cli.command,
        Command::List(_) | Command::Completions { .. } | Command::Man { .. }
    );
    if let Err(error) = secret::close_memory() {
        log::debug!("passwords are not kept out of core dumps: {error}");
    }
    let ended = stop::listen().and_then(|()| run(cli.command, keeps));
    // If a signal stopped the work, the signal says more than the error that followed from it.
    if let Some(signal) = stop::signal() {
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

/// Runs the command. `keeps` is true if the user gave a retention policy.
#[allow(clippy::too_many_lines)] // one arm a command
fn run(command: Command, keeps: bool) -> Result<Exit> {
    match command {
        Command::Dump(args) => {
            let mut sources = args
                .sources
                .iter()
                .map(|text| parse_source(text).map_err(|why| UsageError::new(&why)))
                .collect::<Result<Vec<_>, _>>()?;
            if !args.program.is_empty() {
                sources.push(Arc::new(Program {
                    name: args.name.clone().unwrap_or_default(),
                    words: args.program,
                }));
            }
            let options = dump::DumpOptions {
                adopt: args.adopt,
                keep: if keeps {
                    RetentionChoice::By(args.retention.into())
                } else {
                    RetentionChoice::AsBefore
                },
                left_out: LeftOut::new(args.exclude_table, args.exclude_rows),
                skip_unchanged: args.skip_unchanged,
                metrics: args.metrics,
                ..options(args.output)?
            };
            let selection = dump::Selection {
                name: args.name,
                exclude: args.exclude,
                jobs: args.jobs,
            };
            dump::run(&sources, &selection, &options).map(exit_of_failures)
        }
        #[cfg(feature = "copies")]
        Command::Copy(args) => {
            let directories = default_paths(args.directories.clone())?;
            copy::run(&directories, &args.into()).map(exit_of_failures)
        }
        Command::List(args) => {
            #[cfg(feature = "copies")]
            if let Some(places) =
                CopySelection::from(args.copies).parse_locations(&args.directories)?
            {
                copy::list(&places, args.json)?;
                return Ok(Exit::Success);
            }
            let policy = keeps.then(|| args.retention.into());
            list::run(
                &default_paths(args.directories)?,
                policy.as_ref(),
                args.json,
            )?;
            Ok(Exit::Success)
        }
        Command::Status(args) => {
            #[cfg(feature = "copies")]
            if let Some(places) =
                CopySelection::from(args.copies).parse_locations(&args.directories)?
            {
                return copy::status(&places, args.max_age, args.json).map(exit_of_failures);
            }
            let directories = default_paths(args.directories)?;
            let now = clock::now();
            let rows = status::rows(&directories, args.max_age, args.trust_records, now);
            #[cfg(feature = "copies")]
            let mut rows = rows;
            #[cfg(feature = "copies")]
            let added = args.record.add_to(&mut rows);
            #[cfg(not(feature = "copies"))]
            let added: Result<()> = Ok(());
            if let Some(file) = &args.metrics {
                metrics::write(file, &rows)?;
            }
            added?;
            let bad = status::print(&rows, args.json, now)?;
            if !args.no_survey {
                survey::warn_of_record(&args.survey, now);
            }
            Ok(exit_of_failures(bad))
        }
        Command::Survey(args) => survey::run(&survey::SurveyOptions {
            places: args.places,
            dumps: args.dumps,
            ignored: args.ignore,
            timeout: args.timeout,
            record: args.record,
            json: args.json,
        })
        .map(exit_of_failures),
        Command::Verify(args) => {
            #[cfg(feature = "copies")]
            {
                let reading = CopySelection::from(args.copies);
                if let Some(places) = reading.parse_locations(&args.paths)? {
                    let identities = reading.identities()?;
                    let failed =
                        copy::verify(&places, identities.as_ref(), args.timeout, args.json)?;
                    return Ok(exit_of_failures(failed));
                }
            }
            verify::run(&default_paths(args.paths)?, args.timeout, args.json).map(exit_of_failures)
        }
        Command::Restore(args) => {
            #[cfg(feature = "copies")]
            let copies = CopySelection {
                name: args.name.clone(),
                ..args.copies.into()
            };
            #[cfg(feature = "copies")]
            let places = copies.parse_locations(std::slice::from_ref(&args.dump))?;
            let options = restore::RestoreOptions {
                replace: match (args.replace, args.into_empty) {
                    (true, _) if args.without_saving => restore::ReplaceMode::Unsaved,
                    (true, _) if args.save_partly => restore::ReplaceMode::SavedPartly,
                    (true, _) => restore::ReplaceMode::Saved,
                    (false, true) => restore::ReplaceMode::Empty,
                    (false, false) => restore::ReplaceMode::No,
                },
                keep_going: args.keep_going,
                no_owner: args.no_owner,
                dump: options(args.output)?,
            };
            let from = restore::RequestedDump {
                path: args.dump,
                name: args.name,
            };
            let target = parse_source(&args.target).map_err(|why| UsageError::new(&why))?;
            #[cfg(feature = "copies")]
            if let Some([place]) = places.as_deref() {
                let identities = copies.identities()?;
                return copy::restore(place, identities.as_ref(), target.as_ref(), &options)
                    .map(exit_of_failures);
            }
            restore::run(&from, target.as_ref(), &options).map(exit_of_failures)
        }
        Command::Drill(args) => {
            let options = drill::DrillOptions {
                sample: args.sample,
                scratch: args.scratch,
                timeout: args.timeout,
                json: args.json,
            };
            #[cfg(feature = "copies")]
            {
                let copies = CopySelection::from(args.copies);
                if let Some(places) = copies.parse_locations(&args.paths)? {
                    let identities = copies.identities()?;
                    return copy::drill(&places, identities.as_ref(), &options)
                        .map(exit_of_failures);
                }
            }
            drill::run(&default_paths(args.paths)?, &options).map(exit_of_failures)
        }
        Command::Rotate(args) => {
            let policy = keeps.then(|| args.retention.into());
            #[cfg(feature = "copies")]
            if let Some(path) = &args.directory
                && let Some(places) =
                    CopySelection::from(args.copies).parse_locations(std::slice::from_ref(path))?
            {
                let policy = policy.ok_or_else(|| {
                    UsageError::new("a destination has no record of a retention policy; give it with --keep and the other retention flags")
                })?;
                copy::rotate(&places, &policy, args.dry_run)?;
                return Ok(Exit::Success);
            }
            let directory = directory(args.directory)?;
            match args.forget {
                Some(database) => rotate::forget(&directory, &database)?,
                None if args.dry_run => rotate::explain_all(&directory, policy.as_ref())?,
                None => rotate::run(&directory, policy.as_ref())?,
            }
            Ok(Exit::Success)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "dump-database", &mut script);
            // For bash, clap_complete spells a name with a hyphen in two ways (clap-rs/clap#6421).
            let script = String::from_utf8(script)?;
            let script = script.replace("dump__subcmd__database", "dump__database");
            io::stdout().write_all(script.as_bytes())?;
            Ok(Exit::Success)
        }
        Command::Man { command } => {
            let mut page = Vec::new();
            match command {
                None => dump_database::man::page(&mut page)?,
                Some(command) if dump_database::man::page_of(&command, &mut page)? => {}
                Some(command) => {
                    return Err(UsageError::new(&format!("there is no command {command}")).into());
                }
            }
            io::stdout().write_all(&page)?;
            Ok(Exit::Success)
        }
    }
}

/// Returns true if another run copies to the same destination.
fn is_destination_in_use(error: &anyhow::Error) -> bool {
    #[cfg(feature = "copies")]
    return error.is::<copy::DestinationInUse>();
    #[cfg(not(feature = "copies"))]
    {
        let _ = error;
        false
    }
}

fn exit_of_failures(failed: usize) -> Exit {
    match failed {
        0 => Exit::Success,
        _ => Exit::Failure,
    }
}

fn options(output: Output) -> Result<dump::DumpOptions> {
    Ok(dump::DumpOptions {
        to: directory(output.to)?,
        adopt: false,
        keep: RetentionChoice::Everything,
        skip_unchanged: false,
        left_out: LeftOut::default(),
        metrics: None,
        method: output.compress,
        threads: output.threads.unwrap_or_else(dump::default_threads),
        timeout: output.timeout,
        full_check: output.full_check,
        busy_timeout: output.busy_timeout,
        format: match output.format {
            ServerFormat::Plain => Format::Sql,
            ServerFormat::Custom => Format::Pgdump,
        },
        sessions: Sessions {
            number: output.sessions,
            large_table: output.large_table,
        },
        password: match &output.password_file {
            Some(path) => Some(Secret::from_file(path)?),
            None => None,
        },
    })
}

fn default_paths(paths: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    if paths.is_empty() {
        return Ok(vec![directory(None)?]);
    }
    Ok(paths)
}

/// Returns the given directory, else systemd's `$STATE_DIRECTORY`, else `./dump`.
fn directory(given: Option<PathBuf>) -> Result<PathBuf> {
    if let Some(path) = given {
        return Ok(path);
    }
    match std::env::var_os("STATE_DIRECTORY").filter(|value| !value.is_empty()) {
        Some(value) if value.as_encoded_bytes().contains(&b':') => Err(UsageError::new(
            "$STATE_DIRECTORY lists several directories; choose one with --to",
        )
        .into()),
        Some(value) => Ok(PathBuf::from(value)),
        None => Ok(PathBuf::from("dump")),
    }
}

fn is_closed_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
    kind == Some(io::ErrorKind::BrokenPipe)
}

/// Prints help and version on stdout, a short help for an empty command line on stderr, and any
/// other error as one sentence on stderr. Returns the exit status.
fn usage(error: &clap::Error) -> Exit {
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
