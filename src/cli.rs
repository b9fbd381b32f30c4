//! The command line: types only.

mod output;
mod retention;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand};
use glob::Pattern;
use log::LevelFilter;

use crate::drill::Sample;
use crate::human::parse_duration;

pub use output::{Output, ServerFormat};
pub use retention::Retention;

/// Dumps every database, proves each dump, keeps the newest
///
/// A dump gets its final name only when it is complete, was read back and is on the disk. Only then
/// do older dumps of the same database go. Every flag can be given as an environment variable.
#[derive(Debug, Parser)]
#[command(name = "dump-database", version = version(), max_term_width = 100)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,

    /// The least important messages to show: off, error, warn, info, debug, trace
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        env = "DUMP_DATABASE_LOG",
        default_value = "info",
        value_parser = level
    )]
    pub log: LevelFilter,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Dump databases, prove the dumps, remove what retention does not keep; by the rules of each
    /// database's last run, unless you give others
    Dump(Dump),
    /// List dumps: when, how large, why kept, how far back they reach; by the rules of each
    /// database's last run, unless you give others
    List(List),
    /// Say how fresh each database's dumps are; exit 1 if any is too old, failed last time or was
    /// never dumped
    Status(Status),
    /// Read dumps whole and check them
    Verify(Verify),
    /// Load a dump into a database
    Restore(Restore),
    /// Prove that dumps can be restored: into a throwaway database, compared with what was dumped
    Drill(Drill),
    /// Apply retention alone, saying for each dump why it stays or goes; by the rules of each
    /// database's last run, unless you give others; without either it removes nothing
    Rotate(Rotate),
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man,
}

/// `dump`.
#[derive(Debug, Args)]
pub struct Dump {
    /// An SQLite file (`sqlite:PATH` or a plain path), or a server: `postgresql://[USER@][HOST]/DATABASE`,
    /// `mysql://...`, `mariadb://...`. Without DATABASE: every database of the server, and what
    /// belongs to none as `@globals`
    #[arg(required_unless_present = "program", value_name = "SOURCE")]
    pub sources: Vec<OsString>,

    /// After `--`: a program that prints a dump and exits 0, with its arguments; needs --name
    #[arg(
        last = true,
        value_name = "PROGRAM",
        requires = "name",
        conflicts_with = "sources"
    )]
    pub program: Vec<OsString>,

    /// Call the database NAME instead of what its source calls it
    #[arg(long, env = "DUMP_DATABASE_NAME")]
    pub name: Option<String>,

    /// Leave out these databases of a whole server; `*`, `?` and `[...]` stand for characters
    #[arg(
        long,
        value_name = "NAME",
        env = "DUMP_DATABASE_EXCLUDE",
        value_delimiter = ','
    )]
    pub exclude: Vec<Pattern>,

    /// How many databases are dumped at a time
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_JOBS",
        default_value = "1"
    )]
    pub jobs: NonZeroUsize,

    /// Publish nothing where the database is still what its newest dump holds; the run counts as
    /// a success all the same
    #[arg(long, env = "DUMP_DATABASE_SKIP_UNCHANGED", value_parser = BoolishValueParser::new())]
    pub skip_unchanged: bool,

    /// After the run write metrics of the directory to FILE, for the Prometheus node exporter
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_METRICS")]
    pub metrics: Option<PathBuf>,

    /// Take over a name whose newest dump is of another source, after a move
    #[arg(long, env = "DUMP_DATABASE_ADOPT", value_parser = BoolishValueParser::new())]
    pub adopt: bool,

    /// How and where dumps are written
    #[command(flatten)]
    pub output: Output,

    /// What stays
    #[command(flatten)]
    pub retention: Retention,
}

/// `list`.
#[derive(Debug, Args)]
pub struct List {
    /// Directories of dumps [default: `$STATE_DIRECTORY`, else `./dump`]
    #[arg(value_name = "DIR")]
    pub directories: Vec<PathBuf>,

    /// Print a JSON array of objects
    #[arg(long, env = "DUMP_DATABASE_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,

    /// What would stay
    #[command(flatten)]
    pub retention: Retention,
}

/// `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Directories of dumps [default: `$STATE_DIRECTORY`, else `./dump`]
    #[arg(value_name = "DIR")]
    pub directories: Vec<PathBuf>,

    /// How old the newest dump of a database may be; without it, any age will do
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_MAX_AGE",
        value_parser = parse_duration
    )]
    pub max_age: Option<Duration>,

    /// Believe a directory's record that a database did not change since its newest dump
    /// (`dump --skip-unchanged`), though the record is another user's, who could forge it
    #[arg(long, env = "DUMP_DATABASE_TRUST_RECORDS", value_parser = BoolishValueParser::new())]
    pub trust_records: bool,

    /// Write metrics of the directories to FILE as well, for the Prometheus node exporter
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_METRICS")]
    pub metrics: Option<PathBuf>,

    /// Print a JSON array of objects
    #[arg(long, env = "DUMP_DATABASE_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Dumps, or directories of dumps [default: `$STATE_DIRECTORY`, else `./dump`]
    #[arg(value_name = "DIR|FILE")]
    pub paths: Vec<PathBuf>,

    /// Print a JSON array of objects
    #[arg(long, env = "DUMP_DATABASE_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}

/// `restore`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Restore {
    /// A dump, or a directory of which the newest good dump is taken
    #[arg(value_name = "DUMP")]
    pub dump: PathBuf,

    /// Where to: an SQLite file (`sqlite:PATH` or a plain path), or a database of a server
    /// (`postgresql://[USER@][HOST]/DATABASE`). A server without a database: for `@globals`, or for
    /// everything that the directory DUMP has of a server, in the right order
    #[arg(value_name = "TARGET")]
    pub target: OsString,

    /// Which database's newest dump, where DUMP is a directory of several's
    #[arg(long, env = "DUMP_DATABASE_NAME")]
    pub name: Option<String>,

    /// Replace an existing database; it is dumped first
    #[arg(long, env = "DUMP_DATABASE_REPLACE", value_parser = BoolishValueParser::new())]
    pub replace: bool,

    /// With --replace: do not dump the existing database first; it is lost. For a database that is
    /// too damaged to be dumped
    #[arg(
        long,
        env = "DUMP_DATABASE_WITHOUT_SAVING",
        value_parser = BoolishValueParser::new(),
        requires = "replace"
    )]
    pub without_saving: bool,

    /// Restore into a database that exists, if it is empty: for a user who may not create databases
    #[arg(
        long,
        env = "DUMP_DATABASE_INTO_EMPTY",
        value_parser = BoolishValueParser::new(),
        conflicts_with = "replace"
    )]
    pub into_empty: bool,

    /// Leave out owners, definers and privileges: all that is restored belongs to the user that
    /// restores
    #[arg(long, env = "DUMP_DATABASE_NO_OWNER", value_parser = BoolishValueParser::new())]
    pub no_owner: bool,

    /// Restore what can be restored: list each object that fails, keep the new database, exit 1
    #[arg(long, env = "DUMP_DATABASE_KEEP_GOING", value_parser = BoolishValueParser::new())]
    pub keep_going: bool,

    /// How and where the replaced database is dumped
    #[command(flatten)]
    pub output: Output,
}

/// `drill`.
#[derive(Debug, Args)]
pub struct Drill {
    /// Dumps, or directories of dumps [default: `$STATE_DIRECTORY`, else `./dump`]
    #[arg(value_name = "DIR|DUMP")]
    pub paths: Vec<PathBuf>,

    /// Which dumps of each database in a directory: newest, all, or the newest N
    #[arg(
        long,
        value_name = "newest|all|N",
        env = "DUMP_DATABASE_SAMPLE",
        default_value = "newest"
    )]
    pub sample: Sample,

    /// Where throwaway databases live while they are looked at [default: `$TMPDIR`, else `/tmp`]
    #[arg(long, value_name = "DIR", env = "DUMP_DATABASE_SCRATCH")]
    pub scratch: Option<PathBuf>,

    /// How long the drill of one dump may take: 30s, 10m, 1h
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_TIMEOUT",
        default_value = "1h",
        value_parser = parse_duration
    )]
    pub timeout: Duration,

    /// Print a JSON array of objects
    #[arg(long, env = "DUMP_DATABASE_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}

/// `rotate`.
#[derive(Debug, Args)]
pub struct Rotate {
    /// The directory of dumps [default: `$STATE_DIRECTORY`, else `./dump`]
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,

    /// Remove nothing, only say what would go
    #[arg(long, env = "DUMP_DATABASE_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub dry_run: bool,

    /// Forget that this database, which has no dumps in the directory, was to be dumped there:
    /// `status` no longer asks for it. Removes nothing
    #[arg(
        long,
        value_name = "NAME",
        env = "DUMP_DATABASE_FORGET",
        conflicts_with = "dry_run"
    )]
    pub forget: Option<String>,

    /// What stays
    #[command(flatten)]
    pub retention: Retention,
}

fn level(text: &str) -> Result<LevelFilter, String> {
    text.parse()
        .map_err(|_| "off, error, warn, info, debug or trace is wanted".to_owned())
}

/// The program's version and what it was built with.
fn version() -> &'static str {
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
