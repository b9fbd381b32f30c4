//! Restores a dump into a running server.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;

use super::client::Client;
use super::commands::encode;
use super::count::Count;
use super::dumper::RdbDumper;
use super::explain::explain;
use super::feed::{Feed, write_footer};
use super::leftovers;
use super::places::EmptyDatabases;
use super::server::Server;
use crate::content::rdb::Rdb;
use crate::engine::feed::finish;
use crate::engine::load::{ExistingDatabase, LOSING, LoadResult, explain_not_saved};
use crate::human::format_count;
use crate::read::read_whole;
use crate::stop::Stop;

/// The greatest length in bytes of a value that every server takes (`proto-max-bulk-len`).
const LONGEST_VALUE: u64 = 512 << 20;

/// Restores a dump into the server.
///
/// # Errors
/// The reason why the dump cannot be restored. The server's data is then as it was before, unless
/// the error says otherwise.
pub(super) fn run(
    dump: &File,
    client: &Client,
    mut existing: ExistingDatabase<'_>,
    stop: Stop,
) -> Result<LoadResult> {
    let server = Server::query(client)?;
    refuse_unfit(&server)?;
    leftovers::remove(client, &server.keys())?;
    let used = Server::query(client)?.keys();
    let (dumped, version) = survey(dump, stop)?;
    refuse_unloadable(client, &server, &dumped)?;
    let has_functions =
        server.knows_functions() && client.ask(&["FUNCTION", "LIST"])? != "(empty array)";
    let holds = !used.is_empty() || has_functions;
    let replaces = existing.replaces();
    if holds {
        let keys = usize::try_from(used.values().sum::<u64>()).unwrap_or(usize::MAX);
        let held = match keys {
            0 => "functions".to_owned(),
            keys => format_count(keys, "key"),
        };
        ensure!(
            replaces,
            "the server is not empty, it holds {held}; --replace dumps it first and then replaces it"
        );
        if let ExistingDatabase::Save(save) = &mut existing {
            save.prepare()?;
        }
    }
    let saved = match existing {
        ExistingDatabase::Save(save) if holds => {
            let saved = RdbDumper::open(client.clone()).and_then(|mut old| save.save(&mut old));
            Some(saved.map_err(|error| explain_not_saved(error, LOSING))?)
        }
        _ => None,
    };
    let databases: Vec<_> = dumped.databases.keys().copied().collect();
    // Since the server was asked, the dump was read and the old data was saved, which takes minutes.
    let used_now = Server::query(client)?.keys();
    let begun = used_now
        .keys()
        .filter(|number| !used.contains_key(number) && !databases.contains(number));
    for number in begun.filter(|_| replaces) {
        log::warn!(
            "another client began to use database {number} during the restore; it was not saved, and stays as it is"
        );
    }
    let mut places = EmptyDatabases::take(client, dump, &databases, &used_now)?;
    if !replaces {
        refuse_begun(&places.find_others(&used_now))?;
    }
    send(dump, client, &mut places, &dumped, stop)
        .context("the dump cannot be loaded; the old data is as it was")?;
    let expected: BTreeMap<_, _> = dumped
        .databases
        .iter()
        .map(|(number, keys)| (*number, (keys.all - keys.expiring, keys.all)))
        .collect();
    places.check(&expected)?;
    stop.check()?;
    let gone: Vec<_> = used
        .into_keys()
        .filter(|number| !dumped.databases.contains_key(number))
        .collect();
    let functions = match dumped.functions {
        0 if !has_functions => None,
        0 => Some(vec![b"FUNCTION".to_vec(), b"FLUSH".to_vec()]),
        _ => {
            let mut libraries = dumped.libraries;
            libraries.extend(write_footer(&libraries, version));
            let words = [b"FUNCTION".to_vec(), b"RESTORE".to_vec(), libraries];
            Some(words.into_iter().chain([b"FLUSH".to_vec()]).collect())
        }
    };
    if !replaces {
        refuse_begun(&places.find_others(&Server::query(client)?.keys()))?;
    }
    places.exchange(functions, &gone)?;
    Ok(LoadResult::new(saved, Vec::new()))
}

/// Refuses a server that was empty, and whose databases `begun` other clients have begun to use.
fn refuse_begun(begun: &[u64]) -> Result<()> {
    let begun: Vec<_> = begun.iter().map(u64::to_string).collect();
    ensure!(
        begun.is_empty(),
        "the server was empty, and other clients began to use it during the restore (database {}); stop them, or replace what it holds with --replace",
        begun.join(", ")
    );
    Ok(())
}

/// Refuses a server that would not keep what is restored.
fn refuse_unfit(server: &Server) -> Result<()> {
    if let Some(primary) = server.primary() {
        bail!("the server is a replica of {primary}; restore into that server");
    }
    if let Some(policy) = server.eviction() {
        bail!(
            "the server removes keys when its memory is full (maxmemory-policy {policy}), so it could remove keys while they are restored; set maxmemory-policy to noeviction during the restore"
        );
    }
    Ok(())
}

/// Refuses a dump that this server cannot load key by key.
fn refuse_unloadable(client: &Client, server: &Server, dumped: &Count) -> Result<()> {
    let instead = "restore it into the dump.rdb of a stopped server";
    ensure!(
        !dumped.has_module_data,
        "the dump has data of a module outside of keys, which a running server does not take; {instead}"
    );
    ensure!(
        dumped.functions == 0 || server.knows_functions(),
        "the dump has functions, which {} does not know",
        server.version()
    );
    let largest = dumped.large.iter().max().copied().unwrap_or_default() + 1024;
    if largest > LONGEST_VALUE {
        let limit = client.ask(&["CONFIG", "GET", "proto-max-bulk-len"])?;
        let limit = limit.rsplit('"').nth(1).and_then(|it| it.parse().ok());
        ensure!(
            limit.unwrap_or(LONGEST_VALUE) >= largest,
            "the dump has a value of {}, longer than the server takes; raise proto-max-bulk-len (CONFIG SET), or {instead}",
            crate::human::format_bytes(largest)
        );
    }
    Ok(())
}

/// Returns what a dump holds, and the version of its format.
pub(super) fn survey(dump: &File, stop: Stop) -> Result<(Count, u32)> {
    let mut rdb = Rdb::new(Count::new(Timestamp::now()));
    read_whole(dump, stop, &mut Reading(&mut rdb))?;
    let version = rdb.version();
    Ok((rdb.visitor, version))
}

struct Reading<'a>(&'a mut Rdb<Count>);

impl Write for Reading<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.read(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends the keys of the dump into their places.
fn send(
    dump: &File,
    client: &Client,
    places: &mut EmptyDatabases<'_>,
    dumped: &Count,
    stop: Stop,
) -> Result<()> {
    let mut child = client.start_pipe()?;
    child.write_all(&encode(&places.write_name()))?;
    let mut feed = Feed::new(&mut child, &places.place_of_database, &dumped.large);
    let fed = read_whole(dump, stop, &mut feed);
    let sent = feed.keys();
    let fed = fed.and_then(|_| feed.finish());
    places.sent = sent;
    finish(child, fed, stop).map_err(|error| explain(&error))
}
