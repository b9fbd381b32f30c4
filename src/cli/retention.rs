//! Which dumps of a database stay.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use crate::human::{parse_duration, parse_positive};
use crate::retention::Policy;

/// Which dumps of a database stay. One more than these rules say is kept for a while when a
/// database shrank to less than half; that catches one emptied by accident and nothing subtler.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Retention")]
pub struct Retention {
    /// Keep the newest N dumps of each database
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP",
        default_value = "5",
        value_parser = parse_positive
    )]
    pub keep: NonZeroUsize,

    /// Keep the newest dump of each of the last N hours that have one
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_HOURLY",
        default_value = "0"
    )]
    pub keep_hourly: usize,

    /// Keep the newest dump of each of the last N days that have one
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_DAILY",
        default_value = "0"
    )]
    pub keep_daily: usize,

    /// Keep the newest dump of each of the last N ISO weeks that have one
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_WEEKLY",
        default_value = "0"
    )]
    pub keep_weekly: usize,

    /// Keep the newest dump of each of the last N months that have one
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_MONTHLY",
        default_value = "0"
    )]
    pub keep_monthly: usize,

    /// Keep the newest dump of each of the last N years that have one
    #[arg(
        long,
        value_name = "N",
        env = "DUMP_DATABASE_KEEP_YEARLY",
        default_value = "0"
    )]
    pub keep_yearly: usize,

    /// Keep for this long the largest older dump that is more than twice one of the newest, in
    /// size or in rows: a database emptied by accident; 0 turns it off
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_KEEP_BEFORE_SHRINK",
        default_value = "7d",
        value_parser = parse_duration
    )]
    pub keep_before_shrink: Duration,

    /// Keep for this long what `restore --replace` replaced, at most three dumps a database; they
    /// count for no other rule
    #[arg(
        long,
        value_name = "TIME",
        env = "DUMP_DATABASE_KEEP_REPLACED",
        default_value = "7d",
        value_parser = parse_duration
    )]
    pub keep_replaced: Duration,
}

impl Retention {
    /// Does a flag or the environment say what stays?
    #[must_use]
    pub fn is_given(matches: &ArgMatches) -> bool {
        let own = matches.ids().filter(|id| id.as_str().starts_with("keep"));
        own.map(|id| matches.value_source(id.as_str()))
            .any(|source| source != Some(ValueSource::DefaultValue))
    }
}

impl From<Retention> for Policy {
    fn from(args: Retention) -> Self {
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
