//! Copies: where they go, and which are meant.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::copy::{self, CopySelection, CopyStateDirectory};
use crate::human::{parse_bytes, parse_duration};
use crate::status::DatabaseStatus;

use super::retention::Retention;

/// `copy`.
#[derive(Debug, Args)]
pub struct Copy {
    /// Directories of dumps, or directories that hold such [default: `$STATE_DIRECTORY`, else
    /// `./dump`]
    #[arg(value_name = "DIR")]
    pub directories: Vec<PathBuf>,

    /// Where to: `s3://BUCKET/PREFIX`, `sftp://USER@HOST/PATH`, or a directory
    #[arg(long, value_name = "DESTINATION", env = "DUMP_DATABASE_TO")]
    pub to: String,

    /// Encrypt copies to this age or SSH public key; it can be given several times
    #[arg(
        long,
        value_name = "KEY",
        env = "DUMP_DATABASE_RECIPIENT",
        value_delimiter = ','
    )]
    pub recipient: Vec<String>,

    /// Encrypt copies to the public keys in FILE, one a line
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_RECIPIENTS_FILE")]
    pub recipients_file: Option<PathBuf>,

    /// A file of KEY=VALUE lines with the store's credentials, instead of the environment
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_STORE_CONFIG")]
    pub store_config: Option<PathBuf>,

    /// This machine's name in the destination [default: the system's]
    #[arg(long, value_name = "NAME", env = "DUMP_DATABASE_HOST")]
    pub host: Option<String>,

    /// Upload at most so many bytes a second: 500kB, 10MB
    #[arg(
        long,
        value_name = "SIZE",
        env = "DUMP_DATABASE_LIMIT_RATE",
        value_parser = parse_bytes
    )]
    pub limit_rate: Option<u64>,

    /// Download every copy and compare it, also where the store compares checksums itself
    #[arg(long, env = "DUMP_DATABASE_READ_BACK", value_parser = BoolishValueParser::new())]
    pub read_back: bool,

    /// Copy also what `restore --replace` replaced
    #[arg(long, env = "DUMP_DATABASE_INCLUDE_REPLACED", value_parser = BoolishValueParser::new())]
    pub include_replaced: bool,

    /// Remove nothing in the destination
    #[arg(long, env = "DUMP_DATABASE_NO_ROTATE", value_parser = BoolishValueParser::new())]
    pub no_rotate: bool,

    /// How long one copy may take: 30s, 10m, 1h
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_TIMEOUT",
        default_value = "1h",
        value_parser = parse_duration
    )]
    pub timeout: Duration,

    /// Where this machine keeps its record of copies [default: `/var/lib/dump-database-copies`, or
    /// `dump-database-copies` in the user's `~/.local/state`]
    #[arg(long, value_name = "DIR", env = "DUMP_DATABASE_STATE")]
    pub state: Option<PathBuf>,

    /// What stays in the destination
    #[command(flatten)]
    pub retention: Retention,
}

impl From<Copy> for copy::CopyOptions {
    fn from(args: Copy) -> Self {
        copy::CopyOptions {
            to: args.to,
            recipients: args.recipient,
            recipients_file: args.recipients_file,
            store_config: args.store_config,
            host: args.host,
            rate: args.limit_rate,
            reads_back: args.read_back,
            includes_replaced: args.include_replaced,
            policy: args.retention.into(),
            rotates: !args.no_rotate,
            timeout: args.timeout,
            state: args.state,
        }
    }
}

/// Which copies of a destination.
#[derive(Debug, Clone, Args)]
pub struct CopyFilter {
    /// Only the copies of this machine
    #[arg(long, value_name = "NAME", env = "DUMP_DATABASE_HOST")]
    pub host: Option<String>,

    /// A file of KEY=VALUE lines with the store's credentials, instead of the environment
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_STORE_CONFIG")]
    pub store_config: Option<PathBuf>,
}

/// Which copies of a destination, and what reads them.
#[derive(Debug, Clone, Args)]
pub struct CopySource {
    /// Which of them
    #[command(flatten)]
    pub which: CopyFilter,

    /// The file of the private key that encrypted copies are read with
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_IDENTITY")]
    pub identity: Option<PathBuf>,
}

impl From<CopyFilter> for CopySelection {
    fn from(args: CopyFilter) -> Self {
        CopySelection {
            host: args.host,
            store_config: args.store_config,
            ..CopySelection::default()
        }
    }
}

impl From<CopySource> for CopySelection {
    fn from(args: CopySource) -> Self {
        CopySelection {
            identity: args.identity,
            ..args.which.into()
        }
    }
}

/// The record of copies that `status` shows.
#[derive(Debug, Clone, Args)]
pub struct RecordOfCopies {
    /// How old the newest copy of a database in each destination may be; without it, any age will do
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_MAX_COPY_AGE",
        value_parser = parse_duration
    )]
    pub max_copy_age: Option<Duration>,

    /// Where this machine keeps its record of copies [default: `/var/lib/dump-database-copies`, or
    /// `dump-database-copies` in the user's `~/.local/state`]
    #[arg(long, value_name = "DIR", env = "DUMP_DATABASE_STATE")]
    pub state: Option<PathBuf>,
}

impl RecordOfCopies {
    /// Returns the rows of `status` with the recorded copies of each database. If the record cannot be
    /// read and `--max-copy-age` is not given, the rows stay as they are.
    ///
    /// # Errors
    /// When the record cannot be read and `--max-copy-age` is given.
    pub fn add_to(&self, mut rows: Vec<DatabaseStatus>) -> anyhow::Result<Vec<DatabaseStatus>> {
        let added = CopyStateDirectory::find(self.state.as_deref())
            .and_then(|home| copy::add_to(&mut rows, &home, self.max_copy_age));
        match added {
            Err(error) if self.max_copy_age.is_none() => log::debug!("{error:#}"),
            added => added?,
        }
        Ok(rows)
    }
}
