//! How and where dumps are written.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::compress::Method;
use crate::human::{parse_duration, parse_positive};

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
        value_parser = parse_positive
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

    /// A file whose only line is the servers' password; systemd has one at `%d/NAME`
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
