//! The command line: types and help texts only.

#[cfg(feature = "copies")]
mod copies;
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

#[cfg(feature = "copies")]
pub use copies::{Copy, CopyFilter, CopySource, RecordOfCopies};
pub use output::{Output, ServerFormat};
pub use retention::Retention;

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
    version = version(),
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
        value_parser = level
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
    Dump(Dump),
    /// Store copies of dumps in another place: an object store, an SSH server, another disk
    ///
    /// Uploads the dumps that the destination lacks and its retention keeps, then rotates the copies.
    /// Prints the URL of each copy. A copy appears under its final name only when it is whole.
    #[cfg(feature = "copies")]
    Copy(Copy),
    /// List dumps with time, size, and the rule that keeps each
    ///
    /// Without retention flags, the policy of the last run of each database applies.
    List(List),
    /// Report the age of the newest dump of each database
    ///
    /// Exits 1 if the newest dump of a database is too old or cannot be used, if the last run or the
    /// last drill failed, or if a database was never dumped.
    Status(Status),
    /// Find the databases of this machine, and report those that nobody dumps
    ///
    /// Looks at running servers and at SQLite files. Exits 1 if a database is neither in a dump
    /// directory nor named by a unit. Run it as root: other users do not see everything.
    Survey(Survey),
    /// Read dumps whole and check them
    Verify(Verify),
    /// Load a dump into a database
    ///
    /// The dump is read whole and checked before the target is changed. If the restore fails, the
    /// old database stays as it was.
    Restore(Restore),
    /// Restore dumps into throwaway databases and compare them with what was dumped
    Drill(Drill),
    /// Remove dumps that the retention policy does not keep
    ///
    /// Prints for each dump why it stays or goes. Without retention flags, the policy of the last run
    /// of each database applies; where none is recorded, nothing is removed.
    Rotate(Rotate),
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

/// `dump`.
#[derive(Debug, Args)]
pub struct Dump {
    /// An SQLite file (a path, or `sqlite:PATH`) or a database of a server:
    /// `postgresql://[USER@][HOST]/DATABASE`, `mysql://...` or `mariadb://...`. A server URL without
    /// DATABASE means every database of the server, and `@globals`: its roles, users and grants
    #[arg(required_unless_present = "program", value_name = "SOURCE")]
    pub sources: Vec<OsString>,

    /// After `--`: a program with its arguments that writes a dump to its standard output and exits
    /// 0. Needs --name
    #[arg(
        last = true,
        value_name = "PROGRAM",
        requires = "name",
        conflicts_with = "sources"
    )]
    pub program: Vec<OsString>,

    /// Name the dumps NAME instead of after the database
    #[arg(long, env = "DUMP_DATABASE_NAME")]
    pub name: Option<String>,

    /// Skip the databases of a server whose names match NAME, a pattern with `*`, `?` and `[...]`.
    /// Give the flag several times, or separate patterns by commas
    #[arg(
        long,
        value_name = "NAME",
        env = "DUMP_DATABASE_EXCLUDE",
        value_delimiter = ','
    )]
    pub exclude: Vec<Pattern>,

    /// Leave out the tables whose names match PATTERN. For PostgreSQL a pattern of `pg_dump`
    /// (`audit_*`, `history.*`); without a schema it means every schema. For MySQL and MariaDB a
    /// pattern with `*`, `?` and `[...]`. A pattern that matches no table is an error. Give the flag
    /// several times, or separate patterns by commas
    #[arg(
        long,
        value_name = "PATTERN",
        env = "DUMP_DATABASE_EXCLUDE_TABLE",
        value_delimiter = ','
    )]
    pub exclude_table: Vec<String>,

    /// Leave out the rows of the tables whose names match PATTERN, as for --exclude-table. The
    /// tables are dumped empty
    #[arg(
        long,
        value_name = "PATTERN",
        env = "DUMP_DATABASE_EXCLUDE_ROWS",
        value_delimiter = ','
    )]
    pub exclude_rows: Vec<String>,

    /// Dump N databases at the same time
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_JOBS",
        default_value = "1"
    )]
    pub jobs: NonZeroUsize,

    /// Publish no dump of a database that did not change since its newest dump. The run still
    /// counts as a success
    #[arg(long, env = "DUMP_DATABASE_SKIP_UNCHANGED", value_parser = BoolishValueParser::new())]
    pub skip_unchanged: bool,

    /// After the run, write the metrics of the dump directory to FILE, for the Prometheus node
    /// exporter
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_METRICS")]
    pub metrics: Option<PathBuf>,

    /// Accept that the newest dump of this name was made from another source, because the database
    /// moved
    #[arg(long, env = "DUMP_DATABASE_ADOPT", value_parser = BoolishValueParser::new())]
    pub adopt: bool,

    /// How and where dumps are written
    #[command(flatten)]
    pub output: Output,

    /// Which dumps stay
    #[command(flatten)]
    pub retention: Retention,
}

/// `list`.
#[derive(Debug, Args)]
pub struct List {
    /// Dump directories [default: `$STATE_DIRECTORY`, else `./dump`]
    #[arg(value_name = "DIR")]
    pub directories: Vec<PathBuf>,

    /// Print a JSON array of objects
    #[arg(long, env = "DUMP_DATABASE_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,

    /// Which copies
    #[cfg(feature = "copies")]
    #[command(flatten)]
    pub copies: CopyFilter,

    /// Which dumps would stay
    #[command(flatten)]
    pub retention: Retention,
}

/// `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Dump directories [default: `$STATE_DIRECTORY`, else `./dump`]
    #[arg(value_name = "DIR")]
    pub directories: Vec<PathBuf>,

    /// Fail for a database whose newest dump is older than TIME (30s, 10m, 1h, 7d). Without this
    /// flag every age is accepted
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_MAX_AGE",
        value_parser = parse_duration
    )]
    pub max_age: Option<Duration>,

    /// Trust the record of `dump --skip-unchanged` that a database did not change, even if another
    /// user owns the record and could forge it
    #[arg(long, env = "DUMP_DATABASE_TRUST_RECORDS", value_parser = BoolishValueParser::new())]
    pub trust_records: bool,

    /// Also write the metrics of the dump directories to FILE, for the Prometheus node exporter
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_METRICS")]
    pub metrics: Option<PathBuf>,

    /// Warn of the databases that nobody dumps, by the survey in FILE (`survey --record`), if FILE
    /// exists
    #[arg(
        long,
        value_name = "FILE",
        env = "DUMP_DATABASE_SURVEY",
        default_value = "/var/lib/dump-database-survey/survey.json"
    )]
    pub survey: PathBuf,

    /// Do not warn of databases that nobody dumps
    #[arg(long, env = "DUMP_DATABASE_NO_SURVEY", value_parser = BoolishValueParser::new())]
    pub no_survey: bool,

    /// Which copies
    #[cfg(feature = "copies")]
    #[command(flatten)]
    pub copies: CopyFilter,

    /// The record of copies
    #[cfg(feature = "copies")]
    #[command(flatten)]
    pub record: RecordOfCopies,

    /// Print a JSON array of objects
    #[arg(long, env = "DUMP_DATABASE_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}

/// `survey`.
#[derive(Debug, Args)]
pub struct Survey {
    /// Where to look for SQLite files
    #[arg(
        value_name = "PLACE",
        default_values = ["/var/lib", "/srv", "/home", "/root", "/opt"]
    )]
    pub places: Vec<PathBuf>,

    /// Also look for dumps in DIR and in its subdirectories. Dumps in `/var/lib/dump-database` and in
    /// the directories that units name are always found
    #[arg(
        long,
        value_name = "DIR",
        env = "DUMP_DATABASE_DUMPS",
        value_delimiter = ','
    )]
    pub dumps: Vec<PathBuf>,

    /// Leave out databases whose path, socket or address matches PATTERN, with `*`, `?` and `[...]`
    #[arg(
        long,
        value_name = "PATTERN",
        env = "DUMP_DATABASE_IGNORE",
        value_delimiter = ','
    )]
    pub ignore: Vec<Pattern>,

    /// Stop the search for files after TIME (30s, 10m, 1h); the survey is then not complete, and fails
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_TIMEOUT",
        default_value = "5m",
        value_parser = parse_duration
    )]
    pub timeout: Duration,

    /// Also record the survey in FILE, so that `status` names what nobody dumps
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_RECORD")]
    pub record: Option<PathBuf>,

    /// Print a JSON object
    #[arg(long, env = "DUMP_DATABASE_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Dumps or dump directories [default: `$STATE_DIRECTORY`, else `./dump`]
    #[arg(value_name = "DIR|FILE")]
    pub paths: Vec<PathBuf>,

    /// Which copies
    #[cfg(feature = "copies")]
    #[command(flatten)]
    pub copies: CopySource,

    /// Stop reading one dump after TIME (30s, 10m, 1h), and report it as bad
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

/// The heading of the flags of `restore` that concern the dump of the database it replaces.
const REPLACED: &str = "The dump of the database that is replaced";

/// `restore`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate flag")]
#[command(
    mut_arg("to", |arg| arg.help_heading(REPLACED).help(
        "Save the replaced database in this dump directory, of which only the last component is \
         created [default: `$STATE_DIRECTORY`, else `./dump`]",
    )),
    mut_arg("compress", |arg| arg.help_heading(REPLACED).help(
        "Compress the dump of the replaced database: gzip[:0-9] or zstd[:1-19]",
    )),
    mut_arg("format", |arg| arg.help_heading(REPLACED).help(
        "The format of the dump of a replaced PostgreSQL database",
    )),
    mut_arg("sessions", |arg| arg.help_heading(REPLACED).help(
        "Read the rows of a replaced PostgreSQL database by N sessions [default: the number of \
         cores, at most 4; 1 if the large tables have less than 256 MiB together]",
    )),
    mut_arg("large_table", |arg| arg.help_heading(REPLACED).help(
        "Let several sessions read each table of a replaced PostgreSQL database that has at least \
         SIZE (`16MiB`, `1GB`)",
    )),
    mut_arg("full_check", |arg| arg.help_heading(REPLACED).help(
        "Compare the indexes of the replaced SQLite database with its tables if the last such check \
         is older than TIME; 0 means always",
    )),
    mut_arg("threads", |arg| arg.help(
        "Use N sessions to load a PostgreSQL dump in the custom format, and N threads to compress \
         the dump of the replaced database [default: the number of cores, at most 4]",
    )),
    mut_arg("timeout", |arg| arg.help(
        "Stop the restore after TIME (30s, 10m, 1h); the old database then stays as it was",
    ))
)]
pub struct Restore {
    /// A dump, or a dump directory, of which the newest good dump is restored
    #[arg(value_name = "DUMP")]
    pub dump: PathBuf,

    /// The database to restore into: an SQLite file (a path, or `sqlite:PATH`) or a database of a
    /// server (`postgresql://[USER@][HOST]/DATABASE`, `mysql://...`, `mariadb://...`). A dump of
    /// `@globals` needs a server URL without a database; a dump directory and such a URL restore
    /// `@globals` and every database
    #[arg(value_name = "TARGET")]
    pub target: OsString,

    /// Restore the newest dump of the database NAME. Needed where DUMP is a directory with dumps of
    /// several databases
    #[arg(long, env = "DUMP_DATABASE_NAME")]
    pub name: Option<String>,

    /// Which copies
    #[cfg(feature = "copies")]
    #[command(flatten)]
    pub copies: CopySource,

    /// Replace TARGET if it exists. TARGET is dumped first
    #[arg(long, env = "DUMP_DATABASE_REPLACE", value_parser = BoolishValueParser::new())]
    pub replace: bool,

    /// With --replace: if the existing database cannot be dumped whole, save what can be saved and
    /// log what cannot. MySQL and MariaDB: what can be read is dumped. PostgreSQL: the database
    /// stays on the server under another name
    #[arg(
        long,
        env = "DUMP_DATABASE_SAVE_PARTLY",
        value_parser = BoolishValueParser::new(),
        requires = "replace",
        conflicts_with = "without_saving"
    )]
    pub save_partly: bool,

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
    /// Dumps or dump directories [default: `$STATE_DIRECTORY`, else `./dump`]
    #[arg(value_name = "DIR|DUMP")]
    pub paths: Vec<PathBuf>,

    /// Drill these dumps of each database in a dump directory: the newest, all, or the newest N
    #[arg(
        long,
        value_name = "newest|all|N",
        env = "DUMP_DATABASE_SAMPLE",
        default_value = "newest"
    )]
    pub sample: Sample,

    /// Put the throwaway databases into this directory; they are removed after the drill
    /// [default: `$TMPDIR`, else `/tmp`]
    #[arg(long, value_name = "DIR", env = "DUMP_DATABASE_SCRATCH")]
    pub scratch: Option<PathBuf>,

    /// Stop the drill of one dump after TIME (30s, 10m, 1h)
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_TIMEOUT",
        default_value = "1h",
        value_parser = parse_duration
    )]
    pub timeout: Duration,

    /// Which copies
    #[cfg(feature = "copies")]
    #[command(flatten)]
    pub copies: CopySource,

    /// Print a JSON array of objects
    #[arg(long, env = "DUMP_DATABASE_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}

/// `rotate`.
#[derive(Debug, Args)]
pub struct Rotate {
    /// The dump directory [default: `$STATE_DIRECTORY`, else `./dump`]
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,

    /// Remove nothing; only print which dumps would be removed
    #[arg(long, env = "DUMP_DATABASE_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub dry_run: bool,

    /// Remove a dropped database from the records of the dump directory, so that `status` no longer
    /// reports it. Fails while the directory holds dumps of it
    #[arg(
        long,
        value_name = "NAME",
        env = "DUMP_DATABASE_FORGET",
        conflicts_with = "dry_run"
    )]
    pub forget: Option<String>,

    /// Which copies
    #[cfg(feature = "copies")]
    #[command(flatten)]
    pub copies: CopyFilter,

    /// Which dumps stay
    #[command(flatten)]
    pub retention: Retention,
}

fn level(text: &str) -> Result<LevelFilter, String> {
    text.parse()
        .map_err(|_| "expected off, error, warn, info, debug or trace".to_owned())
}

/// Returns the version of the program and what it was built with.
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
