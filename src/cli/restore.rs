//! `restore`: its flags, and its run.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use clap::builder::BoolishValueParser;

#[cfg(feature = "copies")]
use super::copies::CopySource;
use super::output::OutputArgs;
#[cfg(feature = "copies")]
use crate::copy::{self, CopySelection};
use crate::engine::parse_source;
use crate::exit::{Exit, UsageError};
use crate::restore::{self, ReplaceMode, RequestedDump, RestoreOptions};

/// The heading of the flags of `restore` that concern the dump of the database it replaces.
const REPLACED: &str = "The dump of the database that is replaced";

/// `restore`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate flag")]
#[command(
    mut_arg("to", |arg| arg.help_heading(REPLACED).help(
        "Save the replaced database in this dump directory, of which only the last component is \
         created [default: `$STATE_DIRECTORY`, else `./dump`]",
    )),
    mut_arg("compress", |arg| arg.help_heading(REPLACED).help(
        "Compress the dump of the replaced database: gzip[:0-9] or zstd[:1-19]",
    )),
    mut_arg("format", |arg| arg.help_heading(REPLACED).help(
        "The format of the dump of a replaced PostgreSQL database",
    )),
    mut_arg("sessions", |arg| arg.help_heading(REPLACED).help(
        "Read the rows of a replaced PostgreSQL database by N sessions [default: one fewer than the \
         number of cores, 1 to 4; 1 if the large tables have less than 256 MiB together]",
    )),
    mut_arg("large_table", |arg| arg.help_heading(REPLACED).help(
        "Let several sessions read each table of a replaced PostgreSQL database that has at least \
         SIZE (`16MiB`, `1GB`)",
    )),
    mut_arg("full_check", |arg| arg.help_heading(REPLACED).help(
        "Compare the indexes of the replaced SQLite database with its tables if the last such check \
         is older than TIME; 0 means always",
    )),
    mut_arg("threads", |arg| arg.help(
        "Use N sessions to load the large tables of a PostgreSQL dump, and N threads to compress \
         the dump of the replaced database [default: the number of cores, at most 4]",
    )),
    mut_arg("timeout", |arg| arg.help(
        "Stop the restore after TIME (30s, 10m, 1h); the old database then stays as it was",
    ))
)]
pub struct RestoreArgs {
    /// A dump, or a dump directory, of which the newest good dump is restored
    #[cfg_attr(
        feature = "copies",
        doc = "(or a copy, or a destination of copies, such as `s3://BUCKET/PREFIX`)"
    )]
    #[arg(value_name = "DUMP")]
    pub dump: PathBuf,

    /// The database to restore into: an SQLite file (a path, or `sqlite:PATH`) or a database of a
    /// server (`postgresql://[USER@][HOST]/DATABASE`, `mysql://...`, `mariadb://...`). A dump of
    /// `@globals` needs a server URL without a database; a dump directory and such a URL restore
    /// `@globals` and every database. A dump of Redis or Valkey needs the URL of a server
    /// (`redis://HOST`, `redis+unix:///SOCKET`), or the path of the file `*.rdb` of a stopped server
    #[arg(value_name = "TARGET")]
    pub target: OsString,

    /// Restore the newest dump of the database NAME. Needed where DUMP is a directory with dumps of
    /// several databases, or a destination. There, NAME@DIRECTORY is one of several databases called
    /// NAME, and NAME@ is the one without a directory
    #[arg(long, env = "DUMP_DATABASE_NAME")]
    pub name: Option<String>,

    /// Which copies
    #[cfg(feature = "copies")]
    #[command(flatten)]
    pub copies: CopySource,

    /// Replace TARGET if it exists. TARGET is dumped first
    #[arg(long, env = "DUMP_DATABASE_REPLACE", value_parser = BoolishValueParser::new())]
    pub replace: bool,

    /// With --replace: if the existing database cannot be dumped whole, save what can be saved and
    /// log what cannot. MySQL and MariaDB: what can be read is dumped. PostgreSQL: the database
    /// stays on the server under another name
    #[arg(
        long,
        env = "DUMP_DATABASE_SAVE_PARTLY",
        value_parser = BoolishValueParser::new(),
        requires = "replace",
        conflicts_with = "without_saving"
    )]
    pub save_partly: bool,

    /// With --replace: do not dump the existing database first; it is lost. For a database that is
    /// too damaged to be dumped
    #[arg(
        long,
        env = "DUMP_DATABASE_WITHOUT_SAVING",
        value_parser = BoolishValueParser::new(),
        requires = "replace"
    )]
    pub without_saving: bool,

    /// Restore into a database that exists, if it is empty: for a user who may not create databases
    #[arg(
        long,
        env = "DUMP_DATABASE_INTO_EMPTY",
        value_parser = BoolishValueParser::new(),
        conflicts_with = "replace"
    )]
    pub into_empty: bool,

    /// Leave out owners, definers and privileges: all that is restored belongs to the user that
    /// restores
    #[arg(long, env = "DUMP_DATABASE_NO_OWNER", value_parser = BoolishValueParser::new())]
    pub no_owner: bool,

    /// Restore what can be restored. If an object fails, name it, keep the new database, and exit 1
    #[arg(long, env = "DUMP_DATABASE_KEEP_GOING", value_parser = BoolishValueParser::new())]
    pub keep_going: bool,

    /// How and where the replaced database is dumped
    #[command(flatten)]
    pub output: OutputArgs,
}

impl RestoreArgs {
    /// Runs the command.
    pub(super) fn run(self) -> Result<Exit> {
        let replace = self.replace_mode();
        #[cfg(feature = "copies")]
        let copies = CopySelection {
            name: self.name.clone(),
            ..self.copies.into()
        };
        #[cfg(feature = "copies")]
        let places = copies.parse_locations(std::slice::from_ref(&self.dump))?;
        let options = RestoreOptions {
            replace,
            keep_going: self.keep_going,
            no_owner: self.no_owner,
            output: self.output.read()?,
        };
        let from = RequestedDump {
            path: self.dump,
            name: self.name,
        };
        let target = parse_source(&self.target).map_err(|why| UsageError::new(&why))?;
        #[cfg(feature = "copies")]
        if let Some([place]) = places.as_deref() {
            let identities = copies.read_identities()?;
            return copy::restore(place, identities.as_ref(), target.as_ref(), &options)
                .map(Exit::from_failures);
        }
        restore::run(&from, target.as_ref(), &options).map(Exit::from_failures)
    }

    fn replace_mode(&self) -> ReplaceMode {
        match (self.replace, self.into_empty) {
            (true, _) if self.without_saving => ReplaceMode::Unsaved,
            (true, _) if self.save_partly => ReplaceMode::SavedPartly,
            (true, _) => ReplaceMode::Saved,
            (false, true) => ReplaceMode::Empty,
            (false, false) => ReplaceMode::No,
        }
    }
}
