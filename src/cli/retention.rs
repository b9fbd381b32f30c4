//! Which dumps of a database stay.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use crate::human::{parse_duration, parse_positive};
use crate::retention::Policy;

/// Which dumps of a database stay.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Retention")]
pub struct RetentionArgs {
    /// Keep the newest N dumps of each database
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP",
        default_value = "5",
        value_parser = parse_positive
    )]
    pub keep: NonZeroUsize,

    /// Also keep the newest dump of each of the last N hours that have a dump
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_HOURLY",
        default_value = "0"
    )]
    pub keep_hourly: usize,

    /// Also keep the newest dump of each of the last N days that have a dump
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_DAILY",
        default_value = "0"
    )]
    pub keep_daily: usize,

    /// Also keep the newest dump of each of the last N ISO weeks that have a dump
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_WEEKLY",
        default_value = "0"
    )]
    pub keep_weekly: usize,

    /// Also keep the newest dump of each of the last N months that have a dump
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_MONTHLY",
        default_value = "0"
    )]
    pub keep_monthly: usize,

    /// Also keep the newest dump of each of the last N years that have a dump
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_YEARLY",
        default_value = "0"
    )]
    pub keep_yearly: usize,

    /// If a kept dump has less than half the size or rows of an older dump, keep the largest such
    /// older dump for TIME, in case the database was emptied by accident; 0 turns this off
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_KEEP_BEFORE_SHRINK",
        default_value = "7d",
        value_parser = parse_duration
    )]
    pub keep_before_shrink: Duration,

    /// Keep the dumps that `restore --replace` saved for TIME, at most three of each database; no
    /// other rule counts them
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_KEEP_REPLACED",
        default_value = "7d",
        value_parser = parse_duration
    )]
    pub keep_replaced: Duration,
}

impl RetentionArgs {
    /// Returns true if a flag or an environment variable says which dumps stay.
    #[must_use]
    pub fn is_given(matches: &ArgMatches) -> bool {
        let own = matches.ids().filter(|id| id.as_str().starts_with("keep"));
        own.map(|id| matches.value_source(id.as_str()))
            .any(|source| source != Some(ValueSource::DefaultValue))
    }
}

impl From<RetentionArgs> for Policy {
    fn from(args: RetentionArgs) -> Self {
        Policy {
            last: args.keep,
            hourly: args.keep_hourly,
            daily: args.keep_daily,
            weekly: args.keep_weekly,
            monthly: args.keep_monthly,
            yearly: args.keep_yearly,
            before_shrink: args.keep_before_shrink,
            replaced: args.keep_replaced,
        }
    }
}
