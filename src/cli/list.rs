//! `list`: its flags, and its run.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use clap::builder::BoolishValueParser;

#[cfg(feature = "copies")]
use super::copies::CopyFilter;
use super::default_directory::find_directories;
use super::retention::RetentionArgs;
#[cfg(feature = "copies")]
use crate::copy::{self, CopySelection};
use crate::exit::Exit;
use crate::list;

/// `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Dump directories
    #[cfg_attr(
        feature = "copies",
        doc = "or destinations of copies, such as `s3://BUCKET/PREFIX`"
    )]
    /// [default: `$STATE_DIRECTORY`, else `./dump`]
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
    pub retention: RetentionArgs,
}

impl ListArgs {
    /// Runs the command. `has_policy` is true if the user gave a retention policy.
    pub(super) fn run(self, has_policy: bool) -> Result<Exit> {
        #[cfg(feature = "copies")]
        if let Some(places) = CopySelection::from(self.copies).parse_locations(&self.directories)? {
            copy::list(&places, self.json)?;
            return Ok(Exit::Success);
        }
        let policy = has_policy.then(|| self.retention.into());
        let directories = find_directories(self.directories)?;
        list::run(&directories, policy.as_ref(), self.json)?;
        Ok(Exit::Success)
    }
}
