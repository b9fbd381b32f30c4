//! `survey`: its flags, and its run.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap::builder::BoolishValueParser;
use glob::Pattern;

use crate::exit::Exit;
use crate::human::parse_duration;
use crate::survey::{self, SurveyOptions};

/// `survey`.
#[derive(Debug, Args)]
pub struct SurveyArgs {
    /// The directories to search for SQLite files
    #[arg(
        value_name = "PLACE",
        default_values = ["/var/lib", "/srv", "/home", "/root", "/opt"]
    )]
    pub places: Vec<PathBuf>,

    /// Also look for dumps in DIR and in its subdirectories. Dumps in `/var/lib/dump-database` and in
    /// the directories that units name are always found
    #[arg(
        long,
        value_name = "DIR",
        env = "DUMP_DATABASE_DUMPS",
        value_delimiter = ','
    )]
    pub dumps: Vec<PathBuf>,

    /// Leave out databases whose path, socket or address matches PATTERN, with `*`, `?` and `[...]`
    #[arg(
        long,
        value_name = "PATTERN",
        env = "DUMP_DATABASE_IGNORE",
        value_delimiter = ','
    )]
    pub ignore: Vec<Pattern>,

    /// Stop the search for files after TIME (30s, 10m, 1h); the survey is then not complete, and fails
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_TIMEOUT",
        default_value = "5m",
        value_parser = parse_duration
    )]
    pub timeout: Duration,

    /// Also record the survey in FILE, so that `status` names what nobody dumps
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_RECORD")]
    pub record: Option<PathBuf>,

    /// Print a JSON object
    #[arg(long, env = "DUMP_DATABASE_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}

impl SurveyArgs {
    /// Runs the command.
    pub(super) fn run(self) -> Result<Exit> {
        survey::run(&SurveyOptions {
            places: self.places,
            dumps: self.dumps,
            ignored: self.ignore,
            timeout: self.timeout,
            record: self.record,
            json: self.json,
        })
        .map(Exit::from_failures)
    }
}
