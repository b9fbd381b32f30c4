//! A throwaway Redis or Valkey server that is reachable only through a Unix socket.
//!
//! The server first loads the RDB file of the dump itself, as after a start. Then it is emptied, and
//! the restore loads the dump into it. Both must give the same values.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::client::Client;
use super::count::{Count, name_database};
use super::load::survey;
use super::server::Server;
use super::source::RedisSource;
use crate::child::output::read_output;
use crate::engine::source::Source;
use crate::engine::throwaway::process::{ServerProcess, find_program};
use crate::engine::throwaway::{RestoredContent, Throwaway, ThrowawayResources};
use crate::header::Header;
use crate::read::read_whole;
use crate::secret::Secret;
use crate::stop::Stop;
use crate::url::{Url, encode};

const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
/// The words of a server that is too old for the RDB file.
const TOO_OLD: &str = "Can't handle RDB format version";
/// The words of a server that lacks a module.
const NO_MODULE: &str = "no matching module";
/// The greatest number of a database that a throwaway server gets.
const LAST_DATABASE: u64 = 100_000;

/// A throwaway server.
pub(super) struct ThrowawayServer {
    program: PathBuf,
    work: PathBuf,
    sockets: PathBuf,
    password: Secret,
    stop: Stop,
    running: OnceCell<Running>,
}

/// A server that has loaded the dump's RDB file.
struct Running {
    client: Client,
    /// The dump, to be read again.
    dump: File,
    /// The number of keys whose time had passed before the server loaded the file.
    expired: u64,
    /// The hash of all values that the server loaded from the file.
    digest: String,
    problems: Vec<String>,
    _process: ServerProcess,
}

impl ThrowawayServer {
    /// Finds the server program of the maker of the dumped server, else of the other one.
    pub(super) fn new(
        workshop: &ThrowawayResources<'_>,
        header: &Header,
        stop: Stop,
    ) -> Result<Self> {
        let mut programs = PROGRAMS;
        if header.engine_version.starts_with("Valkey") {
            programs.reverse();
        }
        let program = programs.into_iter().find_map(find_program);
        Ok(ThrowawayServer {
            program: program.with_context(|| {
                format!(
                    "the server program {} is needed; install it, or put it in PATH",
                    programs[0]
                )
            })?,
            work: workshop.work.to_owned(),
            sockets: workshop.sockets.clone(),
            password: workshop.password.clone(),
            stop,
            running: OnceCell::new(),
        })
    }

    fn start(&self, dump: &File) -> Result<(Url, Running)> {
        let stop = self.stop;
        let place = self.work.join("redis");
        fs::create_dir(&place)?;
        let (before, _) = survey(dump, stop)?;
        let last = before.databases.keys().next_back().copied();
        let last = last.unwrap_or_default();
        ensure!(
            last <= LAST_DATABASE,
            "the dump has a database {last}, for which no throwaway server has room"
        );
        let mut rdb = BufWriter::new(create(&place.join("dump.rdb"))?);
        read_whole(dump, stop, &mut rdb)?;
        rdb.flush()?;
        drop(rdb);
        let socket = self.sockets.join("s");
        let databases = last + 2 + before.databases.len() as u64;
        let configuration = self.write_configuration(&place, &socket, databases)?;
        let mut command = Command::new(&self.program);
        command.arg(&configuration).current_dir(&place);
        let workshop = ThrowawayResources {
            work: &self.work,
            sockets: self.sockets.clone(),
            password: self.password.clone(),
        };
        let mut process =
            ServerProcess::start(&mut command, "server", Signal::TERM, &workshop, stop)?;
        let socket = socket.to_string_lossy();
        let socket: Vec<_> = socket.split('/').map(encode).collect();
        let url = Url::parse(&format!("redis+unix://{}", socket.join("/")))
            .map_err(anyhow::Error::msg)?
            .isolate();
        let client = Client::new(&url, Some(&self.password), stop)?;
        let is_final = |error: &anyhow::Error| format!("{error:#}").contains("WRONGPASS");
        process.wait_until(|| Server::query(&client).map(drop), is_final, stop)?;
        client.ask(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"])?;
        let (after, _) = survey(dump, stop)?;
        let problems = find_differences(&client, &before, &after)?;
        let digest = client.ask(&["DEBUG", "DIGEST"])?;
        client.ask(&["FLUSHALL"])?;
        if before.functions > 0 {
            client.ask(&["FUNCTION", "FLUSH"])?;
        }
        let running = Running {
            client,
            dump: dump.try_clone()?,
            expired: before.expired(),
            digest,
            problems,
            _process: process,
        };
        Ok((url, running))
    }

    /// Writes the configuration of the server, which holds its password. Returns its path.
    fn write_configuration(&self, place: &Path, socket: &Path, databases: u64) -> Result<PathBuf> {
        let mut version = Command::new(&self.program);
        let version = read_output(version.arg("--version"), "server", self.stop)?;
        let version = String::from_utf8_lossy(&version);
        let major = version
            .split("v=")
            .nth(1)
            .and_then(|it| it.split('.').next());
        let knows_debug = major.and_then(|major| major.parse::<u32>().ok()) >= Some(7);
        let path = place.join("redis.conf");
        let mut file = create(&path)?;
        writeln!(file, "port 0")?;
        writeln!(file, "unixsocket {}", socket.display())?;
        writeln!(file, "unixsocketperm 700")?;
        writeln!(file, "dir {}", place.display())?;
        writeln!(file, "dbfilename dump.rdb")?;
        writeln!(file, "save \"\"\nappendonly no\ndaemonize no\nmaxmemory 0")?;
        writeln!(file, "databases {databases}")?;
        writeln!(
            file,
            "proto-max-bulk-len 16gb\nclient-query-buffer-limit 16gb"
        )?;
        // Only the password keeps others out where the sandbox does not.
        let password = self.password.expose().to_string_lossy();
        writeln!(file, "requirepass {password}")?;
        if knows_debug {
            writeln!(file, "enable-debug-command local")?;
        }
        Ok(path)
    }
}

impl Throwaway for ThrowawayServer {
    fn prepare(&mut self, _header: &Header, dump: &File) -> Result<Arc<dyn Source>> {
        let (url, running) = self.start(dump)?;
        let _ = self.running.set(running);
        let source = RedisSource::from_url(url).map_err(anyhow::Error::msg)?;
        Ok(Arc::new(source))
    }

    fn find_missing(&self, _header: &Header, error: &anyhow::Error) -> Option<&'static str> {
        let error = format!("{error:#}");
        if error.contains(TOO_OLD) || error.contains("does not know the format of the dump") {
            Some("a server of the same maker, in the same or a newer version")
        } else if error.contains(NO_MODULE) || error.contains("load the modules") {
            Some("the modules of the dumped server")
        } else {
            None
        }
    }

    fn read_contents(&self, _header: &Header) -> Result<Option<RestoredContent>> {
        let running = self.running.get().context("the server is not running")?;
        let client = &running.client;
        let (now, _) = survey(&running.dump, self.stop)?;
        let mut problems = running.problems.clone();
        // Keys that expired in between make the two different.
        if now.expired() == running.expired && client.ask(&["DEBUG", "DIGEST"])? != running.digest {
            problems.push(
                "the values that were restored are not those that the server itself loads from the dump"
                    .to_owned(),
            );
        }
        Ok(Some(RestoredContent {
            rows: count_rows(client, &now)?,
            version: Some(Server::query(client)?.version()),
            problems,
        }))
    }
}

fn create(path: &Path) -> Result<File> {
    let mut options = File::options();
    let options = options.write(true).create_new(true).mode(0o600);
    options
        .open(path)
        .with_context(|| format!("cannot make {}", path.display()))
}

/// Returns the number of keys of each database, with the expired ones, which a server does not load.
fn count_rows(client: &Client, dumped: &Count) -> Result<BTreeMap<String, Option<u64>>> {
    let present = Server::query(client)?.keys();
    let all = present.keys().chain(dumped.databases.keys());
    let rows = all.map(|number| {
        let here = present.get(number).copied().unwrap_or_default();
        let keys = dumped.databases.get(number).copied().unwrap_or_default();
        let may_be_missing = keys.all.checked_sub(here);
        let is_whole = may_be_missing.is_some_and(|missing| missing <= keys.expired);
        (
            name_database(*number),
            Some(if is_whole { keys.all } else { here }),
        )
    });
    Ok(rows.collect())
}

/// Returns how the keys of a server differ from those of the dump that it loaded. `before` and
/// `after` count the keys that had expired before and after the server loaded them.
fn find_differences(client: &Client, before: &Count, after: &Count) -> Result<Vec<String>> {
    let present = Server::query(client)?.keys();
    let databases = before.databases.iter();
    let differences = databases.filter_map(|(number, keys)| {
        let here = present.get(number).copied().unwrap_or_default();
        let expired = after
            .databases
            .get(number)
            .copied()
            .unwrap_or_default()
            .expired;
        let least = keys.all - expired.min(keys.all);
        let most = keys.all - keys.expired.min(keys.all);
        let is_whole = (least..=most).contains(&here);
        (!is_whole).then(|| {
            let name = name_database(*number);
            let here = crate::human::format_count(here, "key");
            format!("the server loads {here} of {name} from the dump, which has {most}")
        })
    });
    Ok(differences.collect())
}
