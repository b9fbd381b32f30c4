//! The command line: types only.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use glob::Pattern;
use log::LevelFilter;

use crate::compress::Method;
use crate::human::parse_duration;
use crate::retention::Policy;

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
    /// Dump databases, prove the dumps, remove what retention does not keep
    Dump(Dump),
    /// List dumps: when, how large, why kept, how far back they reach
    List(List),
    /// Say how fresh each database's dumps are; exit 1 if any is too old or was never dumped
    Status(Status),
    /// Read dumps whole and check them
    Verify(Verify),
    /// Load a dump into a database
    Restore(Restore),
    /// Apply retention alone, saying for each dump why it stays or goes
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

/// How and where dumps are written.
#[derive(Debug, Clone, Args)]
pub struct Output {
    /// The directory for dumps; only its last component is created
    /// [default: `$STATE_DIRECTORY`, else `./dump`]
    #[arg(long, value_name = "DIR", env = "DUMP_DATABASE_TO")]
    pub to: Option<PathBuf>,

    /// How to compress: gzip[:0-9] or zstd[:1-19]
    #[arg(
        long,
        value_name = "METHOD",
        env = "DUMP_DATABASE_COMPRESS",
        default_value_t
    )]
    pub compress: Method,

    /// Threads that compress [default: the number of cores, at most 4]
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_THREADS",
        value_parser = positive
    )]
    pub threads: Option<NonZeroUsize>,

    /// What PostgreSQL databases are dumped as
    #[arg(
        long,
        env = "DUMP_DATABASE_FORMAT",
        default_value = "plain",
        value_enum
    )]
    pub format: ServerFormat,

    /// A file whose first line is the servers' password; systemd has one at `%d/NAME`
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,

    /// How long one database may take: 30s, 10m, 1h
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_TIMEOUT",
        default_value = "1h",
        value_parser = parse_duration
    )]
    pub timeout: Duration,

    /// How often an SQLite database's indexes are compared with its tables as well; the structure of
    /// every page is checked in every dump; 0: always, as for one of up to 64 MiB
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_FULL_CHECK",
        default_value = "1d",
        value_parser = parse_duration
    )]
    pub full_check: Duration,

    /// How long to wait for a database that another program keeps locked
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_BUSY_TIMEOUT",
        default_value = "30s",
        value_parser = parse_duration
    )]
    pub busy_timeout: Duration,
}

/// What a PostgreSQL database is dumped as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServerFormat {
    /// SQL, which psql reads
    Plain,
    /// `pg_dump --format=custom`, which `pg_restore` reads, several tables at a time
    Custom,
}

/// Which dumps of a database stay. One more than these rules say is kept for a while when a
/// database shrank to less than half; that catches one emptied by accident and nothing subtler.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Retention")]
pub struct Retention {
    /// Keep the newest N dumps of each database
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP",
        default_value = "5",
        value_parser = positive
    )]
    pub keep: NonZeroUsize,

    /// Keep the newest dump of each of the last N hours that have one
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_HOURLY",
        default_value = "0"
    )]
    pub keep_hourly: usize,

    /// Keep the newest dump of each of the last N days that have one
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_DAILY",
        default_value = "0"
    )]
    pub keep_daily: usize,

    /// Keep the newest dump of each of the last N ISO weeks that have one
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_WEEKLY",
        default_value = "0"
    )]
    pub keep_weekly: usize,

    /// Keep the newest dump of each of the last N months that have one
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_MONTHLY",
        default_value = "0"
    )]
    pub keep_monthly: usize,

    /// Keep the newest dump of each of the last N years that have one
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_YEARLY",
        default_value = "0"
    )]
    pub keep_yearly: usize,

    /// Keep for this long the largest older dump that is more than twice the smallest of the
    /// newest: a database emptied by accident; 0 turns it off
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_KEEP_BEFORE_SHRINK",
        default_value = "7d",
        value_parser = parse_duration
    )]
    pub keep_before_shrink: Duration,
}

impl From<Retention> for Policy {
    fn from(args: Retention) -> Self {
        Policy {
            last: args.keep,
            hourly: args.keep_hourly,
            daily: args.keep_daily,
            weekly: args.keep_weekly,
            monthly: args.keep_monthly,
            yearly: args.keep_yearly,
            before_shrink: args.keep_before_shrink,
        }
    }
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
pub struct Restore {
    /// A dump, or a directory of which the newest good dump is taken
    #[arg(value_name = "DUMP")]
    pub dump: PathBuf,

    /// Where to: an SQLite file (`sqlite:PATH` or a plain path), or a database of a server
    /// (`postgresql://[USER@][HOST]/DATABASE`); for `@globals` the server without one
    #[arg(value_name = "TARGET")]
    pub target: OsString,

    /// Which database's newest dump, where DUMP is a directory of several's
    #[arg(long, env = "DUMP_DATABASE_NAME")]
    pub name: Option<String>,

    /// Replace an existing database; it is dumped first
    #[arg(long, env = "DUMP_DATABASE_REPLACE", value_parser = BoolishValueParser::new())]
    pub replace: bool,

    /// How and where the replaced database is dumped
    #[command(flatten)]
    pub output: Output,
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

    /// What stays
    #[command(flatten)]
    pub retention: Retention,
}

fn level(text: &str) -> Result<LevelFilter, String> {
    text.parse()
        .map_err(|_| "off, error, warn, info, debug or trace is wanted".to_owned())
}

fn positive(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| "a whole number above 0 is wanted".to_owned())
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
