//! `rotate`: its flags, and its run.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use clap::builder::BoolishValueParser;

#[cfg(feature = "copies")]
use super::copies::CopyFilter;
use super::default_directory::find_directory;
use super::retention::RetentionArgs;
#[cfg(feature = "copies")]
use crate::copy::{self, CopySelection};
use crate::exit::Exit;
#[cfg(feature = "copies")]
use crate::exit::UsageError;
use crate::rotate;

/// `rotate`.
#[derive(Debug, Args)]
pub struct RotateArgs {
    /// The dump directory
    #[cfg_attr(
        feature = "copies",
        doc = "or the destination of copies, such as `s3://BUCKET/PREFIX`"
    )]
    /// [default: `$STATE_DIRECTORY`, else `./dump`]
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,

    /// Remove nothing; print for each dump why it would stay or go
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
    pub retention: RetentionArgs,
}

impl RotateArgs {
    /// Runs the command. `has_policy` is true if the user gave a retention policy.
    pub(super) fn run(self, has_policy: bool) -> Result<Exit> {
        let policy = has_policy.then(|| self.retention.into());
        #[cfg(feature = "copies")]
        if let Some(path) = &self.directory
            && let Some(places) =
                CopySelection::from(self.copies).parse_locations(std::slice::from_ref(path))?
        {
            let policy = policy.ok_or_else(|| {
                UsageError::new("a destination has no record of a retention policy; give it with --keep and the other retention flags")
            })?;
            copy::rotate(&places, &policy, self.dry_run)?;
            return Ok(Exit::Success);
        }
        let directory = find_directory(self.directory)?;
        match self.forget {
            Some(database) => rotate::forget(&directory, &database)?,
            None if self.dry_run => rotate::explain_all(&directory, policy.as_ref())?,
            None => rotate::run(&directory, policy.as_ref())?,
        }
        Ok(Exit::Success)
    }
}
