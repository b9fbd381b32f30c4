//! `dump`: its flags, and its run.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use clap::builder::BoolishValueParser;
use glob::Pattern;

use super::output::OutputArgs;
use super::retention::RetentionArgs;
use crate::dump::{self, DumpOptions, RetentionChoice, Selection, SeriesOptions};
use crate::engine::command::Program;
use crate::engine::parse_source;
use crate::exit::{Exit, UsageError};
use crate::header::LeftOut;

/// `dump`.
#[derive(Debug, Args)]
pub struct DumpArgs {
    /// An SQLite file (a path, or `sqlite:PATH`) or a database of a server:
    /// `postgresql://[USER@][HOST]/DATABASE`, `mysql://...` or `mariadb://...`. A server URL without
    /// DATABASE means every database of the server, and `@globals`: its roles, users and grants. A
    /// Redis or Valkey server is dumped as a whole: `redis://[USER@]HOST`, `rediss://...` or
    /// `redis+unix:///SOCKET`
    #[arg(required_unless_present = "program", value_name = "SOURCE")]
    pub sources: Vec<OsString>,

    /// After `--`: a program with its arguments that writes a dump to its standard output and exits
    /// 0. Needs --name
    #[arg(
        last = true,
        value_name = "PROGRAM",
        requires = "name",
        conflicts_with = "sources"
    )]
    pub program: Vec<OsString>,

    /// Name the dumps NAME instead of after the database
    #[arg(long, env = "DUMP_DATABASE_NAME")]
    pub name: Option<String>,

    /// Skip the databases of a server whose names match NAME, a pattern with `*`, `?` and `[...]`.
    /// Give the flag several times, or separate patterns by commas
    #[arg(
        long,
        value_name = "NAME",
        env = "DUMP_DATABASE_EXCLUDE",
        value_delimiter = ','
    )]
    pub exclude: Vec<Pattern>,

    /// Leave out the tables whose names match PATTERN. For PostgreSQL a pattern of `pg_dump`
    /// (`audit_*`, `history.*`); without a schema it means every schema. For MySQL and MariaDB a
    /// pattern with `*`, `?` and `[...]`. A pattern that matches no table is an error. Give the flag
    /// several times, or separate patterns by commas
    #[arg(
        long,
        value_name = "PATTERN",
        env = "DUMP_DATABASE_EXCLUDE_TABLE",
        value_delimiter = ','
    )]
    pub exclude_table: Vec<String>,

    /// Leave out the rows of the tables whose names match PATTERN, as for --exclude-table. The
    /// tables are dumped empty
    #[arg(
        long,
        value_name = "PATTERN",
        env = "DUMP_DATABASE_EXCLUDE_ROWS",
        value_delimiter = ','
    )]
    pub exclude_rows: Vec<String>,

    /// Dump N databases at the same time
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_JOBS",
        default_value = "1"
    )]
    pub jobs: NonZeroUsize,

    /// Publish no dump of a database that did not change since its newest dump. The run still
    /// counts as a success
    #[arg(long, env = "DUMP_DATABASE_SKIP_UNCHANGED", value_parser = BoolishValueParser::new())]
    pub skip_unchanged: bool,

    /// After the run, write the metrics of the dump directory to FILE, for the Prometheus node
    /// exporter
    #[arg(long, value_name = "FILE", env = "DUMP_DATABASE_METRICS")]
    pub metrics: Option<PathBuf>,

    /// Accept that the newest dump of this name was made from another source, because the database
    /// moved
    #[arg(long, env = "DUMP_DATABASE_ADOPT", value_parser = BoolishValueParser::new())]
    pub adopt: bool,

    /// How and where dumps are written
    #[command(flatten)]
    pub output: OutputArgs,

    /// Which dumps stay
    #[command(flatten)]
    pub retention: RetentionArgs,
}

impl DumpArgs {
    /// Runs the command. `has_policy` is true if the user gave a retention policy.
    pub(super) fn run(self, has_policy: bool) -> Result<Exit> {
        let mut sources = self
            .sources
            .iter()
            .map(|text| parse_source(text).map_err(|why| UsageError::new(&why)))
            .collect::<Result<Vec<_>, _>>()?;
        if !self.program.is_empty() {
            sources.push(Arc::new(Program {
                name: self.name.clone().unwrap_or_default(),
                words: self.program,
            }));
        }
        let options = DumpOptions {
            output: self.output.read()?,
            series: SeriesOptions {
                adopt: self.adopt,
                keep: if has_policy {
                    RetentionChoice::By(self.retention.into())
                } else {
                    RetentionChoice::AsBefore
                },
                skip_unchanged: self.skip_unchanged,
            },
            left_out: LeftOut::new(self.exclude_table, self.exclude_rows),
            metrics: self.metrics,
        };
        let selection = Selection {
            name: self.name,
            exclude: self.exclude,
            jobs: self.jobs,
        };
        dump::run(&sources, &selection, &options).map(Exit::from_failures)
    }
}
