//! How and where dumps are written.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::default_directory::find_directory;
use crate::compress::Method;
use crate::dump::{OutputOptions, default_threads};
use crate::engine::access::Sessions;
use crate::human::{parse_bytes, parse_duration, parse_positive};
use crate::name::Format;
use crate::secret::Secret;

/// How and where dumps are written.
#[derive(Debug, Clone, Args)]
pub struct OutputArgs {
    /// Write dumps into this directory, of which only the last component is created
    /// [default: `$STATE_DIRECTORY`, else `./dump`]
    #[arg(long, value_name = "DIR", env = "DUMP_DATABASE_TO")]
    pub to: Option<PathBuf>,

    /// Compress dumps with gzip[:0-9] or zstd[:1-19]
    #[arg(
        long,
        value_name = "METHOD",
        env = "DUMP_DATABASE_COMPRESS",
        default_value_t
    )]
    pub compress: Method,

    /// Compress with N threads [default: the number of cores, at most 4]
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_THREADS",
        value_parser = parse_positive
    )]
    pub threads: Option<NonZeroUsize>,

    /// The format of PostgreSQL dumps
    #[arg(
        long,
        env = "DUMP_DATABASE_FORMAT",
        default_value = "plain",
        value_enum
    )]
    pub format: ServerFormat,

    /// Read the rows of a PostgreSQL database by N sessions, which share one snapshot; 1 is
    /// `pg_dump` alone. Give a larger number only if you trust the owners of all tables [default: one
    /// fewer than the number of cores, 1 to 4, for tables of superusers and of the role that dumps; 1
    /// if these have less than 256 MiB together]
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_SESSIONS",
        value_parser = parse_positive
    )]
    pub sessions: Option<NonZeroUsize>,

    /// Let several sessions read each PostgreSQL table that has at least SIZE (`16MiB`, `1GB`);
    /// `pg_dump` reads the smaller tables
    #[arg(
        long,
        value_name = "SIZE",
        env = "DUMP_DATABASE_LARGE_TABLE",
        default_value = "16MiB",
        value_parser = parse_bytes
    )]
    pub large_table: u64,

    /// Read the password of the server from FILE, which holds nothing else. In a systemd unit, the
    /// credential NAME is the file `%d/NAME`
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,

    /// Stop the dump of one database after TIME (30s, 10m, 1h)
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_TIMEOUT",
        default_value = "1h",
        value_parser = parse_duration
    )]
    pub timeout: Duration,

    /// Compare the indexes of an SQLite database with its tables if the last such check is older
    /// than TIME; 0 means in every dump. A database of up to 64 MiB is always checked in this way.
    /// The structure of every page is checked in every dump
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_FULL_CHECK",
        default_value = "1d",
        value_parser = parse_duration
    )]
    pub full_check: Duration,

    /// Wait up to TIME for a lock that another program holds on the database
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_BUSY_TIMEOUT",
        default_value = "30s",
        value_parser = parse_duration
    )]
    pub busy_timeout: Duration,
}

impl OutputArgs {
    /// Reads the password. Returns how and where dumps are written.
    ///
    /// # Errors
    /// When the password cannot be read, or no single dump directory is named.
    pub(super) fn read(self) -> Result<OutputOptions> {
        Ok(OutputOptions {
            to: find_directory(self.to)?,
            method: self.compress,
            threads: self.threads.unwrap_or_else(default_threads),
            timeout: self.timeout,
            full_check: self.full_check,
            busy_timeout: self.busy_timeout,
            format: match self.format {
                ServerFormat::Plain => Format::Sql,
                ServerFormat::Custom => Format::Pgdump,
            },
            sessions: Sessions {
                number: self.sessions,
                large_table: self.large_table,
            },
            password: match &self.password_file {
                Some(path) => Some(Secret::from_file(path)?),
                None => None,
            },
        })
    }
}

/// The format of a PostgreSQL dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServerFormat {
    /// SQL, for psql
    Plain,
    /// The custom format of `pg_dump`, which is restored by several sessions of `pg_restore`
    Custom,
}
