//! Which copies of a destination are meant, and what reads them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::copy::{self, CopySelection, CopyStateDirectory};
use crate::exit::UsageError;
use crate::human::parse_duration;
use crate::status::DatabaseStatus;
use crate::store::Destination;

/// The flags that choose copies of a destination.
#[derive(Debug, Clone, Args)]
pub struct CopyFilter {
    /// Read only the copies of the machine NAME
    #[arg(long, value_name = "NAME", env = "DUMP_DATABASE_HOST")]
    pub host: Option<String>,

    /// Read the settings and credentials of the store from FILE, which has lines KEY=VALUE. They take
    /// precedence over those in the environment
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_STORE_CONFIG")]
    pub store_config: Option<PathBuf>,
}

/// The flags that choose copies of a destination and name the key that decrypts them.
#[derive(Debug, Clone, Args)]
pub struct CopySource {
    /// Which of them
    #[command(flatten)]
    pub filter: CopyFilter,

    /// Read encrypted copies with the private key in FILE
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
            ..args.filter.into()
        }
    }
}

/// The flags about the record of copies that `status` shows.
#[derive(Debug, Clone, Args)]
pub struct RecordOfCopies {
    /// Fail for a database whose newest copy in a destination is older than TIME (30s, 10m, 1h, 7d). Without
    /// this flag every age is accepted
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_MAX_COPY_AGE",
        value_parser = parse_duration
    )]
    pub max_copy_age: Option<Duration>,

    /// Report on the copies in this destination, even if none was ever made there. Give the flag several
    /// times for several destinations [default: every recorded destination]
    #[arg(long, value_name = "DESTINATION", env = "DUMP_DATABASE_COPIED_TO")]
    pub copied_to: Vec<String>,

    /// The directory in which this machine keeps its record of copies [default: `/var/lib/dump-database-copies`, or
    /// `dump-database-copies` in the user's `~/.local/state`]
    #[arg(long, value_name = "DIR", env = "DUMP_DATABASE_STATE")]
    pub state: Option<PathBuf>,
}

impl RecordOfCopies {
    /// Adds the recorded copies of each database to the rows of `status`. If the record cannot be read and
    /// `--max-copy-age` is not given, the rows stay as they are.
    ///
    /// # Errors
    /// [`UsageError`] for a `--copied-to` that is no destination; when the record cannot be read and
    /// `--max-copy-age` is given.
    pub fn add_to(&self, rows: &mut [DatabaseStatus]) -> Result<()> {
        let destinations = self.copied_to.iter().map(|text| Destination::parse(text));
        let destinations: Vec<_> = destinations
            .collect::<Result<_, _>>()
            .map_err(|why| UsageError::new(&why))?;
        let added = CopyStateDirectory::find(self.state.as_deref())
            .and_then(|home| copy::add_to(rows, &home, self.max_copy_age, &destinations));
        match added {
            Err(error) if self.max_copy_age.is_none() => log::debug!("{error:#}"),
            added => added?,
        }
        Ok(())
    }
}
