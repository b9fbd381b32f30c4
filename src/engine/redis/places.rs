//! The databases of a server into which a dump is loaded, and the exchange with the old ones.

use std::collections::BTreeMap;
use std::fs::File;
use std::time::Duration;

use anyhow::{Context, Error, Result, bail, ensure};

use super::client::Client;
use super::commands::{
    CommandWords, EXCHANGED, MARKER, flush, select, write_transaction, write_words,
};
use super::explain::explain;
use super::leftovers;
use super::removal::Removal;
use super::server::Server;
use crate::engine::feed::finish;
use crate::engine::leftover;
use crate::read::read_whole;
use crate::stop::Stop;

/// The time between two looks at the connections of the server.
const NAP: Duration = Duration::from_millis(20);

/// Empty databases of a server, one for each database of a dump. Dropping the value removes from them
/// what the restore put there, and nothing that other clients did.
pub(super) struct EmptyDatabases<'a> {
    client: &'a Client,
    dump: &'a File,
    /// The place of each database.
    pub(super) place_of_database: BTreeMap<u64, u64>,
    /// The value of the key that marks a place.
    mark: String,
    /// The number of keys of the dump that were sent.
    pub(super) sent: u64,
}

impl<'a> EmptyDatabases<'a> {
    /// Takes a place for each of the databases `wanted` of the dump. The databases `used` are not
    /// empty.
    ///
    /// # Errors
    /// When the server has too few databases, or refuses a command; when another restore takes
    /// places too.
    pub(super) fn take(
        client: &'a Client,
        dump: &'a File,
        wanted: &[u64],
        used: &BTreeMap<u64, u64>,
    ) -> Result<Self> {
        let taken = |number: &u64| used.contains_key(number) || wanted.contains(number);
        let mut free = (0..).filter(|number| !taken(number));
        let explain = || {
            format!(
                "a restore needs {} of the server besides those that the dump and the server use; else stop the server and restore into its dump.rdb",
                crate::human::format_count(wanted.len(), "empty database")
            )
        };
        // A command that follows a SELECT that failed would change another database. So this is
        // tried with nothing behind it.
        let try_out: Vec<_> = wanted.iter().copied().map(select).collect();
        client.run(&try_out).with_context(explain)?;
        let mut places = EmptyDatabases {
            client,
            dump,
            place_of_database: BTreeMap::new(),
            mark: leftover::make_name("dump-database", "restoring", 255),
            sent: 0,
        };
        for database in wanted {
            let place = loop {
                let place = free.next().context("no database is left")?;
                client.run(&[select(place)]).with_context(explain)?;
                let marked = places.mark(place);
                if marked.is_err() {
                    places.unmark(place);
                }
                if marked? {
                    break place;
                }
            };
            places.place_of_database.insert(*database, place);
        }
        // Of two restores that begin at the same time, the second to look finds the other's mark.
        let used = Server::query(client)?.keys();
        let own: Vec<_> = places.place_of_database.values().collect();
        leftovers::refuse_marked(client, used.keys().filter(|number| !own.contains(number)))?;
        Ok(places)
    }

    /// Marks a database as a place. Returns false if another client has begun to use it.
    fn mark(&self, place: u64) -> Result<bool> {
        let set = write_words(&["SET", MARKER, &self.mark, "NX"]);
        let answers = self
            .client
            .run(&[select(place), set, write_words(&["DBSIZE"])])?;
        let answers: Vec<_> = answers.iter().map(String::as_str).collect();
        match answers[..] {
            [_, "OK", "(integer) 1"] => Ok(true),
            [_, "OK", _] => {
                let unmark = write_words(&["DEL", MARKER]);
                self.client.run(&[select(place), unmark]).with_context(|| {
                    format!("the key {MARKER} could not be removed from database {place}")
                })?;
                Ok(false)
            }
            _ => bail!(
                "another restore into this server began at the same time, in database {place}; try again when it is done"
            ),
        }
    }

    /// Removes the mark of this restore from a database, if it is there: a signal can end the client after the
    /// server has set it.
    fn unmark(&self, place: u64) {
        let client = self.client.with_stop(Stop::for_cleanup());
        let own = leftovers::read_mark(&client, place);
        let removed = own.and_then(|mark| match mark {
            Some(mark) if mark == self.mark => client
                .run(&[select(place), write_words(&["DEL", MARKER])])
                .map(drop),
            _ => Ok(()),
        });
        if let Err(error) = removed {
            log::warn!("the key {MARKER} may still be in database {place}: {error:#}");
        }
    }

    /// Returns the command that gives a connection the name by which it is found.
    pub(super) fn write_name(&self) -> CommandWords {
        write_words(&["CLIENT", "SETNAME", &self.mark])
    }

    /// Returns the databases among `used` that are not places.
    pub(super) fn find_others(&self, used: &BTreeMap<u64, u64>) -> Vec<u64> {
        let places: Vec<_> = self.place_of_database.values().collect();
        let others = used.keys().filter(|number| !places.contains(number));
        others.copied().collect()
    }

    /// Checks that each place holds as many keys as were sent, given the least and the greatest
    /// number that can be there: keys may have expired meanwhile.
    ///
    /// # Errors
    /// When a place holds another number of keys.
    pub(super) fn check(&self, expected: &BTreeMap<u64, (u64, u64)>) -> Result<()> {
        for (database, place) in &self.place_of_database {
            let keys = self.client.query_number(*place, &["DBSIZE"])?;
            let (least, most) = expected.get(database).copied().unwrap_or_default();
            ensure!(
                (least + 1..=most + 1).contains(&keys),
                "database {database} has {} after loading, and the dump has {most}; another client changes database {place}",
                crate::human::format_count(keys.saturating_sub(1), "key")
            );
        }
        Ok(())
    }

    /// Exchanges the places with the databases, and sets the functions, all at once. Then empties
    /// the places, which hold the old data now, and the databases `gone`.
    ///
    /// # Errors
    /// When the exchange fails; the old data is then where it was, unless the error says otherwise.
    pub(super) fn exchange(mut self, functions: Option<CommandWords>, gone: &[u64]) -> Result<()> {
        // No signal interrupts this: it would not be known whether the server has done it.
        let limit = self.client.stop().limit();
        let client = self.client.with_stop(Stop::without_signals(limit));
        // What follows the functions cannot fail.
        let commands = functions.into_iter().chain(self.swap(true));
        if let Err(error) = client.run(&write_transaction(commands)) {
            return Err(self.undo(&client, error));
        }
        let places = std::mem::take(&mut self.place_of_database).into_values();
        let old: Vec<_> = places.chain(gone.iter().copied()).collect();
        client.run(&flush(&old)).with_context(|| {
            let old: Vec<_> = old.iter().map(u64::to_string).collect();
            format!(
                "the dump was restored, but the old data is still in the databases {} and could not be removed (FLUSHDB)",
                old.join(", ")
            )
        })?;
        Ok(())
    }

    /// Returns the commands that exchange the places with the databases; `there` is false to
    /// exchange them back.
    fn swap(&self, there: bool) -> Vec<CommandWords> {
        let mut commands = Vec::new();
        for (database, place) in &self.place_of_database {
            commands.push(select(*place));
            commands.push(write_words(&["DEL", MARKER, EXCHANGED]));
            commands.push(write_words(&[
                "SWAPDB",
                &database.to_string(),
                &place.to_string(),
            ]));
            commands.push(write_words(&["SET", MARKER, &self.mark]));
            if there {
                commands.push(write_words(&["SET", EXCHANGED, "1"]));
            }
        }
        commands
    }

    /// Exchanges the databases again if they were exchanged although a command failed with `error`.
    fn undo(&mut self, client: &Client, error: Error) -> Error {
        let place = self
            .place_of_database
            .values()
            .next()
            .copied()
            .unwrap_or_default();
        let undone = match client.query_number(place, &["EXISTS", EXCHANGED]) {
            Ok(0) => return error,
            Ok(_) => client.run(&write_transaction(self.swap(false))).map(drop),
            Err(lost) => Err(lost),
        };
        match undone {
            Ok(()) => error,
            Err(lost) => {
                // One of the two holds the old data, so neither is emptied.
                let places = std::mem::take(&mut self.place_of_database);
                let pairs: Vec<_> = places
                    .iter()
                    .map(|(database, place)| format!("{database} and {place}"))
                    .collect();
                error.context(format!(
                    "it is not known whether the server exchanged the databases {} ({lost:#}); where the second database of a pair holds the old data, exchange the pair with SWAPDB",
                    pairs.join(", ")
                ))
            }
        }
    }
}

impl EmptyDatabases<'_> {
    /// Removes what this restore put into the places. Returns the places that hold keys of other
    /// clients.
    fn clear(&self) -> Result<Vec<u64>> {
        let client = self.client.with_stop(Stop::for_cleanup());
        if self.sent > 0 {
            self.wait_for_sender(&client)?;
            // Removing the keys can take as long as sending them did.
            let stop = Stop::without_signals(self.client.stop().limit());
            let mut child = client.with_stop(stop).start_pipe()?;
            let mut removal = Removal::new(&mut child, &self.place_of_database, self.sent);
            let read = read_whole(self.dump, stop, &mut removal).map(drop);
            let fed = removal.finish(read);
            finish(child, fed, stop).map_err(|error| explain(&error))?;
        }
        let client = self.client.with_stop(Stop::for_cleanup());
        let mut others = Vec::new();
        for place in self.place_of_database.values() {
            client.run(&[select(*place), write_words(&["DEL", MARKER, EXCHANGED])])?;
            if client.query_number(*place, &["DBSIZE"])? > 0 {
                others.push(*place);
            }
        }
        Ok(others)
    }

    /// Waits until the server has closed the connection over which keys were sent. The server goes on
    /// to read what a client sent that was killed.
    fn wait_for_sender(&self, client: &Client) -> Result<()> {
        let name = format!("name={} ", self.mark);
        while client.ask(&["CLIENT", "LIST"])?.contains(&name) {
            client.stop().check()?;
            std::thread::sleep(NAP);
        }
        Ok(())
    }
}

impl Drop for EmptyDatabases<'_> {
    fn drop(&mut self) {
        if self.place_of_database.is_empty() {
            return;
        }
        match self.clear() {
            Ok(others) => {
                for place in others {
                    log::warn!(
                        "database {place} was empty before, and another client has put keys into it, which stay"
                    );
                }
            }
            Err(error) => {
                let places = self.place_of_database.values();
                let places: Vec<_> = places.map(u64::to_string).collect();
                log::warn!(
                    "the databases {} hold a part of the dump and were not emptied: {error:#}; the next restore empties them",
                    places.join(", ")
                );
            }
        }
    }
}
