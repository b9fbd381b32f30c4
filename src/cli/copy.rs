//! `copy`: its flags, and its run.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap::builder::BoolishValueParser;

use super::default_directory::find_directories;
use super::retention::RetentionArgs;
use crate::copy::{self, CopyOptions};
use crate::exit::Exit;
use crate::human::{parse_bytes, parse_duration};

/// `copy`.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// Dump directories, or directories that contain dump directories [default: `$STATE_DIRECTORY`,
    /// else `./dump`]
    #[arg(value_name = "DIR")]
    pub directories: Vec<PathBuf>,

    /// The destination: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`,
    /// `sftp://USER@HOST/PATH`, `webdavs://HOST/PATH`, or a directory
    #[arg(long, value_name = "DESTINATION", env = "DUMP_DATABASE_TO")]
    pub to: String,

    /// Encrypt copies to this age or SSH public key. Give the flag several times for several keys
    #[arg(
        long,
        value_name = "KEY",
        env = "DUMP_DATABASE_RECIPIENT",
        value_delimiter = ','
    )]
    pub recipient: Vec<String>,

    /// Encrypt copies to the public keys in FILE, one on each line
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_RECIPIENTS_FILE")]
    pub recipients_file: Option<PathBuf>,

    /// Read the settings and credentials of the store from FILE, which has lines KEY=VALUE. They take
    /// precedence over those in the environment
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_STORE_CONFIG")]
    pub store_config: Option<PathBuf>,

    /// Name this machine NAME in the destination [default: the name of the system]
    #[arg(long, value_name = "NAME", env = "DUMP_DATABASE_HOST")]
    pub host: Option<String>,

    /// Upload at most SIZE in a second (`500kB`, `10MB`)
    #[arg(
        long,
        value_name = "SIZE",
        env = "DUMP_DATABASE_LIMIT_RATE",
        value_parser = parse_bytes
    )]
    pub limit_rate: Option<u64>,

    /// Download and compare every copy, even if the store itself compares checksums
    #[arg(long, env = "DUMP_DATABASE_READ_BACK", value_parser = BoolishValueParser::new())]
    pub read_back: bool,

    /// Also copy the dumps that `restore --replace` saved
    #[arg(long, env = "DUMP_DATABASE_INCLUDE_REPLACED", value_parser = BoolishValueParser::new())]
    pub include_replaced: bool,

    /// Remove nothing in the destination
    #[arg(long, env = "DUMP_DATABASE_NO_ROTATE", value_parser = BoolishValueParser::new())]
    pub no_rotate: bool,

    /// Stop the upload of one copy after TIME (30s, 10m, 1h)
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_TIMEOUT",
        default_value = "1h",
        value_parser = parse_duration
    )]
    pub timeout: Duration,

    /// The directory in which this machine keeps its record of copies [default: `/var/lib/dump-database-copies`, or
    /// `dump-database-copies` in the user's `~/.local/state`]
    #[arg(long, value_name = "DIR", env = "DUMP_DATABASE_STATE")]
    pub state: Option<PathBuf>,

    /// What stays in the destination
    #[command(flatten)]
    pub retention: RetentionArgs,
}

impl CopyArgs {
    /// Runs the command.
    pub(super) fn run(self) -> Result<Exit> {
        let directories = find_directories(self.directories.clone())?;
        copy::run(&directories, &self.into()).map(Exit::from_failures)
    }
}

impl From<CopyArgs> for CopyOptions {
    fn from(args: CopyArgs) -> Self {
        CopyOptions {
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
