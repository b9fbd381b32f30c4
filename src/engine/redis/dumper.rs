//! Dumps an RDB file: the one that a server sends, or one on the disk.

use std::io::{Read, Write};

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::client::Client;
use super::count::{Count, name_database};
use super::explain::explain;
use super::leftovers;
use super::server::Server;
use crate::child::Child;
use crate::content::rdb::Rdb;
use crate::engine::dumper::{Dumper, ScratchFile};
use crate::header::Facts;
use crate::identity::{Engine, Identity};
use crate::name::Format;

/// The name of the dumps of a server, because a server has no name.
pub(super) const NAME: &str = "redis";
const BUFFER: usize = 256 << 10;
/// The length in bytes of the mark that the server sends after an RDB file whose length it does not
/// know before. The client passes it on.
const MARK: usize = 40;
/// The error of clients before 6.2.5 that cannot write a pipe to the disk. They have then passed on
/// everything.
const CANNOT_SYNC: &str = "Fail to fsync '-'";

/// Where an RDB file comes from.
pub(super) trait RdbOrigin {
    /// Makes the file ready to be read.
    ///
    /// # Errors
    /// When there is no file.
    fn begin(&mut self) -> Result<()>;

    /// Passes the whole file on, and checks it. Returns what it holds.
    ///
    /// # Errors
    /// When the file is damaged or not whole, or cannot be read or written.
    fn pass_on(&mut self, out: &mut dyn Write) -> Result<Rdb<Count>>;
}

/// Dumps an RDB file.
pub(super) struct RdbDumper<O> {
    pub(super) origin: O,
    pub(super) identity: Identity,
    /// The version of the server, if it is known.
    pub(super) version: String,
    /// The names of the databases that the server has, if they are known.
    pub(super) databases: Vec<String>,
    pub(super) facts: Facts,
}

/// A running server.
pub(super) struct RunningServer {
    client: Client,
    child: Option<Child>,
}

impl RdbDumper<RunningServer> {
    /// Connects and checks that the server can be dumped whole.
    ///
    /// # Errors
    /// One sentence that says why it cannot.
    pub(super) fn open(client: Client) -> Result<Self> {
        let server = Server::query(&client)?;
        leftovers::warn_of_marked(&client, server.keys().keys());
        Ok(RdbDumper {
            identity: make_identity(client.find_location()),
            version: server.version(),
            databases: server.keys().into_keys().map(name_database).collect(),
            origin: RunningServer {
                client,
                child: None,
            },
            facts: Facts::default(),
        })
    }
}

impl RdbOrigin for RunningServer {
    fn begin(&mut self) -> Result<()> {
        let mut command = self.client.build_command();
        command.args(["--rdb", "-"]);
        let stop = self.client.stop();
        let mut child = Child::read_from(&mut command, self.client.program(), stop)?;
        child.keep_lines(3);
        // The server sends the first byte once it has begun its snapshot, or ended it.
        if !child.wait_for_output()? {
            finish(child, false)?;
            bail!("{} sent nothing, so there is no dump", self.client.url());
        }
        self.child = Some(child);
        Ok(())
    }

    fn pass_on(&mut self, out: &mut dyn Write) -> Result<Rdb<Count>> {
        let mut child = self.child.take().context("there is no snapshot")?;
        let (rdb, after) = pass_on(&mut child, out).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => anyhow!("the server sent {error}"),
            _ => Error::from(error),
        })?;
        let whole = rdb.check();
        finish(child, whole.is_ok())?;
        whole.map_err(|why| anyhow!("the server's RDB file is not whole: {why}"))?;
        ensure!(
            after == 0 || after == MARK,
            "the server sent {} after its RDB file; the client and the server do not fit together",
            crate::human::format_count(after, "byte")
        );
        if !rdb.has_checksum() {
            log::warn!(
                "{} writes no checksum into its RDB files, so only their structure can be checked; set `rdbchecksum yes` in its configuration",
                self.client.url()
            );
        }
        Ok(rdb)
    }
}

/// Waits for the client, and says why the dump has failed if it has.
fn finish(child: Child, is_whole: bool) -> Result<()> {
    match child.finish() {
        Err(error) if is_whole && format!("{error:#}").contains(CANNOT_SYNC) => Ok(()),
        ended => ended.map_err(|error| explain(&error)),
    }
}

/// Returns the identity of the server at `location`.
pub(super) fn make_identity(location: String) -> Identity {
    Identity {
        engine: Engine::Redis,
        location,
        database: None,
    }
}

/// Returns what the header says about an RDB file.
fn gather_facts(rdb: &Rdb<Count>) -> Facts {
    let count = &rdb.visitor;
    let tables = count.tables();
    let mut settings = Map::new();
    settings.insert("rdb_version".to_owned(), rdb.version().into());
    settings.insert("checksum".to_owned(), rdb.has_checksum().into());
    settings.insert("expiring_keys".to_owned(), count.expiring().into());
    settings.insert("libraries".to_owned(), count.functions.into());
    Facts {
        table_count: tables.len(),
        tables,
        settings,
    }
}

/// Returns the settings of [`gather_facts`] with their longest values.
fn make_longest_settings() -> Map<String, Value> {
    let names = ["rdb_version", "checksum", "expiring_keys", "libraries"];
    let longest = names.map(|name| (name.to_owned(), u64::MAX.into()));
    longest.into_iter().collect()
}

/// Passes an RDB file on, and checks it. Returns what it holds, and the number of bytes that follow
/// it.
///
/// # Errors
/// When the file is damaged, or cannot be read or written. What ends too early is no error.
pub(super) fn pass_on(
    from: &mut dyn Read,
    out: &mut dyn Write,
) -> std::io::Result<(Rdb<Count>, usize)> {
    let mut rdb = Rdb::new(Count::new(Timestamp::now()));
    let mut buffer = vec![0; BUFFER];
    let mut after = 0;
    loop {
        let read = match from.read(&mut buffer)? {
            0 => return Ok((rdb, after)),
            read => read,
        };
        let own = rdb.read(&buffer[..read])?;
        out.write_all(&buffer[..own])?;
        after += read - own;
    }
}

impl<O: RdbOrigin> Dumper for RdbDumper<O> {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn file_name(&self) -> Vec<u8> {
        b"dump.rdb".to_vec()
    }

    fn database(&self) -> Vec<u8> {
        NAME.into()
    }

    fn format(&self) -> Format {
        Format::Rdb
    }

    fn engine_version(&self) -> String {
        self.version.clone()
    }

    fn scratch_bytes(&self) -> u64 {
        0
    }

    fn take_snapshot(&mut self, _scratch: Option<ScratchFile<'_>>) -> Result<()> {
        self.origin.begin()
    }

    fn settings(&self) -> Map<String, Value> {
        make_longest_settings()
    }

    fn tables(&self) -> Vec<String> {
        self.databases.clone()
    }

    fn stream(&mut self, out: &mut dyn Write) -> Result<()> {
        self.facts = gather_facts(&self.origin.pass_on(out)?);
        Ok(())
    }

    fn check(&mut self, _thorough: bool) -> Result<Facts> {
        Ok(self.facts.clone())
    }
}
