//! Removes the keys that a restore sent, by their names: another client may have begun to use the same
//! database of the server, and its keys must stay.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::commands::{encode, select};
use crate::child::Child;
use crate::content::rdb::{Key, Rdb, Visitor};

/// The number of bytes that are sent at once.
const BUFFER: usize = 256 << 10;

/// The error that ends the reading of a dump after the last key that was sent.
const ENOUGH: &str = "all keys that were sent are found";

/// The reader of an RDB file whose keys are removed.
pub(super) struct Removal<'a>(Rdb<Remover<'a>>);

impl<'a> Removal<'a> {
    /// Starts sending to the client `child`. `places` holds the database that got the keys of each
    /// database of the file, and `sent` the number of keys that were sent.
    pub(super) fn new(child: &'a mut Child, places: &'a BTreeMap<u64, u64>, sent: u64) -> Self {
        Removal(Rdb::new(Remover {
            child,
            places,
            left: sent,
            database: 0,
            is_selected: false,
            buffer: Vec::new(),
        }))
    }

    /// Sends the rest. `read` is the result of reading the dump, which ends with [`ENOUGH`] after the last key that
    /// was sent.
    pub(super) fn finish(mut self, read: io::Result<()>) -> io::Result<()> {
        self.0.visitor.send()?;
        match read {
            Err(error) if self.0.visitor.left == 0 && error.to_string() == ENOUGH => Ok(()),
            read => read,
        }
    }
}

impl Write for Removal<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        // What follows the last key that was sent needs no reading.
        if self.0.visitor.left == 0 {
            return Err(io::Error::other(ENOUGH));
        }
        self.0.read(data)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes one command for each key.
struct Remover<'a> {
    child: &'a mut Child,
    places: &'a BTreeMap<u64, u64>,
    /// The number of keys that were sent and are not removed yet.
    left: u64,
    /// The database of the file that the keys are of.
    database: u64,
    /// True if the place of this database was selected.
    is_selected: bool,
    buffer: Vec<u8>,
}

impl Remover<'_> {
    fn send(&mut self) -> io::Result<()> {
        self.child.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl Visitor for Remover<'_> {
    const NAMES: bool = true;

    fn visit_database(&mut self, number: u64) -> io::Result<()> {
        self.database = number;
        self.is_selected = false;
        Ok(())
    }

    fn visit_key(&mut self, key: Key<'_>) -> io::Result<()> {
        let place = self.places.get(&self.database).copied();
        let (Some(place), Some(left)) = (place, self.left.checked_sub(1)) else {
            return Ok(());
        };
        self.left = left;
        if !self.is_selected {
            self.buffer.extend(encode(&select(place)));
            self.is_selected = true;
        }
        let unlink = [b"UNLINK".to_vec(), key.name.to_vec()];
        self.buffer.extend(encode(&unlink));
        if self.buffer.len() > BUFFER {
            self.send()?;
        }
        Ok(())
    }
}
