//! The command line: a file a command, with its flags, their help, and what they ask of the program.

#[cfg(feature = "copies")]
mod copies;
#[cfg(feature = "copies")]
mod copy;
mod default_directory;
mod drill;
mod dump;
mod list;
mod output;
mod restore;
mod retention;
mod rotate;
mod status;
mod survey;
mod verify;

use std::io::{self, Write};
use std::sync::OnceLock;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};
use log::LevelFilter;

use crate::exit::{Exit, UsageError};
use crate::man;

#[cfg(feature = "copies")]
pub use copies::{CopyFilter, CopySource, RecordOfCopies};
#[cfg(feature = "copies")]
pub use copy::CopyArgs;
pub use drill::DrillArgs;
pub use dump::DumpArgs;
pub use list::ListArgs;
pub use output::{OutputArgs, ServerFormat};
pub use restore::RestoreArgs;
pub use retention::RetentionArgs;
pub use rotate::RotateArgs;
pub use status::StatusArgs;
pub use survey::SurveyArgs;
pub use verify::VerifyArgs;

/// Three commands to begin with, for the help and for a command line without a command.
pub const EXAMPLES: &str = "\
Examples:
  dump-database dump shop.db             Dump an SQLite database into ./dump
  dump-database dump postgresql:///      Dump every database of the local PostgreSQL server
  dump-database restore dump shop2.db    Restore the newest dump in ./dump into a new file";

/// Dumps databases, proves each dump, and keeps the newest dumps
///
/// A dump gets its final name only after it is complete, has been read back and compared, and is on
/// the disk. Only then does the program remove older dumps of the same database. Every flag has an
/// environment variable.
#[derive(Debug, Parser)]
#[command(
    name = "dump-database",
    version = describe_version(),
    max_term_width = 100,
    after_help = EXAMPLES
)]
pub struct Cli {
    /// The command to run
    #[command(subcommand)]
    pub command: Command,

    /// Show messages of this level and above: off, error, warn, info, debug, trace
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        env = "DUMP_DATABASE_LOG",
        default_value = "info",
        value_parser = parse_level
    )]
    pub log: LevelFilter,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Dump databases, prove each dump, and rotate older dumps
    ///
    /// Without retention flags, the policy of the last run of each database applies. A database
    /// that fails does not stop the others; the exit status is then 1.
    Dump(DumpArgs),
    /// Store copies of dumps in another place: an object store, an SSH server, another disk
    ///
    /// Uploads the dumps that the destination lacks and its retention keeps, then rotates the copies.
    /// Prints the URL of each copy. A copy appears under its final name only when it is whole.
    #[cfg(feature = "copies")]
    Copy(CopyArgs),
    /// List dumps with time, size, and the rule that keeps each
    ///
    /// Without retention flags, the policy of the last run of each database applies.
    List(ListArgs),
    /// Report the age of the newest dump of each database
    ///
    /// Exits 1 if the newest dump of a database is too old or cannot be used, if the last run or the
    /// last drill failed, or if a database was never dumped.
    Status(StatusArgs),
    /// Find the databases of this machine, and report those that nobody dumps
    ///
    /// Looks at running servers and at SQLite files. Exits 1 if a database is neither in a dump
    /// directory nor named by a unit. Run it as root: other users do not see everything.
    Survey(SurveyArgs),
    /// Read dumps whole and check them
    Verify(VerifyArgs),
    /// Load a dump into a database
    ///
    /// The dump is read whole and checked before the target is changed. If the restore fails, the
    /// old database stays as it was. MySQL and MariaDB have two exceptions: the last step of
    /// --replace, and an empty database that others use while it is filled.
    Restore(RestoreArgs),
    /// Restore dumps into throwaway databases and compare them with what was dumped
    Drill(DrillArgs),
    /// Remove dumps that the retention policy does not keep
    ///
    /// Prints for each dump why it stays or goes. Without retention flags, the policy of the last run
    /// of each database applies; where none is recorded, nothing is removed.
    Rotate(RotateArgs),
    /// Print a shell completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man {
        /// Print the man page of COMMAND alone
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
}

impl Command {
    /// Runs the command and returns its exit status. `has_policy` is true if the user gave a retention
    /// policy.
    ///
    /// # Errors
    /// Why the command could not do its work.
    pub fn run(self, has_policy: bool) -> Result<Exit> {
        match self {
            Command::Dump(args) => args.run(has_policy),
            #[cfg(feature = "copies")]
            Command::Copy(args) => args.run(),
            Command::List(args) => args.run(has_policy),
            Command::Status(args) => args.run(),
            Command::Survey(args) => args.run(),
            Command::Verify(args) => args.run(),
            Command::Restore(args) => args.run(),
            Command::Drill(args) => args.run(),
            Command::Rotate(args) => args.run(has_policy),
            Command::Completions { shell } => print_completions(shell),
            Command::Man { command } => print_man_page(command.as_deref()),
        }
    }
}

fn print_completions(shell: clap_complete::Shell) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "dump-database", &mut script);
    // For bash, clap_complete spells a name with a hyphen in two ways (clap-rs/clap#6421).
    let script = String::from_utf8(script)?;
    let script = script.replace("dump__subcmd__database", "dump__database");
    io::stdout().write_all(script.as_bytes())?;
    Ok(Exit::Success)
}

/// Prints the man page of the program, or of one of its commands.
fn print_man_page(command: Option<&str>) -> Result<Exit> {
    let mut page = Vec::new();
    match command {
        None => man::write_page(Cli::command(), EXAMPLES, &mut page)?,
        Some(command) if man::write_page_of(Cli::command(), command, &mut page)? => {}
        Some(command) => {
            return Err(UsageError::new(&format!("there is no command {command}")).into());
        }
    }
    io::stdout().write_all(&page)?;
    Ok(Exit::Success)
}

fn parse_level(text: &str) -> Result<LevelFilter, String> {
    text.parse()
        .map_err(|_| "expected off, error, warn, info, debug or trace".to_owned())
}

/// Returns the version of the program and what it was built with.
fn describe_version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(describe)
}

fn describe() -> String {
    let dbpage = if crate::engine::sqlite::has_dbpage() {
        "with sqlite_dbpage: snapshots are streamed"
    } else {
        "without sqlite_dbpage: databases are copied before they are dumped"
    };
    format!(
        "{}\nSQLite {}, {dbpage}\ngzip by {}",
        env!("CARGO_PKG_VERSION"),
        rusqlite::version(),
        if cfg!(feature = "isal") {
            "ISA-L (levels 1-3) and zlib-rs"
        } else {
            "zlib-rs"
        }
    )
}
