//! The databases of a server into which a dump is loaded, and the exchange with the old ones.

use std::collections::BTreeMap;

use anyhow::{Context, Error, Result, ensure};

use super::client::Client;
use super::commands::{
    CommandWords, EXCHANGED, MARKER, flush, select, write_transaction, write_words,
};
use crate::engine::leftover;
use crate::stop::Stop;

/// Empty databases of a server, one for each database of a dump. Dropping the value empties them.
pub(super) struct EmptyDatabases<'a> {
    client: &'a Client,
    /// The place of each database.
    pub(super) place_of_database: BTreeMap<u64, u64>,
    /// The value of the key that marks a place.
    mark: String,
}

impl<'a> EmptyDatabases<'a> {
    /// Takes a place for each of the databases `wanted`. The databases `used` are not empty.
    ///
    /// # Errors
    /// When the server has too few databases, or refuses a command.
    pub(super) fn take(
        client: &'a Client,
        wanted: &[u64],
        used: &BTreeMap<u64, u64>,
    ) -> Result<Self> {
        let taken = |number: &u64| used.contains_key(number) || wanted.contains(number);
        let free = (0..).filter(|number| !taken(number));
        let place_of_database: BTreeMap<u64, u64> = wanted.iter().copied().zip(free).collect();
        // A command that follows a SELECT that failed would change another database. So this is
        // tried with nothing behind it.
        let try_out = place_of_database
            .iter()
            .flat_map(|(database, place)| [*database, *place]);
        let try_out: Vec<_> = try_out.map(select).collect();
        client.run(&try_out).with_context(|| {
            format!(
                "a restore needs {} of the server besides those that the dump and the server use; else stop the server and restore into its dump.rdb",
                crate::human::format_count(place_of_database.len(), "empty database")
            )
        })?;
        let places = EmptyDatabases {
            client,
            place_of_database,
            mark: leftover::make_name("dump-database", "restoring", 255),
        };
        let mut marks = Vec::new();
        for place in places.place_of_database.values() {
            marks.push(select(*place));
            marks.push(write_words(&["SET", MARKER, &places.mark, "NX"]));
        }
        client.run(&marks)?;
        Ok(places)
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

impl Drop for EmptyDatabases<'_> {
    fn drop(&mut self) {
        let places: Vec<_> = self.place_of_database.values().copied().collect();
        if places.is_empty() {
            return;
        }
        if let Err(error) = self
            .client
            .with_stop(Stop::for_cleanup())
            .run(&flush(&places))
        {
            let places: Vec<_> = places.iter().map(u64::to_string).collect();
            log::warn!(
                "the databases {} hold a part of the dump and were not emptied: {error:#}; the next restore empties them",
                places.join(", ")
            );
        }
    }
}
