//! `verify`: its flags, and its run.

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
use crate::exit::Exit;
use crate::human::parse_duration;
use crate::verify;

/// `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Dumps or dump directories
    #[cfg_attr(
        feature = "copies",
        doc = "(or copies, or destinations of copies, such as `s3://BUCKET/PREFIX`)"
    )]
    /// [default: `$STATE_DIRECTORY`, else `./dump`]
    #[arg(value_name = "DIR|DUMP")]
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

impl VerifyArgs {
    /// Runs the command.
    pub(super) fn run(self) -> Result<Exit> {
        #[cfg(feature = "copies")]
        {
            let copies = CopySelection::from(self.copies);
            if let Some(places) = copies.parse_locations(&self.paths)? {
                let identities = copies.read_identities()?;
                return copy::verify(&places, identities.as_ref(), self.timeout, self.json)
                    .map(Exit::from_failures);
            }
        }
        let paths = find_directories(self.paths)?;
        verify::run(&paths, self.timeout, self.json).map(Exit::from_failures)
    }
}
