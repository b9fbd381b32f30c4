//! `status`: its flags, and its run.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap::builder::BoolishValueParser;

#[cfg(feature = "copies")]
use super::copies::{CopyFilter, RecordOfCopies};
use super::default_directory::find_directories;
#[cfg(feature = "copies")]
use crate::copy::{self, CopySelection};
use crate::exit::Exit;
use crate::human::parse_duration;
use crate::{clock, metrics, status, survey};

/// `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Dump directories
    #[cfg_attr(
        feature = "copies",
        doc = "or destinations of copies, such as `s3://BUCKET/PREFIX`"
    )]
    /// [default: `$STATE_DIRECTORY`, else `./dump`]
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

impl StatusArgs {
    /// Runs the command.
    pub(super) fn run(self) -> Result<Exit> {
        #[cfg(feature = "copies")]
        if let Some(places) = CopySelection::from(self.copies).parse_locations(&self.directories)? {
            return copy::show_status(&places, self.max_age, self.json).map(Exit::from_failures);
        }
        let directories = find_directories(self.directories)?;
        let now = clock::now();
        let rows = status::judge_directories(&directories, self.max_age, self.trust_records, now);
        #[cfg(feature = "copies")]
        let mut rows = rows;
        #[cfg(feature = "copies")]
        let added = self.record.add_to(&mut rows);
        #[cfg(not(feature = "copies"))]
        let added: Result<()> = Ok(());
        if let Some(file) = &self.metrics {
            metrics::write(file, &rows)?;
        }
        added?;
        let failures = status::print(&rows, self.json, now)?;
        if !self.no_survey {
            survey::warn_of_record(&self.survey, now);
        }
        Ok(Exit::from_failures(failures))
    }
}
