//! `drill`: its flags, and its run.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap::builder::BoolishValueParser;

#[cfg(feature = "copies")]
use super::copies::CopySource;
use super::default_directory::find_directories;
#[cfg(feature = "copies")]
use crate::copy::{self, CopySelection};
use crate::drill::{self, DrillOptions, Sample};
use crate::exit::Exit;
use crate::human::parse_duration;

/// `drill`.
#[derive(Debug, Args)]
pub struct DrillArgs {
    /// Dumps or dump directories
    #[cfg_attr(
        feature = "copies",
        doc = "(or copies, or destinations of copies, such as `s3://BUCKET/PREFIX`)"
    )]
    /// [default: `$STATE_DIRECTORY`, else `./dump`]
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

impl DrillArgs {
    /// Runs the command.
    pub(super) fn run(self) -> Result<Exit> {
        let options = DrillOptions {
            sample: self.sample,
            scratch: self.scratch,
            timeout: self.timeout,
            json: self.json,
        };
        #[cfg(feature = "copies")]
        {
            let copies = CopySelection::from(self.copies);
            if let Some(places) = copies.parse_locations(&self.paths)? {
                let identities = copies.read_identities()?;
                return copy::drill(&places, identities.as_ref(), &options)
                    .map(Exit::from_failures);
            }
        }
        drill::run(&find_directories(self.paths)?, &options).map(Exit::from_failures)
    }
}
